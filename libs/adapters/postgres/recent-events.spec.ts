import { describe, expect, test } from '@jest/globals';
import { array, assert, integer, property, record } from 'fast-check';
import type { RecordedEvent } from '#application/ports/event-store';
import { newMessage } from '#testing/events';
import { instantOf } from '#domain/time';
import { RecentEvents, type Follower } from './recent-events.js';

const at = (position: number, stream = 'customer-a.b'): RecordedEvent => ({
  ...newMessage(),
  stream,
  revision: 0,
  position,
  recordedAt: instantOf(0),
});
const categoryOf = (stream: string): string => stream.split('-')[0] ?? '';
const remembering = (bytes: number, ...followers: readonly Follower[]) => {
  const recent = new RecentEvents(bytes);
  for (const follower of followers) recent.follow(follower);
  return { recent, take: (...events: readonly RecordedEvent[]) => recent.remember(events, 10, categoryOf) };
};

describe('what a process has just appended', () => {
  test('is known behind a position by stretches, and nothing between them', () => {
    const { recent, take } = remembering(100, { categories: ['customer'], position: 0 });
    const events = [at(3), at(4), at(7)] as const;
    take(events[0], events[1]);
    take(events[2]);
    expect(recent.after(0).ranges).toBe('{[3,5),[7,8)}');
    expect(recent.after(4).ranges).toBe('{[7,8)}');
    expect(recent.after(7).ranges).toBe('{}');
    expect([2, 3, 4, 5, 6, 7, 8].map(recent.after(0).at)).toEqual([
      undefined,
      events[0],
      events[1],
      undefined,
      undefined,
      events[2],
      undefined,
    ]);
  });

  test('what was read for one is known to another that has yet to come to it, and else to nobody', () => {
    const reader: Follower = { categories: ['customer'], position: 0 };
    const behind: Follower = { categories: ['customer'], position: 3 };
    const ahead: Follower = { categories: ['account'], position: 0 };
    const { recent } = remembering(100, reader);
    recent.rememberRead([at(1)], 10, categoryOf);
    expect(recent.after(0).ranges).toBe('{}');
    recent.follow(behind);
    recent.follow(ahead);
    recent.rememberRead([at(2), at(3), at(5), at(6), at(8)], 50, categoryOf);
    reader.position = 8;
    recent.release();
    // Those up to the third were given to both of this category.
    expect(recent.after(0).ranges).toBe('{[5,7),[8,9)}');
    expect(recent.after(3).at(6)?.position).toBe(6);
    behind.position = 6;
    recent.release();
    expect(recent.after(0).ranges).toBe('{[8,9)}');
  });

  test('law: known is what the ranges say, in whatever order and however often it came', () => {
    const run = record({ first: integer({ min: 1, max: 30 }), length: integer({ min: 1, max: 8 }) });
    assert(
      property(array(run, { maxLength: 8 }), integer({ min: 0, max: 38 }), (runs, after) => {
        const followers = [0, 0].map((position): Follower => ({ categories: ['customer'], position }));
        const { recent } = remembering(10_000, ...followers);
        for (const { first, length } of runs)
          recent.rememberRead(
            Array.from({ length }, (_, index) => at(first + index)),
            10,
            categoryOf,
          );
        const known = recent.after(after);
        const ranges = [...known.ranges.matchAll(/\[(\d+),(\d+)\)/g)].map(([, from, to]) => [Number(from), Number(to)]);
        for (let position = 0; position < 40; position += 1) {
          const isIn = ranges.some(([from = 0, to = 0]) => from <= position && position < to);
          expect([position, known.at(position)?.position]).toEqual([position, isIn ? position : undefined]);
        }
      }),
    );
  });

  test('stays known to a query that is under way', () => {
    const follower: Follower = { categories: ['customer'], position: 0 };
    const { recent, take } = remembering(100, follower);
    take(at(3));
    const known = recent.after(0);
    follower.position = 3;
    recent.release();
    expect(recent.after(0).ranges).toBe('{}');
    expect(known.at(3)).toBeDefined();
  });

  test('is kept until the last follower of its category was given it, and not for others', () => {
    const fast: Follower = { categories: ['customer'], position: 0 };
    const slow: Follower = { categories: ['customer', 'template'], position: 0 };
    const other: Follower = { categories: ['account'], position: 0 };
    const { recent, take } = remembering(100, fast, slow, other);
    take(at(1, 'account-a'), at(2));
    fast.position = 2;
    other.position = 1;
    recent.release();
    expect(recent.after(0).ranges).toBe('{[1,3)}');
    slow.position = 2;
    recent.release();
    expect(recent.after(0).ranges).toBe('{}');
    take(at(3, 'mau-a.2026-11'));
    expect(recent.after(0).ranges).toBe('{}');
  });

  test('is bounded: the oldest stay, as they are wanted next', () => {
    const follower: Follower = { categories: ['customer'], position: 0 };
    const { recent, take } = remembering(20, follower);
    for (const position of [1, 2, 3]) take(at(position));
    expect(recent.after(0).ranges).toBe('{[1,2),[2,3)}');
    follower.position = 1;
    recent.release();
    take(at(4));
    expect(recent.after(0).ranges).toBe('{[2,3),[4,5)}');
    recent.unfollow(follower);
    expect(recent.after(0).ranges).toBe('{}');
  });
});
