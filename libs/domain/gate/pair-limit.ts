import { instantOf, latest, plus, SECOND_MS, type Instant } from '../time.js';

// One message in six seconds from one sender to one customer; a burst is made up for later (rules §7, platforms §2d).
// Metered on the customer's stream, by the starts of attempts: exact across restarts and processes.

export const PAIR_INTERVAL_MS = 6 * SECOND_MS;
/** The platform allows 45 at once. One less: calls reach it at another pace than they leave. */
export const PAIR_BURST = 44;

/** When the last of the messages would have been due, had they been spread evenly. */
export const paidUntil = (paid: Instant | undefined, startedAt: Instant): Instant =>
  plus(latest(paid, startedAt), PAIR_INTERVAL_MS);

/** When the next message may go. A clock that was set back is no debt: nothing can be owed for longer than a burst. */
export const pairFreeAt = (paid: Instant | undefined, now: Instant): Instant =>
  paid === undefined
    ? now
    : plus(instantOf(Math.min(paid, now + PAIR_BURST * PAIR_INTERVAL_MS)), -(PAIR_BURST - 1) * PAIR_INTERVAL_MS);
