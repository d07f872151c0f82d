import { withConsent } from '../consent.js';
import { DAY_MS, latest, type Instant } from '../time.js';
import { SESSION_MS, windowEnd, withCorrection, withOpener, type Window } from '../window.js';
import type { CustomerEvent } from './events.js';
import { merged, renumbered } from './merge.js';
import { paidUntil } from './pair-limit.js';
import {
  draftOf,
  initialCustomer,
  intentsOf,
  openIntent,
  type CustomerState,
  type OpenIntent,
  type Slot,
} from './state.js';

type Permitted = Exclude<OpenIntent, { readonly status: 'held' }>;
type Attempted = Extract<OpenIntent, { readonly claim: string }>;

/** An accepted message that was never reported delivered is forgotten by the fold after the platform's longest time to live (platforms §2c). */
const ACCEPTED_KEPT_MS = 31 * DAY_MS;

/** Used slots that are kept of one sender, more than any policy allows: who never writes is written to without end. */
const SLOTS_KEPT = 100;

const withWindow = (state: CustomerState, sender: string, window: Window): CustomerState => {
  const end = windowEnd(window);
  // Slots used before the window's last opener can never count again: the end lies behind them.
  const slots = state.slots.some((slot) => slot.sender === sender)
    ? state.slots.filter((slot) => slot.sender !== sender || end === undefined || slot.at >= end - SESSION_MS)
    : state.slots;
  const next = draftOf(state);
  next.windows = { ...state.windows, [sender]: window };
  next.slots = slots;
  return next;
};

const withSlot = (slots: readonly Slot[], slot: Slot): readonly Slot[] => {
  if (slots.length < SLOTS_KEPT) return [...slots, slot];
  const own = slots.filter(({ sender }) => sender === slot.sender);
  const dispensable = own.length < SLOTS_KEPT ? undefined : (own.find(({ outcome }) => outcome === 'failed') ?? own[0]);
  return [...slots.filter((known) => known !== dispensable), slot];
};

const withIntent = (state: CustomerState, open: OpenIntent): CustomerState => {
  const next = draftOf(state);
  next.intents = intentsWith(state.intents, open);
  return next;
};

const intentsWith = (intents: CustomerState['intents'], open: OpenIntent): CustomerState['intents'] => {
  const next = intentsOf(intents);
  next[open.intent.intentId] = open;
  return next;
};

const isEmpty = (intents: CustomerState['intents']): boolean => {
  for (const _ in intents) return false;
  return true;
};

const withoutIntent = (state: CustomerState, intentId: string): CustomerState => {
  if (openIntent(state, intentId) === undefined) return state;
  const next = draftOf(state);
  next.intents = intentsOf(state.intents, (_, id) => id !== intentId);
  // Most customers wait for nothing: they share one empty object.
  if (isEmpty(next.intents)) next.intents = initialCustomer.intents;
  return next;
};

/** Field by field: a spread that adds to what it copies takes V8 far longer. */
const startedOf = (open: Permitted, claim: string, attempt: number, startedAt: Instant): OpenIntent => ({
  intent: open.intent,
  personal: open.personal,
  ordinal: open.ordinal,
  revocations: open.revocations,
  expiresAt: open.expiresAt,
  failedMessages: open.failedMessages,
  status: 'started',
  content: open.content,
  validUntil: open.validUntil,
  needsWindow: open.needsWindow,
  usesSlot: open.usesSlot,
  attempt,
  claim,
  startedAt,
});

/** The permit without the attempt that failed: a claim left behind would let that attempt be settled a second time. */
const permitted = (attempted: Attempted, told: string | undefined, retryAt: Instant | undefined): OpenIntent => {
  const { intent, personal, ordinal, revocations, expiresAt, failedMessages = [] } = attempted;
  const { content, validUntil, needsWindow, usesSlot, attempt } = attempted;
  const message = told ?? (attempted.status === 'accepted' ? attempted.providerMessageId : undefined);
  const failed = message === undefined ? attempted.failedMessages : [...failedMessages, message];
  const open = { intent, personal, ordinal, revocations, expiresAt, failedMessages: failed };
  return { ...open, status: 'authorised', content, validUntil, needsWindow, usesSlot, attempt, retryAt };
};

/** A revocation, a correction or a cancellation gives back the slot and the one confirmation (rules §4, §6). */
const givenBack = (state: CustomerState, intentId: string): CustomerState => {
  const slots = state.slots.some((slot) => slot.intentId === intentId)
    ? state.slots.filter((slot) => slot.intentId !== intentId)
    : state.slots;
  const confirmed = state.confirmed?.intentId === intentId ? undefined : state.confirmed;
  return slots === state.slots && confirmed === state.confirmed ? state : { ...state, slots, confirmed };
};

/** What became of the message, for its slot or confirmation. A delivery outweighs a failure, whichever is told first. */
const settled = (state: CustomerState, intentId: string, outcome: 'failed' | 'delivered'): CustomerState => {
  const changes = (use: { readonly intentId: string; readonly outcome?: string | undefined }): boolean =>
    use.intentId === intentId && use.outcome !== 'delivered' && use.outcome !== outcome;
  const slots = state.slots.some(changes)
    ? state.slots.map((slot) => (changes(slot) ? { ...slot, outcome } : slot))
    : state.slots;
  const { confirmed } = state;
  if (confirmed !== undefined && changes(confirmed)) return { ...state, slots, confirmed: { ...confirmed, outcome } };
  return slots === state.slots ? state : { ...state, slots };
};

const withActivity = (state: CustomerState, at: Instant): CustomerState =>
  state.lastActiveAt !== undefined && state.lastActiveAt >= at ? state : activeAt(state, at);

const activeAt = (state: CustomerState, at: Instant): CustomerState => {
  const next = draftOf(state);
  next.lastActiveAt = at;
  return next;
};

const decidedOn = (state: CustomerState, at: Instant): CustomerState => {
  const next = draftOf(state);
  next.decidedAt = latest(state.decidedAt, at);
  return next;
};

const withoutForgotten = (intents: CustomerState['intents'], at: Instant): CustomerState['intents'] => {
  const horizon = at - ACCEPTED_KEPT_MS;
  for (const id in intents) {
    const open = intents[id];
    if (open?.status === 'accepted' && open.startedAt < horizon) {
      return intentsOf(intents, (other) => other.status !== 'accepted' || other.startedAt >= horizon);
    }
  }
  return intents;
};

/** The fold of a customer's stream. Total: an event it does not know leaves the state as it is. */
export const evolve = (state: CustomerState, event: CustomerEvent): CustomerState => {
  switch (event.type) {
    case 'CustomerMessageReceived': {
      const opened = event.opens
        ? withWindow(state, event.sender, withOpener(state.windows[event.sender], event.at))
        : state;
      return event.authored ? withActivity(opened, event.at) : opened;
    }
    case 'CustomerCallReceived':
      return event.opens ? withWindow(state, event.sender, withOpener(state.windows[event.sender], event.at)) : state;
    case 'CustomerOptedIn':
    case 'CustomerOptedOut':
      return {
        ...state,
        consents: withConsent(state.consents, event.scope, {
          status: event.type === 'CustomerOptedIn' ? 'in' : 'out',
          at: event.at,
          source: event.source,
          reference: event.reference,
        }),
      };
    case 'CustomerLinked': {
      const { at, because, survivor, gaveUp, keepsConsent } = event;
      return { ...state, survivor, link: { at, because, gaveUp, keepsConsent } };
    }
    case 'CustomerMerged':
      return merged(state, event);
    case 'NumberChanged':
      return renumbered(state, event);
    case 'RecipientCooledDown':
      return {
        ...state,
        cooldowns: [
          ...state.cooldowns.filter((cooldown) => cooldown.until > event.at),
          { scope: event.scope, until: event.until, exceptInWindow: event.exceptInWindow === true },
        ],
      };
    case 'WindowCorrected': {
      const corrected = withWindow(
        givenBack(state, event.intentId),
        event.sender,
        withCorrection(state.windows[event.sender], event.startedAt),
      );
      const open = openIntent(corrected, event.intentId);
      return open === undefined ? corrected : withIntent(corrected, { ...open, revocations: open.revocations + 1 });
    }
    case 'SendAuthorised': {
      const { at, intent, personal, ordinal, content, validUntil, usesSlot, confirmsOptOutAt } = event;
      const { intentId, sender } = intent;
      const known = openIntent(state, intentId);
      const authorised: OpenIntent = {
        status: 'authorised',
        authorisedAt: at,
        intent,
        personal,
        ordinal,
        revocations: known?.revocations ?? 0,
        expiresAt: known?.expiresAt ?? intent.expiresAt,
        failedMessages: known?.failedMessages,
        content,
        validUntil,
        needsWindow: !usesSlot,
        usesSlot,
        attempt: 0,
      };
      const next = draftOf(state);
      next.intents = intentsWith(withoutForgotten(state.intents, at), authorised);
      if (usesSlot) next.slots = withSlot(state.slots, { sender, intentId, at });
      next.decidedAt = latest(state.decidedAt, at);
      if (confirmsOptOutAt !== undefined) next.confirmed = { optOutAt: confirmsOptOutAt, intentId };
      return next;
    }
    case 'SendHeld': {
      const { at, intent, personal, ordinal, reason, wakeAt, expiresAt, template } = event;
      const known = openIntent(state, intent.intentId);
      const heldAs = (state.holds ?? 0) + 1;
      const held: OpenIntent = {
        status: 'held',
        intent,
        personal,
        ordinal,
        revocations: known?.revocations ?? 0,
        failedMessages: known?.failedMessages,
        reason,
        wakeAt,
        heldAt: at,
        heldAs,
        expiresAt,
        template,
      };
      const next = draftOf(state);
      next.intents = intentsWith(state.intents, held);
      next.decidedAt = latest(state.decidedAt, at);
      next.holds = heldAs;
      return next;
    }
    case 'SendRefused':
    case 'SendExpired':
      return decidedOn(withoutIntent(state, event.intent.intentId), event.at);
    case 'SendReleased':
      // The decision that follows in the same append says what became of it.
      return state;
    case 'SendCancelled':
      return withoutIntent(givenBack(state, event.intentId), event.intentId);
    case 'SendRevoked': {
      const open = openIntent(state, event.intentId);
      const back = givenBack(state, event.intentId);
      if (open === undefined || event.final) return withoutIntent(back, event.intentId);
      return withIntent(back, { ...open, revocations: open.revocations + 1 });
    }
    case 'SendStarted': {
      const open = openIntent(state, event.intentId);
      if (open === undefined || open.status === 'held') return state;
      const { at, claim, attempt, sender } = event;
      const next = draftOf(state);
      next.paid = { ...state.paid, [sender]: paidUntil(state.paid?.[sender], at) };
      next.intents = intentsWith(state.intents, startedOf(open, claim, attempt, at));
      return next;
    }
    case 'SendAccepted': {
      const open = openIntent(state, event.intentId);
      if (open === undefined || !('claim' in open) || open.claim !== event.claim) return state;
      return withIntent(state, { ...open, status: 'accepted', providerMessageId: event.providerMessageId });
    }
    case 'SendOutcomeUnknown': {
      const open = openIntent(state, event.intentId);
      if (open?.status !== 'started' || open.claim !== event.claim) return state;
      return withIntent(state, { ...open, status: 'outcome-unknown' });
    }
    case 'SendFailed': {
      const open = openIntent(state, event.intentId);
      if (event.final) return withoutIntent(settled(state, event.intentId, 'failed'), event.intentId);
      if (open === undefined || !('claim' in open)) return state;
      return withIntent(state, permitted(open, event.providerMessageId, event.retryAt));
    }
    case 'MessageDelivered':
    case 'MessageRead': {
      const active = withActivity(state, event.at);
      const { intentId } = event;
      return intentId === undefined ? active : withoutIntent(settled(active, intentId, 'delivered'), intentId);
    }
    default:
      return state;
  }
};

export const fold = (events: Iterable<CustomerEvent>, from: CustomerState): CustomerState => {
  let state = from;
  for (const event of events) state = evolve(state, event);
  return state;
};
