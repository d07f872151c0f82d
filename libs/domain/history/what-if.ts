import type { AccountState } from '../account.js';
import type { CustomerEvent, Decided } from '../gate/events.js';
import { evolve } from '../gate/evolve.js';
import { openIntent, type CustomerState } from '../gate/state.js';
import { opensWindow } from '../message.js';
import { policyVersion, type Policy } from '../policy.js';
import { instantOf } from '../time.js';
import { same } from './compare.js';
import { decideAgain, situationOf, type Known } from './rederive.js';
import { isDecided } from '../gate/verdict.js';

/** The account as if it had always followed this policy; all else as it was. */
export const underPolicy = (account: AccountState, policy: Policy): AccountState => ({
  ...account,
  policies: [{ effectiveAt: instantOf(0), policy }],
});

const notOnboarded = instantOf(Number.POSITIVE_INFINITY);

/** A message or a call as the policy classifies it (rules §3); any other event, and one that it classifies the same, as it is. */
const reclassified = (event: CustomerEvent, account: AccountState, policy: Policy): CustomerEvent => {
  switch (event.type) {
    case 'CustomerMessageReceived': {
      const onboardedAt = account.senders[event.sender]?.onboardedAt ?? notOnboarded;
      const opens = event.former !== true && opensWindow(event, policy, onboardedAt);
      return opens === event.opens ? event : { ...event, opens, policy: policyVersion(policy) };
    }
    case 'CustomerCallReceived': {
      const onboardedAt = account.senders[event.sender]?.onboardedAt ?? notOnboarded;
      const opens = event.former !== true && event.at >= onboardedAt && policy.callsOpen.includes(event.outcome);
      return opens === event.opens ? event : { ...event, opens, policy: policyVersion(policy) };
    }
    default:
      return event;
  }
};

/** A takeover from the history that the other would have had. */
export const takenOver = (
  event: Extract<CustomerEvent, { readonly type: 'CustomerMerged' }>,
  { windows, slots, intents, cooldowns, confirmed, lastActiveAt }: CustomerState,
): CustomerEvent => {
  const taken = { ...event, slots, intents, lastActiveAt, personal: undefined };
  return event.former?.includes(event.from) === true ? taken : { ...taken, windows, cooldowns, confirmed };
};

/** One customer's history as it would have run under another policy. */
export interface Hypothetical {
  /** Undefined as long as it is the real one: most customers then cost no more than in a plain replay. */
  readonly state?: CustomerState | undefined;
  /** Intents that were authorised and would not have been: what the log tells of their messages did not happen. */
  readonly unsent: readonly string[];
}

export const initialHypothesis: Hypothetical = { unsent: [] };

export interface Supposition {
  readonly next: Hypothetical;
  /** The decision in place of the recorded one; undefined where none is recorded, or where none would be asked for. */
  readonly decided?: Decided | undefined;
  /** What happened in place of the event; undefined: nothing. */
  readonly happened?: CustomerEvent | undefined;
}

/** The real history's state before and after the event. */
export interface Step {
  readonly before: CustomerState;
  readonly after: CustomerState;
}

/**
 * The next event of the log, under another policy. What customers reported happened all the same; each decision is taken
 * again, and slots, permits and holds are those that follow from it. Two assumptions, since nothing tells more: one
 * recorded decision asks for one at most, so that an intent that the policy would hold waits until the log decides on it
 * again; and a message that was not sent but would have been is delivered at once.
 */
export const supposing = (
  { state: own, unsent }: Hypothetical,
  event: CustomerEvent,
  policy: Policy,
  known: Omit<Known, 'customer'>,
  real: Step,
): Supposition => {
  const state = own ?? real.before;
  /** What follows; nothing of its own where what is folded is what the real history folds too. */
  const folded = (happened: CustomerEvent, isReal: boolean): CustomerState | undefined =>
    own === undefined && isReal ? undefined : evolve(state, happened);
  if (!isDecided(event)) {
    if (isAbout(event, unsent)) return { next: { state, unsent } };
    const happened = reclassified(event, known.account, policy);
    return { next: { state: folded(happened, happened === event), unsent }, happened };
  }
  const { intentId, sender } = event.intent;
  const open = openIntent(state, intentId);
  // A further decision followed from a release, or from a revocation of a permit, that this history may not know.
  if (event.ordinal > 1 && open?.status !== 'held' && (open?.revocations ?? 0) === 0)
    return { next: { state, unsent } };
  const account = underPolicy(known.account, policy);
  const decided = decideAgain(event, situationOf(event, { ...known, account, customer: state }));
  const after = folded(decided, foldAlike(decided, event));
  const wasSent = event.type === 'SendAuthorised';
  if (decided.type !== 'SendAuthorised') {
    return { next: { state: after, unsent: wasSent ? [...unsent, intentId] : unsent }, decided, happened: decided };
  }
  if (wasSent)
    return { next: { state: after, unsent: unsent.filter((id) => id !== intentId) }, decided, happened: decided };
  const happened = { type: 'MessageDelivered', at: event.at, intentId, providerMessageId: '', sender } as const;
  return { next: { state: evolve(after ?? real.after, happened), unsent }, decided, happened };
};

/** What came of a call to the provider that would not have been made; a cancellation comes from upstream all the same. */
const isAbout = (event: CustomerEvent, intentIds: readonly string[]): boolean =>
  intentIds.length > 0 &&
  'intentId' in event &&
  event.type !== 'SendCancelled' &&
  event.intentId !== undefined &&
  intentIds.includes(event.intentId);

/** Whether the fold makes the same of two decisions that answer one intent in one state. */
const foldAlike = (a: Decided, b: Decided): boolean => {
  if (a.type === 'SendAuthorised' && b.type === 'SendAuthorised') {
    return (
      a.content === b.content &&
      a.validUntil === b.validUntil &&
      a.usesSlot === b.usesSlot &&
      a.confirmsOptOutAt === b.confirmsOptOutAt
    );
  }
  if (a.type === 'SendHeld' && b.type === 'SendHeld') {
    return (
      a.reason === b.reason && a.wakeAt === b.wakeAt && a.expiresAt === b.expiresAt && same(a.template, b.template)
    );
  }
  return a.type === b.type;
};
