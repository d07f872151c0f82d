import type { OutgoingMessage } from '#application/ports/message-queue';
import type { DecisionOutcome } from '#application/ports/read-model';
import type { CostEffect, Decided, Evidence, Trace } from '#domain/gate/events';
import type { Instant } from '#domain/time';
import { partitionKey } from '../topics.js';
import { outgoing, written, type Attributes } from './outgoing.js';

/**
 * What the upstream learns of one intent. Where no event was recorded (`invalid-intent`, `intent-conflict`, `too-late`)
 * only the first block is there.
 */
export interface SendDecision {
  readonly account: string;
  /** The customer's id; of an invalid intent, the key of its message. */
  readonly customer: string;
  /** Absent when the invalid intent had none. */
  readonly intentId?: string | undefined;
  readonly outcome: DecisionOutcome;
  /** A reason of the rules, or `too-late` for a cancellation after the start of the call. */
  readonly reason?: string | undefined;
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
  readonly rule?: string | undefined;
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

const optionallyWritten = (at: Instant | undefined): string | undefined => (at === undefined ? undefined : written(at));

export const sendDecisionMessage = (decision: SendDecision, attributes: Attributes): OutgoingMessage => {
  const { evidence } = decision;
  return outgoing('send-decisions', 'decision', partitionKey(decision.account, decision.customer), attributes, {
    ...decision,
    decidedAt: written(decision.decidedAt),
    validUntil: optionallyWritten(decision.validUntil),
    wakeAt: optionallyWritten(decision.wakeAt),
    expiresAt: optionallyWritten(decision.expiresAt),
    evidence: evidence && {
      ...evidence,
      windowEnd: optionallyWritten(evidence.windowEnd),
      consent: evidence.consent && { ...evidence.consent, at: written(evidence.consent.at) },
    },
  });
};
