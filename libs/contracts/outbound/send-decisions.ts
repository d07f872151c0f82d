import { outcomes } from '#domain/gate/verdict';
import type { OutgoingMessage } from '#application/ports/message-queue';
import type { DecisionOutcome } from '#application/ports/read-model';
import type { CostEffect, Decided, DecisionRecord, Evidence, SendEvent, Trace } from '#domain/gate/events';
import type { Instant } from '#domain/time';
import { partitionKey } from '../topics.js';
import type { DecisionReason, EvidenceDto, SendDecisionDto } from './decision-dto.js';
import { outgoing, written, type Attributes } from './outgoing.js';

/**
 * What the upstream learns of one intent. Where nothing was recorded (`invalid-intent`, `intent-conflict`, `too-late`)
 * only the first block is there, and where the intent was cancelled only that with revision and sender.
 */
export interface SendDecision {
  /** These three are absent where an invalid intent did not say them; then there is `messageKey`. */
  readonly account?: string | undefined;
  readonly customer?: string | undefined;
  readonly intentId?: string | undefined;
  readonly messageKey?: string | undefined;
  /** With `too-late`, the one that stands. */
  readonly outcome: DecisionOutcome;
  readonly reason?: DecisionReason | undefined;
  /** What would have changed it. */
  readonly remedy?: string | undefined;
  readonly decidedAt: Instant;

  readonly ordinal?: number | undefined;
  /** Revision of the decision in the customer's stream. */
  readonly revision?: number | undefined;
  readonly sender?: string | undefined;
  /** Which content may be sent: the intent's own or its fallback. */
  readonly content?: 'own' | 'fallback' | undefined;
  readonly validUntil?: Instant | undefined;
  /** Of a hold: when it is looked at again, at the latest, and when it ends. */
  readonly wakeAt?: Instant | undefined;
  readonly expiresAt?: Instant | undefined;
  readonly rule?: DecisionRecord['rule'] | undefined;
  readonly trace?: Trace | undefined;
  readonly fallbackTrace?: Trace | undefined;
  readonly policy?: string | undefined;
  readonly cost?: CostEffect | undefined;
  readonly evidence?: Evidence | undefined;
}

/** The decision that an event records, without anything personal. */
export const decisionOf = (account: string, customer: string, event: Decided, revision: number): SendDecision => ({
  account,
  customer,
  intentId: event.intent.intentId,
  outcome: outcomes[event.type],
  reason: event.type === 'SendRefused' || event.type === 'SendHeld' ? event.reason : undefined,
  remedy: event.type === 'SendRefused' ? event.remedy : undefined,
  content: event.type === 'SendAuthorised' ? event.content : undefined,
  validUntil: event.type === 'SendAuthorised' ? event.validUntil : undefined,
  wakeAt: event.type === 'SendHeld' ? event.wakeAt : undefined,
  expiresAt: event.type === 'SendHeld' ? event.expiresAt : undefined,
  decidedAt: event.at,
  ordinal: event.ordinal,
  revision,
  sender: event.intent.sender,
  rule: event.rule,
  trace: event.trace,
  fallbackTrace: event.fallbackTrace,
  policy: event.policy,
  cost: event.cost,
  evidence: event.evidence,
});

/** A cancellation as a decision: no rule took it, so it has no trace. Its own words may quote a person and stay in the log. */
export const cancelledDecision = (
  account: string,
  customer: string,
  { intentId, intent, at }: Extract<SendEvent, { readonly type: 'SendCancelled' }>,
  revision: number,
): SendDecision => ({
  account,
  customer,
  intentId,
  outcome: 'cancelled',
  decidedAt: at,
  revision,
  sender: intent?.sender,
});

const optionallyWritten = (at: Instant | undefined): string | undefined => (at === undefined ? undefined : written(at));

// Field by field: spreading these objects takes longer than to write them as JSON.

const writtenEvidence = (evidence: Evidence): EvidenceDto => ({
  customerRevision: evidence.customerRevision,
  accountRevision: evidence.accountRevision,
  templateRevision: evidence.templateRevision,
  mauPosition: evidence.mauPosition,
  windowEnd: optionallyWritten(evidence.windowEnd),
  openSender: evidence.openSender,
  consent: evidence.consent && {
    status: evidence.consent.status,
    scope: evidence.consent.scope,
    at: written(evidence.consent.at),
  },
  templateStatus: evidence.templateStatus,
  slotsUsed: evidence.slotsUsed,
});

const keyOf = ({ account, customer, messageKey = '' }: SendDecision): string =>
  account === undefined || customer === undefined ? messageKey : partitionKey(account, customer);

export const sendDecisionMessage = (decision: SendDecision, attributes: Attributes): OutgoingMessage =>
  outgoing('send-decisions', 'decision', keyOf(decision), attributes, {
    account: decision.account,
    customer: decision.customer,
    intentId: decision.intentId,
    messageKey: decision.messageKey,
    outcome: decision.outcome,
    reason: decision.reason,
    remedy: decision.remedy,
    decidedAt: written(decision.decidedAt),
    ordinal: decision.ordinal,
    revision: decision.revision,
    sender: decision.sender,
    content: decision.content,
    validUntil: optionallyWritten(decision.validUntil),
    wakeAt: optionallyWritten(decision.wakeAt),
    expiresAt: optionallyWritten(decision.expiresAt),
    rule: decision.rule,
    trace: decision.trace,
    fallbackTrace: decision.fallbackTrace,
    policy: decision.policy,
    cost: decision.cost,
    evidence: decision.evidence && writtenEvidence(decision.evidence),
  } satisfies SendDecisionDto);
