import { consentScopes, optOuts, withConsent, type Consents } from '../consent.js';
import { earliest, instantOf, latest, type Instant } from '../time.js';
import { mergedWindow, type Window } from '../window.js';
import type { CustomerFact } from './events.js';
import type { IntentPersonal } from './intent.js';
import { openIntent, type CustomerState, type LinkTerms, type OpenIntent } from './state.js';

// Two aliases turn out to be one person (rules §11): the losing stream is closed, the survivor's takes over (ADR 0020).

type Merged = Extract<CustomerFact, { readonly type: 'CustomerMerged' }>;
type Renumbered = Extract<CustomerFact, { readonly type: 'NumberChanged' }>;
type Linked = Extract<CustomerFact, { readonly type: 'CustomerLinked' }>;

/** An alias as the fold of its own stream. */
export interface Alias {
  readonly customer: string;
  /** -1: nothing was ever heard of it. */
  readonly revision: number;
  readonly state: CustomerState;
}

/**
 * Of two open streams the one that goes on: one that exists, else the smaller id. No two links can then lead in a
 * circle, whoever makes them at the same time (ADR 0020).
 */
export const survives = (a: Alias, b: Alias): boolean =>
  a.revision >= 0 === b.revision >= 0 ? a.customer < b.customer : a.revision >= 0;

export const isFormer = ({ former }: CustomerState, customer: string): boolean => former?.includes(customer) === true;

/** Ends the losing stream. */
export const closes = (survivor: string, terms: LinkTerms): Linked => ({ type: 'CustomerLinked', ...terms, survivor });

const groupOf = ({ customer, state }: Alias): readonly string[] => [customer, ...(state.aliases ?? [])];

const NOBODY: IntentPersonal = { to: {} };

/**
 * What the survivor appends to take over a closed stream: the same whoever computes it, since a closed stream no longer
 * changes.
 * @param links that lead from the closed stream to the survivor: several where one was closed before it took over
 */
export const takesOver = (
  loser: Alias,
  survivor: Alias,
  links: readonly [LinkTerms, ...LinkTerms[]],
): readonly (Renumbered | Merged)[] => {
  const { state } = loser;
  const [{ at, because }] = links;
  const gaveUp = (side: LinkTerms['gaveUp']): boolean => links.some((link) => link.gaveUp === side);
  const isFormerNow = gaveUp('this');
  const keepsConsent = links.every((link) => link.gaveUp === undefined || link.keepsConsent === true);
  const intents = Object.values(isFormerNow ? withFormer(state.intents) : state.intents);
  const changes: readonly Renumbered[] = gaveUp('survivor')
    ? [{ type: 'NumberChanged', at, former: groupOf(survivor), keepsConsent: keepsConsent || undefined, because }]
    : [];
  return [
    ...changes,
    {
      type: 'CustomerMerged',
      at,
      from: loser.customer,
      // Its end is the link.
      fromRevision: loser.revision - 1,
      // The platform knows no window of a number that never wrote (case 22).
      windows: isFormerNow ? {} : state.windows,
      consents: isFormerNow && !keepsConsent ? optOuts(state.consents) : state.consents,
      slots: state.slots,
      // The platform meters the number that a message goes to (rules §7).
      paid: isFormerNow ? undefined : state.paid,
      intents: Object.fromEntries(intents.map((open) => [open.intent.intentId, { ...open, personal: NOBODY }])),
      lastActiveAt: state.lastActiveAt,
      cooldowns: isFormerNow ? [] : state.cooldowns,
      confirmed: isFormerNow ? undefined : state.confirmed,
      aliases: state.aliases,
      former: isFormerNow ? groupOf(loser) : state.former,
      changedAt: isFormerNow ? latest(state.changedAt, at) : state.changedAt,
      decidedAt: state.decidedAt,
      personal: Object.fromEntries(intents.map(({ intent, personal }) => [intent.intentId, personal])),
    },
  ];
};

/** The change of a number within one stream, whose `current` ids are in use from now on; undefined where it is known already. */
export const changesNumber = (
  alias: Alias,
  current: readonly string[],
  { at, because, keepsConsent }: LinkTerms,
): Renumbered | undefined => {
  const { state } = alias;
  const former = groupOf(alias).filter((id) => !current.includes(id));
  const isNews = current.some((id) => isFormer(state, id)) || former.some((id) => !isFormer(state, id));
  // The latest change stands, in whatever order they are told.
  if (!isNews || (state.changedAt !== undefined && at <= state.changedAt)) return undefined;
  return { type: 'NumberChanged', at, former, keepsConsent, because };
};

/** What is known of the old number no longer counts; what may be with the provider already goes on. */
export const renumbered = (state: CustomerState, { at, former, keepsConsent }: Renumbered): CustomerState => ({
  ...state,
  windows: {},
  consents: keepsConsent === true ? state.consents : optOuts(state.consents),
  paid: undefined,
  cooldowns: [],
  confirmed: undefined,
  intents: withFormer(state.intents),
  former,
  changedAt: latest(state.changedAt, at),
});

const withFormer = (intents: CustomerState['intents']): CustomerState['intents'] =>
  Object.fromEntries(
    Object.entries(intents).map(([id, open]) => [id, { ...open, intent: { ...open.intent, former: true } }]),
  );

const union = (a: readonly string[] = [], b: readonly string[] = []): readonly string[] => [...new Set([...a, ...b])];

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
    const personal = event.personal?.[intentId] ?? theirs.personal;
    intents = { ...intents, [intentId]: furthest(openIntent({ intents }, intentId), { ...theirs, personal }) };
  }
  const paid: Record<string, Instant> = { ...state.paid };
  for (const [sender, until] of Object.entries(event.paid ?? {})) paid[sender] = latest(paid[sender], until);
  const next: CustomerState = {
    ...state,
    windows,
    consents,
    paid: Object.keys(paid).length === 0 ? undefined : paid,
    cooldowns: [
      ...state.cooldowns,
      ...(event.cooldowns ?? []).filter(
        ({ scope, until }) => !state.cooldowns.some((own) => own.scope === scope && own.until === until),
      ),
    ],
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
    aliases: union(state.aliases, [event.from, ...(event.aliases ?? [])]),
    former: event.former === undefined ? state.former : union(state.former, event.former),
    changedAt: event.changedAt === undefined ? state.changedAt : latest(state.changedAt, event.changedAt),
  };
  return event.decidedAt === undefined ? next : { ...next, decidedAt: latest(state.decidedAt, event.decidedAt) };
};

const stage: Record<OpenIntent['status'], number> = {
  held: 0,
  authorised: 1,
  started: 2,
  'outcome-unknown': 2,
  accepted: 2,
};

/** Whether an intent that both decided on goes on as the one taken over has it. */
export const prevails = (ours: OpenIntent | undefined, theirs: OpenIntent): boolean =>
  ours === undefined || stage[theirs.status] > stage[ours.status];

/** Decided on both: what may be with the provider already stays, so that it never goes twice; else our own (ADR 0012). */
const furthest = (ours: OpenIntent | undefined, theirs: OpenIntent): OpenIntent => {
  if (ours === undefined) return theirs;
  return {
    ...(prevails(ours, theirs) ? theirs : ours),
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
