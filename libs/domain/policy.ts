import type { QuietHours } from './calendar.js';
import type { CallOutcome, MessageType } from './message.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, type Instant } from './time.js';

/** Every choice that the rules leave open, as data (rules §10). Durations in milliseconds. */
export interface Policy {
  readonly name: string;
  readonly version: number;
  /** Safety margin: a window counts as closed this long before its end (rules §2). */
  readonly marginMs: number;
  /** Which customer messages open a window (rules §3). */
  readonly openers: readonly MessageType[];
  readonly callsOpen: readonly CallOutcome[];
  /** Continuation templates after a session (rules §6, rule 11); null: no limit. */
  readonly slots: number | null;
  /** Life of a permit outside a window (rule 12). */
  readonly permitLifeMs: number;
  /** How long an intent without `expiresAt` may be held (rules §8). */
  readonly longestHoldMs: number;
  /** A start without an outcome for this long is `outcome-unknown` (rules §7). */
  readonly attemptTimeMs: number;
  readonly attempts: number;
  /** First pause before another attempt; it doubles with each. */
  readonly retryAfterMs: number;
  /** Whether a customer's message is an opt-in for as long as its window lasts (rules §4). */
  readonly impliedOptIn: boolean;
  readonly quietHours: QuietHours | null;
  readonly mauRule: 'sent-or-received-v1';
  readonly overAllowance: 'allow' | 'refuse';
  /** Days after its end at which a month closes (rules §9). */
  readonly monthCloseDays: number;
  readonly changedNumberKeepsConsent: boolean;
  /** Accepted messages without `delivered` for this long raise an alarm (rules §12). */
  readonly deliveredWithinMs: number;
  /** What the platform bills, for the cost shown with a decision (platforms §2f). */
  readonly price: {
    readonly session: 'free-within-allowance' | 'free' | 'per-message';
    readonly template: 'outside-window' | 'per-conversation' | 'per-message' | 'per-message-utility-free-in-window';
  };
}

const seed: Policy = {
  name: 'sinch-2021',
  version: 1,
  marginMs: 60 * SECOND_MS,
  openers: [
    'text',
    'image',
    'audio',
    'video',
    'document',
    'sticker',
    'location',
    'contacts',
    'button',
    'interactive',
    'order',
  ],
  callsOpen: ['answered', 'missed'],
  slots: 1,
  permitLifeMs: 15 * MINUTE_MS,
  longestHoldMs: 30 * DAY_MS,
  attemptTimeMs: 60 * SECOND_MS,
  attempts: 3,
  retryAfterMs: 4 * SECOND_MS,
  impliedOptIn: false,
  quietHours: null,
  mauRule: 'sent-or-received-v1',
  overAllowance: 'allow',
  monthCloseDays: 3,
  changedNumberKeepsConsent: false,
  deliveredWithinMs: 24 * HOUR_MS,
  price: { session: 'free-within-allowance', template: 'outside-window' },
};

/** The platforms' published rules by era (platforms §2f). `sinch-2021` is the default. */
export const presets = {
  'sinch-2021': seed,
  // Service conversations became unlimited; Meta knows no limit of templates per closed window.
  'meta-2024-11': {
    ...seed,
    name: 'meta-2024-11',
    slots: null,
    price: { session: 'free', template: 'per-conversation' },
  },
  // Per delivered template; utility templates are free inside a window.
  'meta-2025-07': {
    ...seed,
    name: 'meta-2025-07',
    slots: null,
    price: { session: 'free', template: 'per-message-utility-free-in-window' },
  },
  // Session messages and utility templates inside a window are billed too.
  'meta-2026-10': {
    ...seed,
    name: 'meta-2026-10',
    slots: null,
    price: { session: 'per-message', template: 'per-message' },
  },
} as const satisfies Record<string, Policy>;

export type PresetName = keyof typeof presets;
export const presetNames = Object.keys(presets) as readonly PresetName[];
export const defaultPolicy: Policy = presets['sinch-2021'];

/** What an account may set differently from its preset. */
export type PolicyOverrides = Partial<Omit<Policy, 'name' | 'version'>>;

/** A policy from the instant on at which it takes effect. */
export interface EffectivePolicy {
  readonly effectiveAt: Instant;
  readonly policy: Policy;
}

/** `name@version`, as decisions record it. */
export const policyVersion = (policy: Policy): string => `${policy.name}@${policy.version}`;

/** The latest of the entries that are in force at the instant; entries ascend by `effectiveAt`. */
export const inForce = <T extends { readonly effectiveAt: Instant }>(
  entries: readonly T[],
  at: Instant,
): T | undefined => {
  for (let i = entries.length - 1; i >= 0; i -= 1) {
    const entry = entries[i];
    if (entry !== undefined && entry.effectiveAt <= at) return entry;
  }
  return undefined;
};

/** Inserts by `effectiveAt`; on a tie the later recorded comes later and so prevails. */
export const withEntry = <T extends { readonly effectiveAt: Instant }>(
  entries: readonly T[],
  entry: T,
): readonly T[] => {
  const after = entries.findIndex((other) => other.effectiveAt > entry.effectiveAt);
  return after === -1 ? [...entries, entry] : [...entries.slice(0, after), entry, ...entries.slice(after)];
};
