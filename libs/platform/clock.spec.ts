import { beforeEach, describe, expect, test } from '@jest/globals';
import { Clock } from '#application/ports/clock';
import { type Instant, instantOf } from '#domain/time';
import { SteerableClock, SystemClock } from './clock.js';

class Base extends Clock {
  at = 1_000_000;
  now(): Instant {
    return instantOf(this.at);
  }
}

let base = new Base();
let clock = new SteerableClock(base);
beforeEach(() => {
  base = new Base();
  clock = new SteerableClock(base);
});

test('the system clock tells the time of the machine', () => {
  const before = Date.now();
  const now = new SystemClock().now();
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(Date.now());
});

describe('a steerable clock', () => {
  test('starts as its base and runs with it', () => {
    expect(clock.now()).toBe(1_000_000);
    base.at += 5;
    expect(clock.now()).toBe(1_000_005);
  });

  test('runs on from where it is set, also in the past', () => {
    clock.set(instantOf(500));
    base.at += 7;
    expect(clock.now()).toBe(507);
  });

  test('is set and stopped at once: no moment passes in between', () => {
    const hurrying = new SteerableClock({ now: () => instantOf((base.at += 1)) });
    hurrying.set(instantOf(500), 0);
    expect(hurrying.now()).toBe(500);
    expect(() => hurrying.set(instantOf(600), -1)).toThrow(expect.objectContaining({ code: 'message-invalid' }));
    expect(hurrying.now()).toBe(500);
  });

  test('is advanced on top of the time that passed', () => {
    base.at += 3;
    clock.advance(1_000);
    base.at += 4;
    expect(clock.now()).toBe(1_001_007);
  });

  test('changes its pace without a leap, in whole milliseconds', () => {
    base.at += 10;
    clock.runAt(2.5);
    expect(clock.now()).toBe(1_000_010);
    base.at += 3;
    expect(clock.now()).toBe(1_000_017);
    clock.runAt(0);
    base.at += 100;
    expect(clock.now()).toBe(1_000_017);
    expect(clock.rate).toBe(0);
  });

  test('keeps its pace when it is set or advanced', () => {
    clock.runAt(10);
    clock.set(instantOf(0));
    clock.advance(5);
    base.at += 1;
    expect(clock.now()).toBe(15);
  });

  test('tells its listeners of every change until they have enough', () => {
    const heard: Instant[] = [];
    const stop = clock.onChange((now) => heard.push(now));
    clock.set(instantOf(100));
    clock.advance(50);
    clock.runAt(2);
    stop();
    clock.advance(50);
    expect(heard).toEqual([100, 150, 150]);
  });

  test.each([
    ['at', () => clock.set(instantOf(Number.NaN))],
    ['at', () => clock.set(instantOf(0.5))],
    ['durationMs', () => clock.advance(-1)],
    ['durationMs', () => clock.advance(Infinity)],
    ['rate', () => clock.runAt(-1)],
    ['rate', () => clock.runAt(Infinity)],
  ])('refuses an impossible %s and stays as it is', (field, steer) => {
    expect(steer).toThrow(expect.objectContaining({ code: 'message-invalid', field }));
    base.at += 1;
    expect(clock.now()).toBe(1_000_001);
  });
});
