import { policyAt } from '../account.js';
import type { ConsentScope } from '../consent.js';
import { plus, SECOND_MS, type Instant } from '../time.js';
import { after, type Situation } from './context.js';
import type { CustomerEvent } from './events.js';
import { redecided } from './permit.js';
import type { RefusalReason } from './reasons.js';
import { openIntent, type OpenIntent } from './state.js';

// What became of a call (rules §7): the provider's answer, its later reports, or that nobody knows.

/** Of the back-off of one sender and customer in seconds, by the attempt. */
const PAIR_BACK_OFF_BASE = 4;

/** What the provider said, as its adapter understands it (platforms §2d). */
export type ProviderOutcome =
  | { readonly kind: 'accepted'; readonly providerMessageId: string }
  | (Failure & { readonly kind: 'failed'; readonly retryable: boolean })
  | { readonly kind: 'unknown'; readonly cause: string };

export interface Failure {
  /** The provider's code. */
  readonly code: string;
  /** Definitely not sent, and worth another attempt; without a word on it, not. */
  readonly retryable?: boolean | undefined;
  readonly effect?: ProviderEffect | undefined;
  /** How to mend it, for people; never quotes the message. */
  readonly remedy?: string | undefined;
}

/** What a refusal tells beyond this message: about the recipient, the template, the sender or the account. */
export type ProviderEffect =
  | { readonly kind: 'window-closed' }
  | { readonly kind: 'opted-out'; readonly scope: ConsentScope }
  | {
      readonly kind: 'cooldown';
      readonly scope: ConsentScope;
      readonly forMs: number;
      readonly exceptInWindow?: true | undefined;
    }
  /**
   * Paused until it is approved again, disabled for good, or unknown to the platform in this language. Whoever settles
   * such an outcome has recorded it in the template's stream first, so that the intent is decided on it.
   */
  | { readonly kind: 'template-unavailable'; readonly status: 'paused' | 'disabled' | 'unknown' }
  /** Too many from this sender to this customer: that pair alone backs off, by 4^n s. */
  | { readonly kind: 'pair-limited' }
  /** Too many from this sender, to whomever. */
  | { readonly kind: 'throughput-limited' }
  | { readonly kind: 'sender-blocked'; readonly forMs: number }
  /** Somebody must act: payment, credentials, policy. `country`: only for recipients in this one's country. */
  | { readonly kind: 'account-halted'; readonly extent: 'account' | 'country' };

/** The outcome of the attempt that `claim` started. Only the owner of the stored claim may say it; else nothing happens. */
export const settle = (
  intentId: string,
  claim: string,
  outcome: ProviderOutcome,
  situation: Situation,
): readonly CustomerEvent[] => {
  const open = openIntent(situation.customer, intentId);
  if (open === undefined || !('claim' in open) || open.claim !== claim || open.status === 'accepted') return [];
  const at = situation.now;
  switch (outcome.kind) {
    case 'accepted':
      return [{ type: 'SendAccepted', at, intentId, claim, providerMessageId: outcome.providerMessageId }];
    case 'unknown':
      return open.status === 'started'
        ? [{ type: 'SendOutcomeUnknown', at, intentId, claim, cause: outcome.cause }]
        : [];
    case 'failed':
      return failed(open, outcome, undefined, at, situation);
  }
};

/** A start without an outcome for longer than the policy's attempt time (rules §7). Never resent blindly. */
export const giveUpWaiting = (intentId: string, situation: Situation): readonly CustomerEvent[] => {
  const open = openIntent(situation.customer, intentId);
  if (open?.status !== 'started') return [];
  if (situation.now < plus(open.startedAt, policyAt(situation.account, situation.now).attemptTimeMs)) return [];
  return [
    { type: 'SendOutcomeUnknown', at: situation.now, intentId, claim: open.claim, cause: 'no outcome was recorded' },
  ];
};

/** What a person found out about an unknown outcome, at the provider or from the customer (rules §7). */
export interface Settlement {
  readonly outcome: 'delivered' | 'failed';
  /** Who says so. */
  readonly settledBy: string;
  /** The provider's id of the message, if it is known. */
  readonly providerMessageId?: string | undefined;
}

/** Nothing where the outcome is known, or not given up on yet: then it is not for a person to say. */
export const settleUnknown = (
  intentId: string,
  { outcome, settledBy, providerMessageId }: Settlement,
  situation: Situation,
): readonly CustomerEvent[] => {
  const open = openIntent(situation.customer, intentId);
  if (open?.status !== 'outcome-unknown') return [];
  const { claim, intent } = open;
  const at = situation.now;
  const { sender } = intent;
  return outcome === 'delivered'
    ? [{ type: 'MessageDelivered', at, intentId, providerMessageId: providerMessageId ?? claim, sender, settledBy }]
    : [{ type: 'SendFailed', at, intentId, claim, code: 'settled', final: true, providerMessageId, settledBy }];
};

/** A delivery report of the provider, about a message that carries our correlation or that the provider's id leads to. */
export interface DeliveryReport {
  readonly status: 'sent' | 'delivered' | 'read' | 'failed';
  readonly at: Instant;
  readonly providerMessageId: string;
  readonly intentId?: string | undefined;
  readonly failure?: Failure | undefined;
}

/** Outcomes and reports fold in any order of arrival (rules §7). */
export const report = (delivery: DeliveryReport, situation: Situation): readonly CustomerEvent[] => {
  const { status, at, providerMessageId, intentId, failure = { code: 'unknown' } } = delivery;
  const open = intentId === undefined ? undefined : openIntent(situation.customer, intentId);
  const isOfEarlierAttempt = open?.failedMessages?.includes(providerMessageId) === true;
  switch (status) {
    case 'delivered':
    case 'read':
      return [
        {
          type: status === 'read' ? 'MessageRead' : 'MessageDelivered',
          at,
          intentId,
          providerMessageId,
          sender: open?.intent.sender,
        },
      ];
    case 'sent':
      // Settles an unknown outcome: the platform has it.
      return intentId !== undefined &&
        open !== undefined &&
        'claim' in open &&
        open.status !== 'accepted' &&
        !isOfEarlierAttempt
        ? [{ type: 'SendAccepted', at: situation.now, intentId, claim: open.claim, providerMessageId }]
        : [];
    case 'failed': {
      // A repeat about an earlier message of this intent says nothing about the one that went since.
      if (isOfEarlierAttempt) return [];
      if (open !== undefined && 'claim' in open) {
        if (open.status === 'accepted' && open.providerMessageId !== providerMessageId) return [];
        return failed(open, failure, providerMessageId, at, situation);
      }
      // An intent that is held or waits for another attempt has no message of this report any more.
      if (open !== undefined) return [];
      const { code, effect } = failure;
      const told = toldOfRecipient(effect, code, `${intentId ?? providerMessageId}/${code}`, at, situation.now);
      return intentId === undefined
        ? told
        : [{ type: 'SendFailed', at, intentId, code, final: true, providerMessageId }, ...told];
    }
  }
};

type Attempted = Extract<OpenIntent, { status: 'started' | 'outcome-unknown' | 'accepted' }>;

const failed = (
  open: Attempted,
  { code, retryable = false, effect }: Failure,
  providerMessageId: string | undefined,
  at: Instant,
  situation: Situation,
): readonly CustomerEvent[] => {
  const { intentId } = open.intent;
  const { now } = situation;
  const policy = policyAt(situation.account, now);
  const base = { type: 'SendFailed', at, intentId, claim: open.claim, code, providerMessageId } as const;
  const withdrawn = withdrawal(open, effect, now);
  if (withdrawn !== undefined) {
    const final = open.revocations > 0;
    const failure: CustomerEvent = { ...base, final };
    if (withdrawn.type === 'SendRevoked' && final) return [failure];
    const facts: readonly CustomerEvent[] = [failure, withdrawn];
    // The intent is decided once more; a second time the failure is final (rules §7).
    return final ? facts : [...facts, redecided(open, false, after(situation, facts))];
  }
  const pauseMs =
    effect?.kind === 'pair-limited'
      ? PAIR_BACK_OFF_BASE ** open.attempt * SECOND_MS
      : policy.retryAfterMs * 2 ** (open.attempt - 1);
  const retryAt = plus(now, pauseMs);
  if (retryable && open.attempt < policy.attempts && retryAt < open.validUntil)
    return [{ ...base, final: false, retryAt }];
  return [{ ...base, final: true }, ...toldOfRecipient(effect, code, `${intentId}/${code}`, at, now)];
};

const unavailable = {
  paused: 'template-paused',
  disabled: 'template-disabled',
  unknown: 'template-not-approved',
} as const satisfies { readonly [status: string]: RefusalReason };

/** What takes the permit away beside the failure: what it stood on is not as the gate thought. */
const withdrawal = (
  { intent: { intentId, sender }, startedAt, ordinal }: Attempted,
  effect: ProviderEffect | undefined,
  now: Instant,
): Extract<CustomerEvent, { type: 'WindowCorrected' | 'SendRevoked' }> | undefined => {
  switch (effect?.kind) {
    case 'window-closed':
      return { type: 'WindowCorrected', at: now, sender, intentId, startedAt };
    case 'template-unavailable':
      return { type: 'SendRevoked', at: now, intentId, ordinal, reason: unavailable[effect.status], final: false };
    default:
      return undefined;
  }
};

/** What a refusal tells about the recipient, as facts of their own: they hold whatever became of the message. */
const toldOfRecipient = (
  effect: ProviderEffect | undefined,
  code: string,
  reference: string,
  at: Instant,
  now: Instant,
): readonly CustomerEvent[] => {
  switch (effect?.kind) {
    case 'opted-out':
      return [{ type: 'CustomerOptedOut', at, scope: effect.scope, source: 'provider', reference, receivedAt: now }];
    case 'cooldown': {
      const { scope, forMs, exceptInWindow } = effect;
      return [{ type: 'RecipientCooledDown', at, scope, until: plus(now, forMs), code, exceptInWindow }];
    }
    default:
      return [];
  }
};
