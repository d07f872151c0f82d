import { describe, expect, test } from '@jest/globals';
import { assert, constantFrom, integer, property, record } from 'fast-check';
import { iso } from '#testing/scenario';
import { dayOfMonth, isZone, monthOf, quietUntil, type QuietHours } from './calendar.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, instantOf, plus } from './time.js';

// Both sides of Greenwich and of the equator; odd offsets; clocks that change at midnight or on the first of a month.
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'America/Asuncion',
  'America/Havana',
  'America/St_Johns',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Asia/Amman',
  'Asia/Beirut',
  'Asia/Kathmandu',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Chatham',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
];
const zone = constantFrom(...zones);
const instant = integer({ min: iso('2012-01-01T00:00:00Z'), max: iso('2037-12-31T00:00:00Z') }).map(instantOf);

const formats = new Map(
  zones.map((timeZone) => [
    timeZone,
    new Intl.DateTimeFormat('en-u-ca-iso8601', { timeZone, year: 'numeric', month: '2-digit' }),
  ]),
);
const localMonth = (epochMs: number, where: string): string => {
  const shown = formats.get(where)?.formatToParts(epochMs) ?? [];
  const parts = Object.fromEntries(shown.map(({ type, value }) => [type, value]));
  return `${parts['year']}-${parts['month']}`;
};

describe('a month', () => {
  test('case 26: is that of the zone, not of UTC', () => {
    expect(monthOf(iso('2026-10-31T23:30:00Z'), 'UTC').month).toBe('2026-10');
    expect(monthOf(iso('2026-10-31T23:30:00Z'), 'Europe/Berlin')).toEqual({
      month: '2026-11',
      from: iso('2026-10-31T23:00:00Z'),
      until: iso('2026-11-30T23:00:00Z'),
    });
    expect(monthOf(iso('2026-11-01T03:59:59.999Z'), 'America/New_York').month).toBe('2026-10');
  });

  test('case 25: ends by the offset of its end and begins by that of its begin', () => {
    expect(monthOf(iso('2026-10-10T00:00:00Z'), 'Europe/Berlin')).toEqual({
      month: '2026-10',
      from: iso('2026-09-30T22:00:00Z'),
      until: iso('2026-10-31T23:00:00Z'),
    });
  });

  test('case 25: begins with the first instant of its first day when the clocks skip or repeat midnight', () => {
    // Paraguay skipped the first hour of 1 October 2023; Cuba had the first hour of 1 November 2020 twice.
    expect(monthOf(iso('2023-10-05T00:00:00Z'), 'America/Asuncion').from).toBe(iso('2023-10-01T04:00:00Z'));
    expect(monthOf(iso('2023-10-01T03:30:00Z'), 'America/Asuncion').month).toBe('2023-09');
    expect(monthOf(iso('2020-11-05T00:00:00Z'), 'America/Havana').from).toBe(iso('2020-11-01T04:00:00Z'));
  });

  test('case 25: of two instants in the minutes on both sides of a change, asked for one after the other', () => {
    // Goose Bay changed its clocks at one minute past midnight until 2011.
    const [before, after] = [iso('2010-11-07T03:00:59.999Z'), iso('2010-11-07T03:01:00.000Z')];
    expect([before, after, before].map((at) => dayOfMonth(at, 'America/Goose_Bay'))).toEqual([7, 6, 7]);
  });

  test('knows leap years and the end of the year', () => {
    expect(monthOf(iso('2028-02-29T12:00:00Z'), 'UTC').until).toBe(iso('2028-03-01T00:00:00Z'));
    expect(monthOf(iso('2100-02-28T12:00:00Z'), 'UTC').until).toBe(iso('2100-03-01T00:00:00Z'));
    expect(monthOf(iso('2026-12-31T23:59:59.999Z'), 'UTC')).toMatchObject({
      month: '2026-12',
      until: iso('2027-01-01T00:00:00Z'),
    });
  });

  test('contains the instant that it was asked for, and bears the name that Intl gives it', () => {
    assert(
      property(instant, zone, (now, where) => {
        const { month, from, until } = monthOf(now, where);
        expect(from).toBeLessThanOrEqual(now);
        expect(until).toBeGreaterThan(now);
        expect(month).toBe(localMonth(now, where));
      }),
    );
  });

  test.each(zones)('after month tiles the time line in %s, each beginning where Intl changes the name', (where) => {
    let span = monthOf(iso('2012-01-15T00:00:00Z'), where);
    for (let count = 0; count < 26 * 12; count += 1) {
      const next = monthOf(span.until, where);
      expect(next.from).toBe(span.until);
      expect([localMonth(span.until - 1, where), localMonth(span.until, where)]).toEqual([span.month, next.month]);
      expect(next.month > span.month).toBe(true);
      span = next;
    }
    expect(span.month).toBe('2038-01');
  });
});

describe('quiet hours', () => {
  const overnight: QuietHours = { fromMinute: 22 * 60, untilMinute: 7 * 60 };

  test('span midnight where they begin later than they end', () => {
    expect(quietUntil(iso('2026-11-23T20:59:59Z'), overnight, 'Europe/Berlin')).toBeUndefined();
    expect(quietUntil(iso('2026-11-23T21:00:00Z'), overnight, 'Europe/Berlin')).toBe(iso('2026-11-24T06:00:00Z'));
    expect(quietUntil(iso('2026-11-24T05:59:59Z'), overnight, 'Europe/Berlin')).toBe(iso('2026-11-24T06:00:00Z'));
    expect(quietUntil(iso('2026-11-24T06:00:00Z'), overnight, 'Europe/Berlin')).toBeUndefined();
  });

  test('lie within a day where they do not', () => {
    const siesta: QuietHours = { fromMinute: 13 * 60, untilMinute: 15 * 60 };
    expect(quietUntil(iso('2026-07-01T11:00:00Z'), siesta, 'Europe/Madrid')).toBe(iso('2026-07-01T13:00:00Z'));
    expect(quietUntil(iso('2026-07-01T10:59:00Z'), siesta, 'Europe/Madrid')).toBeUndefined();
  });

  test('case 25: of a night that the clocks change end by the new offset', () => {
    expect(quietUntil(iso('2026-10-24T21:00:00Z'), overnight, 'Europe/Berlin')).toBe(iso('2026-10-25T06:00:00Z'));
    expect(quietUntil(iso('2026-03-28T22:00:00Z'), overnight, 'Europe/Berlin')).toBe(iso('2026-03-29T05:00:00Z'));
  });

  test('case 25: that end in an hour that the clocks skip end in the hour after it', () => {
    const untilHalfPastTwo: QuietHours = { fromMinute: 0, untilMinute: 150 };
    // New York puts its clocks from 02:00 to 03:00 on 8 March 2026: there is no 02:30.
    expect(quietUntil(iso('2026-03-08T06:00:00Z'), untilHalfPastTwo, 'America/New_York')).toBe(
      iso('2026-03-08T07:30:00Z'),
    );
  });

  test('that begin and end at the same minute are none', () => {
    expect(quietUntil(iso('2026-11-23T12:00:00Z'), { fromMinute: 0, untilMinute: 0 }, 'UTC')).toBeUndefined();
  });

  test('case 40: end at an instant that lies ahead and is quiet no more, within a day and in any zone', () => {
    const hours = record({ fromMinute: integer({ min: 0, max: 1_439 }), untilMinute: integer({ min: 0, max: 1_439 }) });
    assert(
      property(instant, zone, hours, (now, where, quiet) => {
        let end = quietUntil(now, quiet, where);
        // An hour that the clocks repeat is looked through minute by minute.
        for (let looks = 0; end !== undefined && looks < 121; looks += 1) {
          expect(end).toBeGreaterThan(now);
          expect(end).toBeLessThanOrEqual(plus(now, DAY_MS + 2 * HOUR_MS));
          end = quietUntil(end, quiet, where);
        }
        expect(end).toBeUndefined();
      }),
    );
  });

  test('case 25: in an hour that the clocks repeat end the second time too', () => {
    const untilHalfPastTwo: QuietHours = { fromMinute: 0, untilMinute: 150 };
    const secondTime = iso('2026-10-25T01:10:00Z'); // 02:10 in Berlin, again
    expect(quietUntil(secondTime, untilHalfPastTwo, 'Europe/Berlin')).toBe(plus(secondTime, 20 * MINUTE_MS));
  });
});

test('a zone is an IANA name that this machine knows', () => {
  expect(isZone('Europe/Berlin')).toBe(true);
  expect(isZone('UTC')).toBe(true);
  expect(isZone('Europe/Atlantis')).toBe(false);
  expect(isZone('')).toBe(false);
});
