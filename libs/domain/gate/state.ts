import type { ConsentScope, Consents } from '../consent.js';
import type { Instant } from '../time.js';
import type { Window } from '../window.js';
import type { IntentPersonal, SendIntent } from './intent.js';
import type { HoldReason } from './reasons.js';

/** A continuation template sent, or about to be, after a session (rule 11). */
export interface Slot {
  readonly sender: string;
  readonly intentId: string;
  readonly at: Instant;
}

export interface Cooldown {
  readonly scope: ConsentScope;
  readonly until: Instant;
  readonly exceptInWindow: boolean;
}

interface Open {
  readonly intent: SendIntent;
  readonly personal: IntentPersonal;
  /** How many decisions were taken on it. */
  readonly ordinal: number;
  /** How often a permit was revoked or corrected: at most one further decision follows (rules §7). */
  readonly revocations: number;
  /** The intent's own expiry, or that of the longest hold. */
  readonly expiresAt?: Instant | undefined;
}

interface Permit {
  readonly content: 'own' | 'fallback';
  readonly validUntil: Instant;
  readonly needsWindow: boolean;
  readonly usesSlot: boolean;
  readonly attempt: number;
}

/** An intent that can still change. What is refused, expired, cancelled or delivered is no longer here, only in the log. */
export type OpenIntent =
  | (Open & {
      readonly status: 'held';
      readonly reason: HoldReason;
      readonly wakeAt: Instant;
      readonly template?: { readonly name: string; readonly language: string } | undefined;
    })
  | (Open & Permit & { readonly status: 'authorised'; readonly retryAt?: Instant | undefined })
  | (Open &
      Permit & { readonly status: 'started' | 'outcome-unknown'; readonly claim: string; readonly startedAt: Instant })
  | (Open &
      Permit & {
        readonly status: 'accepted';
        readonly claim: string;
        readonly startedAt: Instant;
        readonly providerMessageId: string;
      });

/** Plain data, so that a read model can keep it as it is. */
export interface CustomerState {
  readonly windows: { readonly [sender: string]: Window };
  readonly consents: Consents;
  /** The `all` opt-out that was confirmed, and by which intent (rules §4). */
  readonly confirmed?: { readonly optOutAt: Instant; readonly intentId: string } | undefined;
  readonly cooldowns: readonly Cooldown[];
  readonly slots: readonly Slot[];
  readonly intents: { readonly [intentId: string]: OpenIntent };
  /** The latest fact that makes the customer active in its month (rules §9). */
  readonly lastActiveAt?: Instant | undefined;
  /** This stream is closed: the survivor's goes on (rules §11). */
  readonly survivor?: string | undefined;
}

export const initialCustomer: CustomerState = { windows: {}, consents: {}, cooldowns: [], slots: [], intents: {} };
