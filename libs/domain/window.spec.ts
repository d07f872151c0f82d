import { describe, expect, test } from '@jest/globals';
import { array, assert, boolean, constant, integer, property, record, shuffledSubarray, tuple } from 'fast-check';
import { iso } from '#testing/scenario';
import { DAY_MS, instantOf, plus } from './time.js';
import { isOpen, mergedWindow, windowEnd, withCorrection, withOpener, type Window } from './window.js';

const noon = iso('2026-11-23T12:00:00Z');
const opened = withOpener(undefined, noon);
const margin = { marginMs: 60_000 };

const acts = array(record({ opens: boolean(), at: integer({ min: 0, max: 5 * DAY_MS }) }), { maxLength: 8 });
type Act = { readonly opens: boolean; readonly at: number };

const after = (history: readonly Act[], from?: Window): Window | undefined =>
  history.reduce<Window | undefined>(
    (window, { opens, at }) => (opens ? withOpener : withCorrection)(window, instantOf(at)),
    from,
  );

describe('a window', () => {
  test('is not there until the customer wrote to the sender', () => {
    expect(windowEnd(undefined)).toBeUndefined();
    expect(isOpen(undefined, noon, margin)).toBe(false);
    expect(isOpen({ correctedAt: noon }, noon, margin)).toBe(false);
  });

  test('case 6: is half-open: closed at exactly its end, and with a margin at exactly end minus margin', () => {
    const end = plus(noon, DAY_MS);
    expect(windowEnd(opened)).toBe(end);
    expect(isOpen(opened, plus(end, -1), { marginMs: 0 })).toBe(true);
    expect(isOpen(opened, end, { marginMs: 0 })).toBe(false);
    expect(isOpen(opened, plus(end, -60_001), margin)).toBe(true);
    expect(isOpen(opened, plus(end, -60_000), margin)).toBe(false);
  });

  test('case 4: is open from the moment its opener is known, even when that lies a little ahead', () => {
    expect(isOpen(opened, plus(noon, -30_000), margin)).toBe(true);
  });

  test('case 3: of a message whose 24 hours are over is born closed', () => {
    expect(isOpen(withOpener(undefined, plus(noon, -2 * DAY_MS)), noon, margin)).toBe(false);
  });

  test('case 25: lasts 24 elapsed hours, whatever the clocks on the wall do', () => {
    // Berlin puts its clocks back on 25 October 2026: that local day has 25 hours.
    const at = iso('2026-10-24T22:30:00Z');
    expect(windowEnd(withOpener(undefined, at))).toBe(iso('2026-10-25T22:30:00Z'));
  });

  test('case 2: ends 24 hours after the latest opener, in whatever order they arrive', () => {
    assert(
      property(array(integer({ min: 0, max: 5 * DAY_MS }), { minLength: 1 }), (times) => {
        const window = after(times.map((at) => ({ opens: true, at })));
        expect(windowEnd(window)).toBe(Math.max(...times) + DAY_MS);
      }),
    );
  });

  test('case 2: is the same for any order of openers and corrections, and for repeats', () => {
    const inTwoOrders = acts.chain((some) => tuple(constant(some), shuffledSubarray(some, { minLength: some.length })));
    assert(property(inTwoOrders, ([some, shuffled]) => expect(after([...shuffled, ...shuffled])).toEqual(after(some))));
  });

  test('case 7: once corrected, opens again only by an opener after the refused attempt started', () => {
    const startedAt = plus(noon, 1_000);
    const corrected = withCorrection(opened, startedAt);
    expect(windowEnd(corrected)).toBe(startedAt);
    expect(isOpen(corrected, startedAt, margin)).toBe(false);
    expect(isOpen(withOpener(corrected, startedAt), startedAt, margin)).toBe(false);
    expect(isOpen(withOpener(corrected, plus(startedAt, 1)), plus(startedAt, 1), margin)).toBe(true);
  });

  test('a correction never lengthens a window that had ended before it', () => {
    expect(windowEnd(withCorrection(opened, plus(noon, 3 * DAY_MS)))).toBe(plus(noon, DAY_MS));
  });
});

describe('merged windows of one person', () => {
  test('cases 22 and 23: of two aliases, end with the later opener', () => {
    const later = withOpener(undefined, plus(noon, 5_000));
    expect(windowEnd(mergedWindow(opened, later))).toBe(plus(noon, 5_000 + DAY_MS));
    expect(windowEnd(mergedWindow(later, opened))).toBe(plus(noon, 5_000 + DAY_MS));
    expect(mergedWindow(undefined, opened)).toEqual(opened);
  });

  test('keep the later correction, so that an opener before it never opens them', () => {
    const merged = mergedWindow({ correctedAt: noon }, { correctedAt: plus(noon, 9_000) });
    expect(isOpen(withOpener(merged, plus(noon, 5_000)), plus(noon, 10_000), margin)).toBe(false);
  });

  test('case 23: are what one stream with the acts of both would have held', () => {
    assert(
      property(acts, acts, (ours, theirs) => {
        expect(mergedWindow(after(ours), after(theirs) ?? {})).toEqual(after([...ours, ...theirs]) ?? {});
      }),
    );
  });
});
