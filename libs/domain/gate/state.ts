import type { ConsentScope, Consents } from '../consent.js';
import type { Instant } from '../time.js';
import type { Window } from '../window.js';
import type { IntentPersonal, SendIntent } from './intent.js';
import type { HoldReason } from './reasons.js';

/** What became of the message that used a slot or a confirmation; once delivered, no failure gives it back any more. */
interface Use {
  readonly intentId: string;
  readonly outcome?: 'failed' | 'delivered' | undefined;
}

/** A continuation template sent, or about to be, after a session (rule 11). A failed one does not count. */
export interface Slot extends Use {
  readonly sender: string;
  readonly at: Instant;
}

/** The one confirmation of an `all` opt-out (rules §4). */
export interface Confirmation extends Use {
  readonly optOutAt: Instant;
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
  /** The provider's ids of messages that failed: what is said of them again is not about the attempt since. */
  readonly failedMessages?: readonly string[] | undefined;
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
      /** When it was held, and the how-manieth hold of this customer that was: the order of release (rules §8). */
      readonly heldAt?: Instant | undefined;
      readonly heldAs?: number | undefined;
      readonly template?: { readonly name: string; readonly language: string } | undefined;
    })
  | (Open &
      Permit & {
        readonly status: 'authorised';
        readonly authorisedAt?: Instant | undefined;
        readonly retryAt?: Instant | undefined;
      })
  | (Open &
      Permit & { readonly status: 'started' | 'outcome-unknown'; readonly claim: string; readonly startedAt: Instant })
  | (Open &
      Permit & {
        readonly status: 'accepted';
        readonly claim: string;
        readonly startedAt: Instant;
        readonly providerMessageId: string;
      });

/** How an alias was linked to another (rules §11). */
export interface LinkTerms {
  /** The provider's time. */
  readonly at: Instant;
  /** What proves it: `<provider>/<reference>`. */
  readonly because: string;
  /** Which side is the former number of a changed one; undefined: both are one living person. */
  readonly gaveUp?: 'this' | 'survivor' | undefined;
  /** Whether a changed number keeps its opt-ins, by the policy at that time. */
  readonly keepsConsent?: true | undefined;
}

/** Plain data, so that a read model can keep it as it is. */
export interface CustomerState {
  readonly windows: { readonly [sender: string]: Window };
  readonly consents: Consents;
  readonly confirmed?: Confirmation | undefined;
  readonly cooldowns: readonly Cooldown[];
  readonly slots: readonly Slot[];
  /** How many holds there were. */
  readonly holds?: number | undefined;
  readonly intents: { readonly [intentId: string]: OpenIntent };
  /** By sender: until when the messages to this customer are paid for (pair-limit.ts). */
  readonly paid?: { readonly [sender: string]: Instant } | undefined;
  /** The latest fact that makes the customer active in its month (rules §9). */
  readonly lastActiveAt?: Instant | undefined;
  /** When the latest decision was taken: a fact that was true by then and comes after it is late (ADR 0025). */
  readonly decidedAt?: Instant | undefined;
  /** This stream is closed: the survivor's goes on (rules §11). */
  readonly survivor?: string | undefined;
  readonly link?: LinkTerms | undefined;
  /** The ids whose streams this one took over, also through others. */
  readonly aliases?: readonly string[] | undefined;
  /** Those that the customer gave up, this stream's own id perhaps among them. */
  readonly former?: readonly string[] | undefined;
  /** When the latest change of a number was. */
  readonly changedAt?: Instant | undefined;
}

/** The next state while `evolve` makes it. */
export type Draft = { -readonly [field in keyof Required<CustomerState>]: CustomerState[field] };

/** A copy to change. Names each field: a spread that adds one to what it copies takes V8 a hundred times as long. */
export const draftOf = (state: CustomerState): Draft => ({
  windows: state.windows,
  consents: state.consents,
  confirmed: state.confirmed,
  cooldowns: state.cooldowns,
  slots: state.slots,
  holds: state.holds,
  intents: state.intents,
  paid: state.paid,
  lastActiveAt: state.lastActiveAt,
  decidedAt: state.decidedAt,
  survivor: state.survivor,
  link: state.link,
  aliases: state.aliases,
  former: state.former,
  changedAt: state.changedAt,
});

export const initialCustomer: CustomerState = { windows: {}, consents: {}, cooldowns: [], slots: [], intents: {} };

type Intents = CustomerState['intents'];

/** Those that are kept. Without a prototype V8 looks ids up by their hash, instead of making a shape of every set of ids. */
export const intentsOf = (
  intents: Intents,
  isKept: (open: OpenIntent, intentId: string) => boolean = () => true,
): { [intentId: string]: OpenIntent } => {
  const kept: { [intentId: string]: OpenIntent } = Object.create(null);
  for (const intentId in intents) {
    const open = intents[intentId];
    if (open !== undefined && isKept(open, intentId)) kept[intentId] = open;
  }
  return kept;
};

/** The intent of that id, if it is still open. By what it must have: an id may be a word of the language, as `constructor`. */
export const openIntent = (state: Pick<CustomerState, 'intents'>, intentId: string): OpenIntent | undefined => {
  const open = state.intents[intentId];
  return open?.intent === undefined ? undefined : open;
};
