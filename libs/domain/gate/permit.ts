import type { ConsentScope } from '../consent.js';
import { policyAt } from '../account.js';
import { earliest, plus, type Instant } from '../time.js';
import { isOpen } from '../window.js';
import { after, evidenceOf, judged, type Judged, type Situation } from './context.js';
import { decide } from './decide.js';
import type { CustomerEvent, Decided, SendEvent } from './events.js';
import { rules } from './rules.js';
import type { RefusalReason } from './reasons.js';
import { openIntent, type OpenIntent } from './state.js';

// From permit to provider (rules §7): the re-check and the claim just before the call, then the outcome.

type Authorised = Extract<OpenIntent, { status: 'authorised' }>;

const sent = (open: Authorised) =>
  open.content === 'fallback'
    ? open.intent.fallback
    : open.intent.content.kind === 'template'
      ? open.intent.content
      : undefined;

/** What a permit must still hold when it is used: consent, cooldown, window, and the template's status and category. */
const recheckedRules = new Set(['5', '5a', '8', '10']);

const objection = (open: Authorised, j: Judged): RefusalReason | undefined => {
  if (j.now >= open.validUntil) return 'permit-lapsed';
  if (open.needsWindow && !j.open) return 'window-closed';
  for (const rule of rules) {
    if (!recheckedRules.has(rule.id) || (rule.on === 'template' && j.template === undefined)) continue;
    const found = rule.finds(j);
    if (found?.outcome === 'refused') return found.reason;
    if (found?.outcome === 'held') return 'template-paused';
  }
  return undefined;
};

/** This intent's own confirmation must not stand in its own way when it is checked again. */
const withoutOwnClaims = (open: Authorised, situation: Situation): Situation =>
  situation.customer.confirmed?.intentId === open.intent.intentId
    ? { ...situation, customer: { ...situation.customer, confirmed: undefined } }
    : situation;

export type Claim =
  /** Append, and call the provider only if the append succeeded. */
  | { readonly kind: 'claimed'; readonly events: readonly [Extract<CustomerEvent, { type: 'SendStarted' }>] }
  | { readonly kind: 'revoked'; readonly events: readonly CustomerEvent[] }
  /** Started, cancelled, held or gone: not ours to send. */
  | { readonly kind: 'not-due' };

/** The whole re-check and, if it holds, the claim. `claim` is random, so that two workers never both believe to own it. */
export const claim = (intentId: string, claim: string, situation: Situation): Claim => {
  const open = openIntent(situation.customer, intentId);
  if (open?.status !== 'authorised') return { kind: 'not-due' };
  if (open.retryAt !== undefined && open.retryAt > situation.now && situation.now < open.validUntil)
    return { kind: 'not-due' };
  const j = judged(withoutOwnClaims(open, situation), open.intent, sent(open));
  const reason = objection(open, j);
  if (reason !== undefined) return { kind: 'revoked', events: revoke(open, reason, situation) };
  return {
    kind: 'claimed',
    events: [
      {
        type: 'SendStarted',
        at: situation.now,
        intentId,
        ordinal: open.ordinal,
        attempt: open.attempt + 1,
        claim,
        sender: open.intent.sender,
        evidence: evidenceOf(j),
      },
    ],
  };
};

/** Gives the slot back and decides once more; a second time is final (rules §7). */
const revoke = (open: Authorised, reason: RefusalReason, situation: Situation): readonly CustomerEvent[] => {
  const { intentId } = open.intent;
  const final = open.revocations > 0;
  const revoked: SendEvent = {
    type: 'SendRevoked',
    at: situation.now,
    intentId,
    ordinal: open.ordinal,
    reason,
    final: false,
  };
  return [revoked, redecided(open, final, after(situation, [revoked]))];
};

/** Decides once more; `final`: whatever the rules would say, this was the last time (rules §7). */
export const redecided = (open: OpenIntent, final: boolean, situation: Situation): Decided => {
  const decided = decide(open.intent, open.personal, situation);
  if (!final) return decided;
  const { at, intent, ordinal, trace, fallbackTrace, policy, evidence, cost, personal } = decided;
  return {
    type: 'SendRefused',
    at,
    intent,
    ordinal,
    rule: 'recheck',
    trace,
    fallbackTrace,
    policy,
    evidence,
    cost,
    personal,
    reason: 'permit-lapsed',
    remedy: 'send the intent again under a new id',
  };
};

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
  /** Paused until it is approved again, disabled for good, or unknown to the platform in this language. */
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
  const { intentId, sender } = open.intent;
  const { now } = situation;
  const policy = policyAt(situation.account, now);
  const base = { type: 'SendFailed', at, intentId, claim: open.claim, code, providerMessageId } as const;
  if (effect?.kind === 'window-closed') {
    const final = open.revocations > 0;
    const facts: readonly CustomerEvent[] = [
      { ...base, final },
      { type: 'WindowCorrected', at: now, sender, intentId, startedAt: open.startedAt },
    ];
    // The intent is decided once more by its `whenClosed`; a second time the failure is final (rules §7).
    return final ? facts : [...facts, redecided(open, false, after(situation, facts))];
  }
  const retryAt = plus(now, policy.retryAfterMs * 2 ** (open.attempt - 1));
  if (retryable && open.attempt < policy.attempts && retryAt < open.validUntil)
    return [{ ...base, final: false, retryAt }];
  return [{ ...base, final: true }, ...toldOfRecipient(effect, code, `${intentId}/${code}`, at, now)];
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

/** When the intent next needs attention; undefined: only an event can change it (rules §7, §8). */
export const wakesAt = (
  open: OpenIntent,
  situation: Pick<Situation, 'customer' | 'account'>,
  now: Instant,
): Instant | undefined => {
  // A closed stream's intents are the survivor's to look after (rules §11).
  if (situation.customer.survivor !== undefined) return undefined;
  switch (open.status) {
    case 'held': {
      const { customer, account } = situation;
      const { sender, former } = open.intent;
      // The opener came: due at once, and no later than what was held after it (rules §8).
      const isDue =
        open.reason === 'window-closed' &&
        former !== true &&
        isOpen(customer.windows[sender], now, policyAt(account, now));
      return isDue ? earliest(open.heldAt ?? now, open.wakeAt) : open.wakeAt;
    }
    case 'authorised':
      return open.retryAt ?? open.validUntil;
    case 'started':
      return plus(open.startedAt, policyAt(situation.account, now).attemptTimeMs);
    case 'accepted':
      return plus(open.startedAt, policyAt(situation.account, now).deliveredWithinMs);
    case 'outcome-unknown':
      return undefined;
  }
};
