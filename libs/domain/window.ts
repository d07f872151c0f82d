import type { Policy } from './policy.js';
import { DAY_MS, earliest, latest, plus, type Instant } from './time.js';

/** A customer care session lasts this long after the customer's last message (rules §1). */
export const SESSION_MS = DAY_MS;

/** What is known of the window of one (account, sender, customer). */
export interface Window {
  /** The latest provider time of an opener. */
  readonly openerAt?: Instant | undefined;
  /** The start of the latest attempt that the provider refused because it saw the window closed (rules §7). */
  readonly correctedAt?: Instant | undefined;
}

export const withOpener = (window: Window | undefined, at: Instant): Window => ({
  ...window,
  openerAt: latest(window?.openerAt, at),
});

export const withCorrection = (window: Window | undefined, startedAt: Instant): Window => ({
  ...window,
  correctedAt: latest(window?.correctedAt, startedAt),
});

/** When the last window ends or ended; undefined when the customer never had one on this sender. */
export const windowEnd = (window: Window | undefined): Instant | undefined => {
  const openerAt = window?.openerAt;
  if (openerAt === undefined) return undefined;
  const end = plus(openerAt, SESSION_MS);
  const correctedAt = window?.correctedAt;
  // Only an opener after the refused attempt's start opens the window again.
  return correctedAt === undefined || openerAt > correctedAt ? end : earliest(end, correctedAt);
};

/** Half-open and with the margin taken off: at exactly `end - margin` the window is closed (rules §2). */
export const isOpen = (window: Window | undefined, now: Instant, policy: Pick<Policy, 'marginMs'>): boolean => {
  const end = windowEnd(window);
  return end !== undefined && now + policy.marginMs < end;
};

/** Two aliases turn out to be one person: as if all had happened on one stream, so each by its maximum (rules §11). */
export const mergedWindow = (a: Window | undefined, b: Window): Window => {
  const opened = b.openerAt === undefined ? a : withOpener(a, b.openerAt);
  return b.correctedAt === undefined ? (opened ?? b) : withCorrection(opened, b.correctedAt);
};
