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

const outcomes = {
  SendAuthorised: 'authorised',
  SendRefused: 'refused',
  SendHeld: 'held',
  SendExpired: 'expired',
} as const satisfies Record<Decided['type'], DecisionOutcome>;

const verdictOf = (event: Decided): Partial<SendDecision> => {
  switch (event.type) {
    case 'SendAuthorised':
      return { content: event.content, validUntil: event.validUntil };
    case 'SendRefused':
      return { reason: event.reason, remedy: event.remedy };
    case 'SendHeld':
      return { reason: event.reason, wakeAt: event.wakeAt, expiresAt: event.expiresAt };
    case 'SendExpired':
      return {};
  }
};

/** The decision that an event records, without anything personal. */
export const decisionOf = (account: string, customer: string, event: Decided, revision: number): SendDecision => ({
  account,
  customer,
  intentId: event.intent.intentId,
  outcome: outcomes[event.type],
  ...verdictOf(event),
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

const writtenEvidence = (evidence: Evidence): EvidenceDto => ({
  ...evidence,
  windowEnd: optionallyWritten(evidence.windowEnd),
  consent: evidence.consent && { ...evidence.consent, at: written(evidence.consent.at) },
});

const keyOf = ({ account, customer, messageKey = '' }: SendDecision): string =>
  account === undefined || customer === undefined ? messageKey : partitionKey(account, customer);

export const sendDecisionMessage = (decision: SendDecision, attributes: Attributes): OutgoingMessage =>
  outgoing('send-decisions', 'decision', keyOf(decision), attributes, {
    ...decision,
    decidedAt: written(decision.decidedAt),
    validUntil: optionallyWritten(decision.validUntil),
    wakeAt: optionallyWritten(decision.wakeAt),
    expiresAt: optionallyWritten(decision.expiresAt),
    evidence: decision.evidence && writtenEvidence(decision.evidence),
  } satisfies SendDecisionDto);
