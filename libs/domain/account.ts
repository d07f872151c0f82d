import { monthNamed, monthOf, type Month, type MonthSpan, type Zone } from './calendar.js';
import {
  defaultPolicy,
  inForce,
  presets,
  withEntry,
  type EffectivePolicy,
  type Policy,
  type PolicyOverrides,
  type PresetName,
} from './policy.js';
import { DAY_MS, plus, type Instant } from './time.js';

// The names of these events are storage formats: change them only by an upcaster (libs/contracts/events).

export type AccountEvent =
  | { readonly type: 'AccountRegistered'; readonly at: Instant; readonly zone: Zone }
  | { readonly type: 'SenderRegistered'; readonly at: Instant; readonly sender: string; readonly onboardedAt: Instant }
  | {
      readonly type: 'PolicyChanged';
      readonly at: Instant;
      readonly effectiveAt: Instant;
      readonly preset: PresetName;
      readonly version: number;
      readonly overrides: PolicyOverrides;
    }
  /** `users: null` lifts the allowance. */
  | {
      readonly type: 'AllowanceChanged';
      readonly at: Instant;
      readonly effectiveAt: Instant;
      readonly users: number | null;
    }
  /** The opt-out words of all the account's languages. */
  | { readonly type: 'KeywordsChanged'; readonly at: Instant; readonly optOut: readonly string[] }
  /** A change of zone takes effect with the next month (rules §9). */
  | { readonly type: 'ZoneChanged'; readonly at: Instant; readonly zone: Zone };

export interface Sender {
  readonly onboardedAt: Instant;
}

export interface AccountState {
  readonly account: string;
  /** The revision of the account's stream that this state stands on. */
  readonly revision: number;
  readonly registered: boolean;
  readonly senders: { readonly [sender: string]: Sender };
  readonly policies: readonly EffectivePolicy[];
  readonly allowances: readonly { readonly effectiveAt: Instant; readonly users: number | null }[];
  readonly zones: readonly { readonly effectiveAt: Instant; readonly zone: Zone }[];
  readonly optOutKeywords: readonly string[];
}

/** Used until the account names its own (rules §4). */
const defaultOptOutKeywords = ['stop', 'unsubscribe', 'stopp', 'arrêt', 'baja', 'parar'];

export const initialAccount = (account: string): AccountState => ({
  account,
  revision: -1,
  registered: false,
  senders: {},
  policies: [],
  allowances: [],
  zones: [],
  optOutKeywords: defaultOptOutKeywords,
});

export const evolveAccount = (state: AccountState, event: AccountEvent): AccountState => {
  switch (event.type) {
    case 'AccountRegistered':
      return state.registered
        ? state
        : { ...state, registered: true, zones: [{ effectiveAt: event.at, zone: event.zone }] };
    case 'SenderRegistered':
      return { ...state, senders: { ...state.senders, [event.sender]: { onboardedAt: event.onboardedAt } } };
    case 'PolicyChanged': {
      const policy: Policy = { ...presets[event.preset], ...event.overrides, version: event.version };
      return { ...state, policies: withEntry(state.policies, { effectiveAt: event.effectiveAt, policy }) };
    }
    case 'AllowanceChanged':
      return {
        ...state,
        allowances: withEntry(state.allowances, { effectiveAt: event.effectiveAt, users: event.users }),
      };
    case 'KeywordsChanged':
      return { ...state, optOutKeywords: event.optOut };
    case 'ZoneChanged': {
      const effectiveAt = monthOf(event.at, zoneAt(state, event.at)).until;
      return { ...state, zones: withEntry(state.zones, { effectiveAt, zone: event.zone }) };
    }
    default:
      return state;
  }
};

export const policyAt = (state: AccountState, at: Instant): Policy =>
  inForce(state.policies, at)?.policy ?? defaultPolicy;

export const zoneAt = (state: AccountState, at: Instant): Zone =>
  (inForce(state.zones, at) ?? state.zones[0])?.zone ?? 'UTC';

/** Undefined: no allowance was agreed, so nobody is ever above it. */
export const allowanceAt = (state: AccountState, at: Instant): number | undefined =>
  inForce(state.allowances, at)?.users ?? undefined;

/** By what it must have, not by its name: `constructor` is no sender. */
export const hasSender = (state: AccountState, sender: string): boolean =>
  state.senders[sender]?.onboardedAt !== undefined;

export const billingMonth = (state: AccountState, at: Instant): MonthSpan => monthOf(at, zoneAt(state, at));

/** The month by its name, in the zone that the account bills it by. Undefined for what names no month. */
export const billingMonthNamed = (state: AccountState, month: string): MonthSpan | undefined => {
  const inUtc = monthNamed(month, 'UTC');
  // A zone holds for whole months: in the middle of one there is no doubt.
  return inUtc && monthNamed(month, zoneAt(state, plus(inUtc.from, 14 * DAY_MS)));
};

/** Events of `mau-<account>.<month>` (rules §9). */
export type MauEvent =
  | {
      readonly type: 'MonthClosed';
      readonly at: Instant;
      readonly month: Month;
      readonly zone: Zone;
      readonly rule: Policy['mauRule'];
      readonly users: number;
      readonly position: number;
    }
  | {
      readonly type: 'MauAdjusted';
      readonly at: Instant;
      readonly month: Month;
      readonly customer: string;
      readonly change: 1 | -1;
      readonly because: string;
    };
