import { describe, expect, test } from '@jest/globals';
import { assert, double, integer, oneof, property } from 'fast-check';
import { iso } from '#testing/scenario';
import {
  CLOCK_TOLERANCE_MS,
  DAY_MS,
  FIRST_PLAUSIBLE,
  HOUR_MS,
  MINUTE_MS,
  earliest,
  instantOf,
  latest,
  plus,
  providerTime,
  spoken,
} from './time.js';

const receivedAt = iso('2026-11-23T10:00:00Z');
const aheadBy = (ms: number) => receivedAt + ms;

describe("a provider's time", () => {
  test('is taken as it is when it lies behind the receipt', () => {
    expect(providerTime(aheadBy(-DAY_MS), receivedAt)).toEqual({
      kind: 'plausible',
      at: aheadBy(-DAY_MS),
      clamped: false,
    });
  });

  test('case 4: may run ahead by 60 s, and is clamped to receipt + 60 s and flagged beyond that', () => {
    expect(providerTime(aheadBy(60_000), receivedAt)).toEqual({
      kind: 'plausible',
      at: aheadBy(60_000),
      clamped: false,
    });
    expect(providerTime(aheadBy(60_001), receivedAt)).toEqual({
      kind: 'plausible',
      at: aheadBy(60_000),
      clamped: true,
    });
    expect(providerTime(Number.MAX_VALUE, receivedAt)).toEqual({
      kind: 'plausible',
      at: aheadBy(60_000),
      clamped: true,
    });
  });

  test('case 5: is absurd when missing, not a number, or before 2009', () => {
    for (const claimed of [undefined, Number.NaN, Infinity, -Infinity, 0, -1, FIRST_PLAUSIBLE - 1]) {
      expect(providerTime(claimed, receivedAt)).toEqual({ kind: 'absurd' });
    }
    expect(FIRST_PLAUSIBLE).toBe(iso('2009-01-01T00:00:00Z'));
    expect(providerTime(FIRST_PLAUSIBLE, receivedAt)).toMatchObject({ kind: 'plausible', at: FIRST_PLAUSIBLE });
  });

  test('is, where plausible, a whole millisecond and never more than the tolerance ahead', () => {
    assert(
      property(oneof(double(), double({ min: FIRST_PLAUSIBLE, max: aheadBy(DAY_MS), noNaN: true })), (claimed) => {
        const time = providerTime(claimed, receivedAt);
        if (time.kind === 'absurd') return;
        expect(Number.isInteger(time.at)).toBe(true);
        expect(time.at).toBeGreaterThanOrEqual(FIRST_PLAUSIBLE);
        expect(time.at).toBeLessThanOrEqual(plus(receivedAt, CLOCK_TOLERANCE_MS));
      }),
    );
  });
});

describe('a spoken duration', () => {
  test.each([
    [0, '0 s'],
    [999, '0 s'],
    [-5_000, '0 s'],
    [1_000, '1 s'],
    [2 * MINUTE_MS + 13_000, '2 min 13 s'],
    [HOUR_MS, '1 h'],
    [DAY_MS + 3 * HOUR_MS + 59 * MINUTE_MS, '1 d 3 h'],
    [DAY_MS + 5 * MINUTE_MS, '1 d'],
  ])('%d ms is said as %s', (durationMs, words) => {
    expect(spoken(durationMs)).toBe(words);
  });
});

test('the earliest and the latest of instants are their minimum and maximum, unknown ones left out', () => {
  expect(earliest()).toBeUndefined();
  expect(earliest(undefined, undefined)).toBeUndefined();
  assert(
    property(integer(), integer(), (a, b) => {
      expect(earliest(instantOf(a), undefined, instantOf(b))).toBe(Math.min(a, b));
      expect(latest(instantOf(a), instantOf(b))).toBe(Math.max(a, b));
      expect(latest(undefined, instantOf(b))).toBe(b);
    }),
  );
});
