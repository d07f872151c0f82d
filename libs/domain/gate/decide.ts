import { policyVersion } from '../policy.js';
import { earliest, latest, plus, type Instant } from '../time.js';
import { after, costOf, evidenceOf, judged, type Judged, type Situation } from './context.js';
import type { CustomerEvent, Decided, RuleId, SendEvent, Trace } from './events.js';
import type { IntentPersonal, SendIntent, TemplateContent } from './intent.js';
import { allowanceRule, confirmsOptOut, rules, type Finding } from './rules.js';
import { openIntent, type CustomerState, type OpenIntent } from './state.js';
import { APPLIES, NOT_APPLICABLE, PASSED, traceOf } from './trace.js';

interface Judgement {
  readonly finding: Finding;
  readonly rule: RuleId;
  readonly trace: Trace;
}

/** Evaluates all rules, so that the trace is whole; the first finding decides (rules §6). */
const judge = (j: Judged): Judgement => {
  const kind = j.template === undefined ? 'session' : 'template';
  let digits = 0;
  let finding: Finding | undefined;
  let rule: RuleId = '3';
  for (const candidate of rules) {
    if (candidate.on !== 'any' && candidate.on !== kind) {
      digits = digits * 3 + NOT_APPLICABLE;
      continue;
    }
    const found = candidate.finds(j);
    digits = digits * 3 + (found === undefined ? PASSED : APPLIES);
    if (finding === undefined && found !== undefined) {
      finding = found;
      rule = candidate.id;
    }
  }
  const overAllowance = allowanceRule(j);
  const trace = traceOf(digits * 3 + (overAllowance === undefined ? PASSED : APPLIES));
  if (overAllowance !== undefined && finding?.outcome === 'authorised')
    return { finding: overAllowance, rule: '13', trace };
  // Unreachable: rules 6 and 7, and rules 9 and 12, leave no gap between them. A gap must never send.
  return { finding: finding ?? CLOSED, rule, trace };
};

const CLOSED = { outcome: 'refused', reason: 'window-closed', remedy: 'the customer writes' } as const;

const ownTemplate = (intent: SendIntent): TemplateContent | undefined =>
  intent.content.kind === 'template' ? intent.content : undefined;

/** Decides one intent (rules §6, rules 3–13). Pure: the same situation gives the same event. */
export const decide = (intent: SendIntent, personal: IntentPersonal, situation: Situation): Decided => {
  const own = judged(situation, intent, ownTemplate(intent));
  const first = judge(own);
  if (first.finding.outcome !== 'fallback' || intent.fallback === undefined)
    return recorded(own, personal, first, 'own');
  const fallback = judged(situation, intent, intent.fallback);
  const second = judge(fallback);
  return recorded(fallback, personal, { ...second, trace: first.trace }, 'fallback', second.trace);
};

/** Each event is made in one go: to add its own fields to a record of those that all have makes a decision a third dearer (V8). */
const recorded = (
  j: Judged,
  personal: IntentPersonal,
  { finding, rule, trace }: Judgement,
  content: 'own' | 'fallback',
  fallbackTrace?: Trace,
): Decided => {
  const { intent, now: at, situation } = j;
  const ordinal = (openIntent(situation.customer, intent.intentId)?.ordinal ?? 0) + 1;
  const policy = policyVersion(j.policy);
  const evidence = evidenceOf(j);
  const cost = costOf(situation);
  switch (finding.outcome) {
    case 'authorised':
      return {
        type: 'SendAuthorised',
        at,
        intent,
        ordinal,
        rule,
        trace,
        fallbackTrace,
        policy,
        evidence,
        cost,
        personal,
        content,
        validUntil: finding.validUntil,
        usesSlot: finding.usesSlot,
        confirmsOptOutAt: confirmsOptOut(j) ? situation.customer.consents.all?.at : undefined,
      };
    case 'held': {
      const expiresAt = holdExpiry(j);
      return {
        type: 'SendHeld',
        at,
        intent,
        ordinal,
        rule,
        trace,
        fallbackTrace,
        policy,
        evidence,
        cost,
        personal,
        reason: finding.reason,
        wakeAt: earliest(finding.wakeAt, expiresAt) ?? expiresAt,
        expiresAt,
        template: finding.reason === 'template-paused' ? nameOf(j.template) : undefined,
      };
    }
    case 'expired':
      return {
        type: 'SendExpired',
        at,
        intent,
        ordinal,
        rule,
        trace,
        fallbackTrace,
        policy,
        evidence,
        cost,
        personal,
      };
    case 'refused':
    case 'fallback': {
      // Only a session message names a fallback, and a fallback is a template: this cannot nest.
      const { reason, remedy } = finding.outcome === 'refused' ? finding : CLOSED;
      return {
        type: 'SendRefused',
        at,
        intent,
        ordinal,
        rule,
        trace,
        fallbackTrace,
        policy,
        evidence,
        cost,
        personal,
        reason,
        remedy,
      };
    }
  }
};

const nameOf = (template: TemplateContent | undefined): { name: string; language: string } | undefined =>
  template && { name: template.name, language: template.language };

/** Without an expiry of its own a held intent lives as long as the policy's longest hold (rules §8). */
const holdExpiry = (j: Judged): Instant => j.expiresAt ?? plus(latest(j.intent.sendAt, j.now), j.policy.longestHoldMs);

/** The answer to an intent that came in (rules §6, rules 2–13). */
export type Answer =
  | { readonly kind: 'decided'; readonly events: readonly [Decided] }
  /** A redelivery: the standing decision is the answer, nothing new happened. */
  | { readonly kind: 'duplicate' }
  /** Other content under a used id: refused, and the first decision stays. */
  | { readonly kind: 'conflict' };

/** What is known of earlier decisions on the same id, also of those that the customer's state no longer holds. */
export type Prior = { readonly fingerprint: string | null } | undefined;

export const answer = (intent: SendIntent, personal: IntentPersonal, prior: Prior, situation: Situation): Answer => {
  const standing = prior ?? openIntent(situation.customer, intent.intentId)?.intent;
  if (standing === undefined) return { kind: 'decided', events: [decide(intent, personal, situation)] };
  // Cancelled before it came: there is no content to compare with, and the cancellation stands (ADR 0004).
  const same = standing.fingerprint === null || standing.fingerprint === intent.fingerprint;
  return { kind: same ? 'duplicate' : 'conflict' };
};

/**
 * Looks at a held intent again. The release and the new decision are one append;
 * a release that would hold again for the same reason changes nothing (rules §8).
 */
export const release = (open: OpenIntent, situation: Situation): readonly CustomerEvent[] => {
  if (open.status !== 'held') return [];
  const { intentId } = open.intent;
  const released: SendEvent = {
    type: 'SendReleased',
    at: situation.now,
    intentId,
    ordinal: open.ordinal + 1,
    from: open.reason,
  };
  const decided = decide(open.intent, open.personal, after(situation, [released]));
  return decided.type === 'SendHeld' && decided.reason === open.reason ? [] : [released, decided];
};

/** In the order in which they were held, as an opener releases them (rules §8). */
export const inHeldOrder = <T extends { readonly intentId: string }>(
  keys: readonly T[],
  customer: CustomerState,
): readonly T[] => {
  const place = ({ intentId }: T): number => {
    const open = openIntent(customer, intentId);
    return open?.status === 'held' ? (open.heldAs ?? 0) : 0;
  };
  return keys.toSorted((a, b) => place(a) - place(b));
};

export type Cancellation =
  | { readonly kind: 'cancelled'; readonly events: readonly CustomerEvent[] }
  /** The provider was called already, or the decision is final. */
  | { readonly kind: 'too-late' };

/** Possible until `SendStarted` (rules §8). A cancellation that overtakes its intent stands when the intent comes. */
export const cancel = (
  intentId: string,
  reason: string | undefined,
  prior: Prior,
  situation: Pick<Situation, 'now' | 'customer'>,
): Cancellation => {
  const open = openIntent(situation.customer, intentId);
  if (open === undefined ? prior !== undefined : open.status !== 'held' && open.status !== 'authorised') {
    return { kind: 'too-late' };
  }
  return {
    kind: 'cancelled',
    events: [{ type: 'SendCancelled', at: situation.now, intentId, intent: open?.intent, reason }],
  };
};
