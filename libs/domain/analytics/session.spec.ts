import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { iso } from '#testing/scenario';
import { DAY_MS, HOUR_MS, MINUTE_MS, plus, type Instant } from '../time.js';
import {
  endOf,
  withNumberChanged,
  withOpening,
  withReceived,
  withRefusedAttempt,
  withSent,
  withTakenOver,
  type Sessions,
} from './session.js';

const T0 = iso('2026-11-02T09:00:00Z');
const at = (ms: number): Instant => plus(T0, ms);
const opened = (...times: readonly number[]): Sessions =>
  times.reduce((sessions: Sessions, ms, index) => withOpening(sessions, `e${index}`, at(ms), 'text'), []);
const spans = (sessions: Sessions): readonly (readonly [number, number, number])[] =>
  sessions
    .map((session) => [session.openedAt - T0, endOf(session) - T0, session.restarts] as const)
    .sort(([a], [b]) => a - b);

describe('a session', () => {
  test('lasts 24 hours from the last opener, and one at its very end begins another', () => {
    expect(spans(opened(0))).toEqual([[0, DAY_MS, 0]]);
    expect(spans(opened(0, DAY_MS - 1))).toEqual([[0, 2 * DAY_MS - 1, 1]]);
    expect(spans(opened(0, DAY_MS))).toEqual([
      [0, DAY_MS, 0],
      [DAY_MS, 2 * DAY_MS, 0],
    ]);
  });

  test('case 2: an older opener that comes late begins it earlier and never shortens it', () => {
    const sessions = opened(HOUR_MS, 0);
    expect(spans(sessions)).toEqual([[0, 25 * HOUR_MS, 1]]);
    expect(sessions[0]?.id).toBe('e0');
  });

  test('case 3: one that comes so late that its 24 hours are over is a session of its own, in the past', () => {
    expect(spans(opened(0, -3 * DAY_MS))).toEqual([
      [-3 * DAY_MS, -2 * DAY_MS, 0],
      [0, DAY_MS, 0],
    ]);
  });

  test('a late opener between two joins them', () => {
    let sessions = opened(0, 30 * HOUR_MS);
    sessions = withSent(withSent(sessions, at(HOUR_MS), 'session'), at(31 * HOUR_MS), 'template');
    sessions = withOpening(sessions, 'late', at(20 * HOUR_MS), 'image');
    expect(spans(sessions)).toEqual([[0, 54 * HOUR_MS, 2]]);
    expect(sessions).toMatchObject([
      { id: 'e0', received: { text: 2, image: 1 }, sent: { session: 1, template: 1 }, firstReplyAt: at(HOUR_MS) },
    ]);
  });

  test('counts what falls into it, and nothing else', () => {
    const in0 = withReceived(opened(0), at(MINUTE_MS), 'reaction');
    expect(in0).toMatchObject([{ received: { text: 1, reaction: 1 }, restarts: 0 }]);
    expect(withReceived(in0, at(DAY_MS), 'reaction')).toEqual(in0);
    expect(withSent(in0, at(DAY_MS), 'template')).toEqual(in0);
    expect(withSent(in0, at(DAY_MS), 'session')).toMatchObject([{ sent: { session: 1 }, firstReplyAt: at(DAY_MS) }]);
    expect(withSent(in0, at(2), 'echo')).toMatchObject([{ sent: { echo: 1 }, firstReplyAt: at(2) }]);
  });

  test('ends where the provider refused, and only a later opener begins another (rules §7)', () => {
    const cut = withRefusedAttempt(opened(0), at(HOUR_MS));
    expect(spans(cut)).toEqual([[0, HOUR_MS, 0]]);
    expect(spans(withOpening(cut, 'late', at(MINUTE_MS), 'text'))).toEqual([[0, HOUR_MS, 1]]);
    expect(spans(withOpening(cut, 'same', at(HOUR_MS), 'text'))).toEqual([[0, HOUR_MS, 1]]);
    const again = withOpening(cut, 'again', at(HOUR_MS + 1), 'text');
    expect(spans(again)).toEqual([
      [0, HOUR_MS, 0],
      [HOUR_MS + 1, HOUR_MS + 1 + DAY_MS, 0],
    ]);
    // A late opener from before the refusal belongs to what was cut, not to what began after it.
    expect(spans(withOpening(again, 'late', at(MINUTE_MS), 'text'))).toEqual([
      [0, HOUR_MS, 1],
      [HOUR_MS + 1, HOUR_MS + 1 + DAY_MS, 0],
    ]);
    const reopened = opened(0, 2 * HOUR_MS);
    expect(withRefusedAttempt(reopened, at(HOUR_MS))).toEqual(reopened);
  });

  test('case 22: ends when the number changed, and an opener after that begins another (rules §11)', () => {
    const changed = withNumberChanged(opened(0), at(HOUR_MS));
    expect(changed).toMatchObject([{ openerAt: at(0), changedAt: at(HOUR_MS) }]);
    expect(spans(withOpening(changed, 'new', at(HOUR_MS), 'text'))).toEqual([
      [0, HOUR_MS, 0],
      [HOUR_MS, HOUR_MS + DAY_MS, 0],
    ]);
    // A second change finds it over, and so does the first for one that has had its 24 hours.
    expect(withNumberChanged(changed, at(2 * HOUR_MS))).toEqual(changed);
    expect(withNumberChanged(opened(0), at(DAY_MS))).toEqual(opened(0));
  });

  test('case 22: with its last opener, where the change is told only after that', () => {
    expect(spans(withNumberChanged(opened(0, 5 * HOUR_MS), at(HOUR_MS)))).toEqual([[0, 5 * HOUR_MS, 1]]);
  });

  test('case 22: goes on from an opener that is told after the change, by what that alone opens', () => {
    const changed = withNumberChanged(withRefusedAttempt(opened(0, 4 * HOUR_MS), at(5 * HOUR_MS)), at(6 * HOUR_MS));
    expect(spans(changed)).toEqual([[0, 5 * HOUR_MS, 1]]);
    const again = withOpening(changed, 'late', at(3 * HOUR_MS), 'text');
    expect(spans(again)).toEqual([[0, 27 * HOUR_MS, 2]]);
    expect(again[0]?.changedAt).toBeUndefined();
    // One whose 24 hours were over by then opens nothing.
    expect(spans(withOpening(changed, 'old', at(-18 * HOUR_MS), 'text'))).toEqual([[-18 * HOUR_MS, 5 * HOUR_MS, 2]]);
  });

  test('ends where the provider refused, also where that is told after the number changed', () => {
    const changed = withNumberChanged(opened(0), at(5 * HOUR_MS));
    const cut = withRefusedAttempt(changed, at(HOUR_MS));
    expect(spans(cut)).toEqual([[0, HOUR_MS, 0]]);
    expect(spans(withOpening(cut, 'late', at(MINUTE_MS), 'text'))).toEqual([[0, HOUR_MS, 1]]);
    expect(withRefusedAttempt(changed, at(5 * HOUR_MS))).toEqual(changed);
  });

  test('of no length is the same as one that begins at its instant', () => {
    expect(spans(withOpening(withRefusedAttempt(opened(0), at(0)), 'again', at(0), 'text'))).toEqual([[0, 0, 1]]);
    expect(spans(withOpening(withNumberChanged(opened(0), at(0)), 'again', at(0), 'text'))).toEqual([[0, DAY_MS, 1]]);
  });

  test('of a linked alias goes on in the one of the survivor, or as it is', () => {
    const theirs = opened(-HOUR_MS)[0];
    if (theirs === undefined) throw new Error('no session');
    expect(withTakenOver([], { ...theirs, id: 'theirs' })).toEqual([{ ...theirs, id: 'theirs' }]);
    const both = withTakenOver(opened(HOUR_MS), { ...theirs, id: 'theirs' });
    expect(spans(both)).toEqual([[-HOUR_MS, 25 * HOUR_MS, 1]]);
  });

  test('law: sessions do not depend on the order in which openers come', () => {
    const times = fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(times, fc.infiniteStream(fc.nat()), (hours, chance) => {
        const ordered = spans(opened(...hours.map((hour) => hour * HOUR_MS)));
        const keyed = hours.map((hour) => ({ hour, key: chance.next().value ?? 0 }));
        const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ hour }) => hour * HOUR_MS);
        expect(spans(opened(...shuffled))).toEqual(ordered);
        for (const [index, [, end]] of ordered.entries())
          expect(ordered[index + 1]?.[0] ?? Infinity).toBeGreaterThanOrEqual(end);
      }),
    );
  });
});
