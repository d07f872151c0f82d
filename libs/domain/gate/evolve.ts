import { withConsent, type Consents, type ConsentScope } from '../consent.js';
import { DAY_MS, instantOf, latest, type Instant } from '../time.js';
import { mergedWindow, windowEnd, withCorrection, withOpener, type Window } from '../window.js';
import type { CustomerEvent } from './events.js';
import type { CustomerState, OpenIntent, Slot } from './state.js';

type Attempted = Extract<OpenIntent, { readonly claim: string }>;

/** An accepted message that was never reported delivered is forgotten by the fold after the platform's longest time to live (platforms §2c). */
const ACCEPTED_KEPT_MS = 31 * DAY_MS;

const withWindow = (state: CustomerState, sender: string, window: Window): CustomerState => {
  const end = windowEnd(window);
  // Slots used before the window's last opener can never count again: the end lies behind them.
  const slots = state.slots.some((slot) => slot.sender === sender)
    ? state.slots.filter((slot) => slot.sender !== sender || end === undefined || slot.at >= end - DAY_MS)
    : state.slots;
  return { ...state, windows: { ...state.windows, [sender]: window }, slots };
};

const withIntent = (state: CustomerState, intent: OpenIntent): CustomerState => ({
  ...state,
  intents: { ...state.intents, [intent.intent.intentId]: intent },
});

const withoutIntent = (state: CustomerState, intentId: string): CustomerState => {
  if (!(intentId in state.intents)) return state;
  const { [intentId]: _, ...intents } = state.intents;
  return { ...state, intents };
};

/** The permit without the attempt that failed: a claim left behind would let that attempt be settled a second time. */
const permitted = (attempted: Attempted, retryAt: Instant | undefined): OpenIntent => {
  const { intent, personal, ordinal, revocations, expiresAt } = attempted;
  const { content, validUntil, needsWindow, usesSlot, attempt } = attempted;
  const open = { intent, personal, ordinal, revocations, expiresAt };
  return { ...open, status: 'authorised', content, validUntil, needsWindow, usesSlot, attempt, retryAt };
};

/** A definite failure, a revocation or a cancellation gives back the slot and the one confirmation (rules §4, §6). */
const givenBack = (state: CustomerState, intentId: string): CustomerState => {
  const slots = state.slots.some((slot) => slot.intentId === intentId)
    ? state.slots.filter((slot) => slot.intentId !== intentId)
    : state.slots;
  const confirmed = state.confirmed?.intentId === intentId ? undefined : state.confirmed;
  return slots === state.slots && confirmed === state.confirmed ? state : { ...state, slots, confirmed };
};

const withActivity = (state: CustomerState, at: Instant): CustomerState =>
  state.lastActiveAt !== undefined && state.lastActiveAt >= at ? state : { ...state, lastActiveAt: at };

const withoutForgotten = (state: CustomerState, at: Instant): CustomerState => {
  const horizon = at - ACCEPTED_KEPT_MS;
  for (const id in state.intents) {
    const open = state.intents[id];
    if (open?.status === 'accepted' && open.startedAt < horizon) {
      return {
        ...state,
        intents: Object.fromEntries(
          Object.entries(state.intents).filter(
            ([, other]) => other.status !== 'accepted' || other.startedAt >= horizon,
          ),
        ),
      };
    }
  }
  return state;
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
    case 'CustomerLinked':
      return { ...state, survivor: event.survivor };
    case 'CustomerMerged':
      return merged(state, event);
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
      const open = corrected.intents[event.intentId];
      return open === undefined ? corrected : withIntent(corrected, { ...open, revocations: open.revocations + 1 });
    }
    case 'SendAuthorised': {
      const { intent, personal, ordinal } = event;
      const known = state.intents[intent.intentId];
      const authorised = withIntent(withoutForgotten(state, event.at), {
        status: 'authorised',
        intent,
        personal,
        ordinal,
        revocations: known?.revocations ?? 0,
        expiresAt: known?.expiresAt ?? intent.expiresAt,
        content: event.content,
        validUntil: event.validUntil,
        needsWindow: !event.usesSlot,
        usesSlot: event.usesSlot,
        attempt: 0,
      });
      const slot: Slot = { sender: intent.sender, intentId: intent.intentId, at: event.at };
      return {
        ...authorised,
        slots: event.usesSlot ? [...authorised.slots, slot] : authorised.slots,
        confirmed:
          event.confirmsOptOutAt === undefined
            ? authorised.confirmed
            : { optOutAt: event.confirmsOptOutAt, intentId: intent.intentId },
      };
    }
    case 'SendHeld': {
      const { intent, personal, ordinal, reason, wakeAt, expiresAt, template } = event;
      const revocations = state.intents[intent.intentId]?.revocations ?? 0;
      return withIntent(state, {
        status: 'held',
        intent,
        personal,
        ordinal,
        revocations,
        reason,
        wakeAt,
        expiresAt,
        template,
      });
    }
    case 'SendRefused':
    case 'SendExpired':
      return withoutIntent(state, event.intent.intentId);
    case 'SendReleased':
      // The decision that follows in the same append says what became of it.
      return state;
    case 'SendCancelled':
      return withoutIntent(givenBack(state, event.intentId), event.intentId);
    case 'SendRevoked': {
      const open = state.intents[event.intentId];
      const back = givenBack(state, event.intentId);
      if (open === undefined || event.final) return withoutIntent(back, event.intentId);
      return withIntent(back, { ...open, revocations: open.revocations + 1 });
    }
    case 'SendStarted': {
      const open = state.intents[event.intentId];
      if (open === undefined || open.status === 'held') return state;
      const { claim, attempt } = event;
      return withIntent(state, { ...open, status: 'started', claim, attempt, startedAt: event.at });
    }
    case 'SendAccepted': {
      const open = state.intents[event.intentId];
      if (open === undefined || !('claim' in open) || open.claim !== event.claim) return state;
      return withIntent(state, { ...open, status: 'accepted', providerMessageId: event.providerMessageId });
    }
    case 'SendOutcomeUnknown': {
      const open = state.intents[event.intentId];
      if (open?.status !== 'started' || open.claim !== event.claim) return state;
      return withIntent(state, { ...open, status: 'outcome-unknown' });
    }
    case 'SendFailed': {
      const open = state.intents[event.intentId];
      if (event.final) return withoutIntent(givenBack(state, event.intentId), event.intentId);
      if (open === undefined || !('claim' in open)) return state;
      return withIntent(state, permitted(open, event.retryAt));
    }
    case 'MessageDelivered':
    case 'MessageRead': {
      const active = withActivity(state, event.at);
      return event.intentId === undefined ? active : withoutIntent(active, event.intentId);
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

/** The survivor takes over: windows by maximum, consent by its own fold, the rest by union (rules §11). */
const merged = (state: CustomerState, event: Extract<CustomerEvent, { type: 'CustomerMerged' }>): CustomerState => {
  const windows: Record<string, Window> = { ...state.windows };
  for (const [sender, window] of Object.entries(event.windows)) windows[sender] = mergedWindow(windows[sender], window);
  let consents: Consents = state.consents;
  for (const [scope, consent] of Object.entries(event.consents) as [ConsentScope, Consents[ConsentScope]][]) {
    if (consent !== undefined) consents = withConsent(consents, scope, consent);
  }
  const known = new Set(state.slots.map((slot) => slot.intentId));
  return {
    ...state,
    windows,
    consents,
    slots: [...state.slots, ...event.slots.filter((slot) => !known.has(slot.intentId))],
    // The survivor's own decision on an intent of the same id stays the first one.
    intents: { ...event.intents, ...state.intents },
    lastActiveAt:
      event.lastActiveAt === undefined ? state.lastActiveAt : latest(state.lastActiveAt, instantOf(event.lastActiveAt)),
  };
};
