declare const instant: unique symbol;

/** A point in time: whole milliseconds since 1970-01-01T00:00:00Z. Always UTC; zones exist only in calendar.ts. */
export type Instant = number & { readonly [instant]: true };

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Names a number of epoch milliseconds as an instant. */
export const instantOf = (epochMs: number): Instant => epochMs as Instant;

export const plus = (at: Instant, durationMs: number): Instant => (at + durationMs) as Instant;

export const earliest = (...instants: readonly (Instant | undefined)[]): Instant | undefined => {
  let first: Instant | undefined;
  for (const at of instants) if (at !== undefined && (first === undefined || at < first)) first = at;
  return first;
};

export const latest = (a: Instant | undefined, b: Instant): Instant => (a === undefined || b > a ? b : a);

/** A duration as a person says it, in its two largest units: `2 min 13 s`, `1 d 3 h`. */
export const spoken = (durationMs: number): string => {
  let rest = Math.max(0, Math.floor(durationMs / SECOND_MS));
  const parts: string[] = [];
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0 && parts.length < 2) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
};

/** Facts older than this are absurd: WhatsApp exists since 2009 (rules §3). */
export const FIRST_PLAUSIBLE = instantOf(1_230_768_000_000);

/** How far a provider's clock may run ahead of ours before a time is clamped (rules §3). */
export const CLOCK_TOLERANCE_MS = MINUTE_MS;

export type ProviderTime =
  | { readonly kind: 'plausible'; readonly at: Instant; readonly clamped: boolean }
  | { readonly kind: 'absurd' };

/** A provider's time as the gate may use it: clamped when it lies ahead, absurd when no fact can be that old (rules §3). */
export const providerTime = (claimed: number | undefined, receivedAt: Instant): ProviderTime => {
  if (claimed === undefined || !Number.isFinite(claimed) || claimed < FIRST_PLAUSIBLE) return { kind: 'absurd' };
  const limit = plus(receivedAt, CLOCK_TOLERANCE_MS);
  return claimed > limit
    ? { kind: 'plausible', at: limit, clamped: true }
    : { kind: 'plausible', at: instantOf(Math.trunc(claimed)), clamped: false };
};
