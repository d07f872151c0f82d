import type { CustomerEvent, Decided } from './events.js';

export type Cancelled = Extract<CustomerEvent, { type: 'SendCancelled' }>;
/** Every event that answers a send intent. */
export type Verdict = Decided | Cancelled;

/** What each says, in one word. */
export const outcomes = {
  SendAuthorised: 'authorised',
  SendRefused: 'refused',
  SendHeld: 'held',
  SendExpired: 'expired',
  SendCancelled: 'cancelled',
} as const satisfies Record<Verdict['type'], string>;

export const isVerdict = (event: { readonly type: string }): event is Verdict => Object.hasOwn(outcomes, event.type);

/** By the rules; a cancellation is the upstream's. */
export const isDecided = (event: { readonly type: string }): event is Decided =>
  isVerdict(event) && event.type !== 'SendCancelled';
