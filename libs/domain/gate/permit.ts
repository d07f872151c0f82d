import { policyAt } from '../account.js';
import { earliest, plus, SECOND_MS, type Instant } from '../time.js';
import { isOpen } from '../window.js';
import { after, evidenceOf, judged, type Judged, type Situation } from './context.js';
import { decide } from './decide.js';
import type { CustomerEvent, Decided, SendEvent } from './events.js';
import { pairFreeAt } from './pair-limit.js';
import { rules } from './rules.js';
import type { TemplateContent } from './intent.js';
import type { RefusalReason } from './reasons.js';
import { openIntent, type OpenIntent } from './state.js';

// From permit to provider (rules §7): the re-check and the claim just before the call.

type Authorised = Extract<OpenIntent, { status: 'authorised' }>;

/** The template that a permit lets through; undefined for a session message. */
export const sentTemplate = (open: Exclude<OpenIntent, { status: 'held' }>): TemplateContent | undefined =>
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
  /** Too many went to this customer: may go then at the earliest, and keeps its permit until it does. */
  | { readonly kind: 'paced'; readonly notBefore: Instant }
  /** Started, cancelled, held or gone: not ours to send. */
  | { readonly kind: 'not-due' };

/** The whole re-check and, if it holds, the claim. `claim` is random, so that two workers never both believe to own it. */
export const claim = (intentId: string, claim: string, situation: Situation): Claim => {
  const open = openIntent(situation.customer, intentId);
  if (open?.status !== 'authorised') return { kind: 'not-due' };
  if (open.retryAt !== undefined && open.retryAt > situation.now && situation.now < open.validUntil)
    return { kind: 'not-due' };
  const j = judged(withoutOwnClaims(open, situation), open.intent, sentTemplate(open));
  const reason = objection(open, j);
  if (reason !== undefined) return { kind: 'revoked', events: revoke(open, reason, situation) };
  const notBefore = pairFreeAt(situation.customer.paid?.[open.intent.sender], situation.now);
  if (notBefore > situation.now) return { kind: 'paced', notBefore };
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

/** An authorisation that nobody acted on for so long is looked at again. */
const COMMAND_WITHIN_MS = 30 * SECOND_MS;

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
      // A command that came to nothing, or that waits for its turn in the memory of a process that died.
      return open.retryAt ?? earliest(open.validUntil, open.authorisedAt && plus(open.authorisedAt, COMMAND_WITHIN_MS));
    case 'started':
      return plus(open.startedAt, policyAt(situation.account, now).attemptTimeMs);
    case 'accepted':
      return plus(open.startedAt, policyAt(situation.account, now).deliveredWithinMs);
    case 'outcome-unknown':
      return undefined;
  }
};
