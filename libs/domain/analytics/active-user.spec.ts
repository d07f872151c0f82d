import { describe, expect, test } from '@jest/globals';
import { iso } from '#testing/scenario';
import { monthNamed } from '../calendar.js';
import { DAY_MS, HOUR_MS, instantOf, plus } from '../time.js';
import { closesAt, earlierOf, forecast, type ActiveUser } from './active-user.js';

const from = iso('2026-11-01T00:00:00Z');
const until = iso('2026-12-01T00:00:00Z');
const course = (days: Record<number, number>) => ({ month: '2026-11', days, from, until });
const noon = (day: number) => plus(from, (day - 1) * DAY_MS + 12 * HOUR_MS);
const user = (firstAt: number, firstEventId: string): ActiveUser => ({
  firstAt: instantOf(firstAt),
  firstEventId,
  rule: 'sent-or-received-v1',
  zone: 'UTC',
});

test('the first fact is the earliest by its own time; of two at once the one that was known first', () => {
  expect(earlierOf(undefined, user(5, 'a')).firstEventId).toBe('a');
  expect(earlierOf(user(5, 'a'), user(4, 'b')).firstEventId).toBe('b');
  expect(earlierOf(user(5, 'a'), user(5, 'b')).firstEventId).toBe('a');
  expect(earlierOf(user(5, 'a'), user(6, 'b')).firstEventId).toBe('a');
});

test('a month closes the policy’s days after its end', () => {
  expect(closesAt(until, { monthCloseDays: 3 })).toBe(iso('2026-12-04T00:00:00Z'));
});

describe('the forecast', () => {
  test('knows no limit where none was agreed', () => {
    expect(forecast(course({ 1: 9 }), undefined, 1, noon(1))).toEqual({ kind: 'unlimited' });
  });

  test('names the day of the first user too many', () => {
    expect(forecast(course({ 1: 5, 2: 5, 10: 1 }), 10, 12, noon(12))).toEqual({ kind: 'crossed', day: 10 });
    expect(forecast(course({ 10: 1, 2: 10 }), 10, 12, noon(12))).toEqual({ kind: 'crossed', day: 10 });
    expect(forecast(course({ 1: 5, 2: 5 }), 10, 2, noon(2))).not.toMatchObject({ kind: 'crossed' });
  });

  test('goes on at the pace of the last seven days', () => {
    // 7 new users a day, 70 by the 10th at noon; 31 more until the first one too many: 4 days and 10 hours.
    const days = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [index + 1, 7]));
    expect(forecast(course(days), 100, 10, noon(10))).toEqual({ kind: 'expected', day: 14, newUsersPerDay: 7 });
    expect(forecast(course(days), 1_000, 10, noon(10))).toEqual({ kind: 'not-expected', newUsersPerDay: 7 });
  });

  test('of a first day weighs what has passed of it', () => {
    expect(forecast(course({ 1: 6 }), 12, 1, noon(1))).toEqual({ kind: 'expected', day: 1, newUsersPerDay: 12 });
  });

  test('expects nothing where nobody comes, nor of a month that is over', () => {
    expect(forecast(course({}), 5, 3, noon(3))).toEqual({ kind: 'not-expected', newUsersPerDay: 0 });
    expect(forecast(course({ 30: 5 }), 5, 30, until)).toMatchObject({ kind: 'not-expected' });
    expect(forecast(course({}), 5, 1, from)).toEqual({ kind: 'not-expected', newUsersPerDay: 0 });
  });
});

test('a month is found by its name, in its zone', () => {
  expect(monthNamed('2026-11', 'Europe/Berlin')).toEqual({
    month: '2026-11',
    from: iso('2026-10-31T23:00:00Z'),
    until: iso('2026-11-30T23:00:00Z'),
  });
  for (const wrong of ['2026-13', '2026-00', '2026-1', 'x', '']) expect(monthNamed(wrong, 'UTC')).toBeUndefined();
});
