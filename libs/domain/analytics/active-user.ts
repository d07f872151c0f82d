import type { Month, Zone } from '../calendar.js';
import type { Policy } from '../policy.js';
import { DAY_MS, plus, type Instant } from '../time.js';

/** A counted user of a month, with the earliest fact that counts, by its own time and not by when it came (rules §9). */
export interface ActiveUser {
  readonly firstAt: Instant;
  readonly firstEventId: string;
  readonly rule: Policy['mauRule'];
  readonly zone: Zone;
}

/** The same entry where it stays: of two facts of one instant the first in the log. */
export const earlierOf = <User extends ActiveUser>(known: User | undefined, other: User): User =>
  known === undefined || other.firstAt < known.firstAt ? other : known;

/** How many users were new on each day of the month, by its number. */
export type UsersByDay = { readonly [day: number]: number };

/** A month by its days. */
export interface MonthCourse {
  readonly month: Month;
  readonly days: UsersByDay;
  readonly from: Instant;
  readonly until: Instant;
}

export type Forecast =
  /** No allowance was agreed. */
  | { readonly kind: 'unlimited' }
  | { readonly kind: 'crossed'; readonly day: number }
  /** At the pace of the last days it will be crossed on that day of the month. */
  | { readonly kind: 'expected'; readonly day: number; readonly newUsersPerDay: number }
  | { readonly kind: 'not-expected'; readonly newUsersPerDay: number };

/** The days that tell the pace: a week, so that weekdays and weekends weigh as they do. */
const PACE_DAYS = 7;

/**
 * When the allowance is crossed: the day of its first user too many, or the day on which it will be at the pace of the
 * last seven days. Users become fewer towards a month's end, so the forecast errs on the early side.
 * @param today the day of the month that now is; beyond its end the month's last
 */
export const forecast = (
  { days, from, until }: MonthCourse,
  allowance: number | undefined,
  today: number,
  now: Instant,
): Forecast => {
  if (allowance === undefined) return { kind: 'unlimited' };
  let users = 0;
  for (const [day, count] of Object.entries(days).sort(([a], [b]) => Number(a) - Number(b))) {
    users += count;
    if (users > allowance) return { kind: 'crossed', day: Number(day) };
  }
  const elapsedDays = Math.max(0, Math.min(now, until) - from) / DAY_MS;
  const paceDays = Math.min(PACE_DAYS, elapsedDays);
  let recent = 0;
  for (let day = Math.max(1, today - PACE_DAYS + 1); day <= today; day += 1) recent += days[day] ?? 0;
  const newUsersPerDay = paceDays === 0 ? 0 : recent / paceDays;
  const missing = allowance + 1 - users;
  const crossedAt = newUsersPerDay === 0 ? Infinity : now + (missing / newUsersPerDay) * DAY_MS;
  if (now >= until || crossedAt >= until) return { kind: 'not-expected', newUsersPerDay };
  const lastDay = Math.round((until - from) / DAY_MS);
  const day = Math.min(lastDay, today + Math.floor((crossedAt - now) / DAY_MS));
  return { kind: 'expected', day, newUsersPerDay };
};

/** When a month is closed for good (rules §9). */
export const closesAt = (until: Instant, { monthCloseDays }: Pick<Policy, 'monthCloseDays'>): Instant =>
  plus(until, monthCloseDays * DAY_MS);
