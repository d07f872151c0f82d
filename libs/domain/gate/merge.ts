import { consentScopes, withConsent, type Consents } from '../consent.js';
import type { Policy } from '../policy.js';
import { earliest, instantOf, latest, type Instant } from '../time.js';
import { mergedWindow, type Window } from '../window.js';
import type { CustomerFact } from './events.js';
import { openIntent, type CustomerState, type OpenIntent } from './state.js';

// Two aliases turn out to be one person (rules §11): the losing stream is closed, the survivor's takes over.

type Merged = Extract<CustomerFact, { readonly type: 'CustomerMerged' }>;
type Linked = Extract<CustomerFact, { readonly type: 'CustomerLinked' }>;

/** `changed-number`: the old and the new alias were never one live identity. */
export type Relation = 'one-person' | 'changed-number';

/** The end of one stream and what the other takes over from it; `revision` is the losing stream's before its end. */
export const link = (
  loser: { readonly customer: string; readonly revision: number; readonly state: CustomerState },
  survivor: string,
  relation: Relation,
  because: string,
  policy: Pick<Policy, 'changedNumberKeepsConsent'>,
  at: Instant,
): { readonly closes: Linked; readonly takesOver: Merged } => {
  const { windows, consents, slots, intents, lastActiveAt, cooldowns, confirmed } = loser.state;
  const isSame = relation === 'one-person';
  return {
    closes: { type: 'CustomerLinked', at, survivor, because },
    takesOver: {
      type: 'CustomerMerged',
      at,
      from: loser.customer,
      fromRevision: loser.revision,
      // The platform knows no window of a number that never wrote (case 22).
      windows: isSame ? windows : {},
      consents: isSame || policy.changedNumberKeepsConsent ? consents : {},
      slots,
      intents,
      lastActiveAt,
      cooldowns: isSame ? cooldowns : [],
      confirmed: isSame ? confirmed : undefined,
    },
  };
};

/** The survivor takes over: windows by maximum, consent by its own fold, the rest by union. */
export const merged = (state: CustomerState, event: Merged): CustomerState => {
  const windows: Record<string, Window> = { ...state.windows };
  for (const [sender, window] of Object.entries(event.windows)) windows[sender] = mergedWindow(windows[sender], window);
  let consents: Consents = state.consents;
  for (const scope of consentScopes) {
    const consent = event.consents[scope];
    if (consent !== undefined) consents = withConsent(consents, scope, consent);
  }
  let { intents } = state;
  for (const [intentId, theirs] of Object.entries(event.intents)) {
    intents = { ...intents, [intentId]: furthest(openIntent({ intents }, intentId), theirs) };
  }
  return {
    ...state,
    windows,
    consents,
    cooldowns: [...state.cooldowns, ...(event.cooldowns ?? [])],
    confirmed: laterConfirmed(state.confirmed, event.confirmed),
    slots: [
      ...state.slots,
      ...event.slots.filter(
        ({ intentId, at }) => !state.slots.some((own) => own.intentId === intentId && own.at === at),
      ),
    ],
    intents,
    holds: Math.max(
      state.holds ?? 0,
      ...Object.values(intents).map((open) => ('heldAs' in open ? (open.heldAs ?? 0) : 0)),
    ),
    lastActiveAt:
      event.lastActiveAt === undefined ? state.lastActiveAt : latest(state.lastActiveAt, instantOf(event.lastActiveAt)),
  };
};

const stage: Record<OpenIntent['status'], number> = {
  held: 0,
  authorised: 1,
  started: 2,
  'outcome-unknown': 2,
  accepted: 2,
};

/** Decided on both: what may be with the provider already stays, so that it never goes twice; else our own (ADR 0012). */
const furthest = (ours: OpenIntent | undefined, theirs: OpenIntent): OpenIntent => {
  if (ours === undefined) return theirs;
  return {
    ...(stage[theirs.status] > stage[ours.status] ? theirs : ours),
    // The next decision must have an ordinal, and so an id, of its own.
    ordinal: Math.max(ours.ordinal, theirs.ordinal),
    revocations: Math.max(ours.revocations, theirs.revocations),
    expiresAt: earliest(ours.expiresAt, theirs.expiresAt),
  };
};

const laterConfirmed = (
  ours: CustomerState['confirmed'],
  theirs: CustomerState['confirmed'],
): CustomerState['confirmed'] => {
  if (ours === undefined || theirs === undefined) return ours ?? theirs;
  if (ours.optOutAt !== theirs.optOutAt) return ours.optOutAt > theirs.optOutAt ? ours : theirs;
  // Of the same opt-out: one that did not fail stands against another.
  return ours.outcome === 'failed' ? theirs : ours;
};
