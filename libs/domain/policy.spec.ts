import { describe, expect, test } from '@jest/globals';
import { array, assert, integer, property } from 'fast-check';
import { defaultPolicy, inForce, policyVersion, presetNames, presets, withEntry } from './policy.js';
import { instantOf, type Instant } from './time.js';

interface Entry {
  readonly effectiveAt: Instant;
  readonly recorded: number;
}

const entries = (...times: readonly number[]): readonly Entry[] =>
  times.reduce<readonly Entry[]>(
    (known, effectiveAt, recorded) => withEntry(known, { effectiveAt: instantOf(effectiveAt), recorded }),
    [],
  );

describe('presets', () => {
  test('are found by the name that their decisions record', () => {
    for (const name of presetNames) expect(policyVersion(presets[name])).toBe(`${name}@1`);
  });

  test("the seed's rules are the default", () => {
    expect(defaultPolicy).toMatchObject({
      name: 'sinch-2021',
      marginMs: 60_000,
      slots: 1,
      callsOpen: ['answered', 'missed'],
      impliedOptIn: false,
      quietHours: null,
      overAllowance: 'allow',
      monthCloseDays: 3,
    });
  });

  test('case 15: one continuation template by the seed, any number by Meta', () => {
    expect(presetNames.map((name) => presets[name].slots)).toEqual([1, null, null, null]);
  });

  test('case 19: reactions open no window by any preset', () => {
    for (const name of presetNames) expect(presets[name].openers).not.toContain('reaction');
  });
});

describe('what is in force', () => {
  test('is nothing before the first entry', () => {
    expect(inForce(entries(), instantOf(5))).toBeUndefined();
    expect(inForce(entries(6), instantOf(5))).toBeUndefined();
  });

  test('begins at exactly the instant of effect', () => {
    expect(inForce(entries(3, 6), instantOf(5))?.effectiveAt).toBe(3);
    expect(inForce(entries(3, 6), instantOf(6))?.effectiveAt).toBe(6);
  });

  test('is the later recorded of two for the same instant', () => {
    expect(inForce(entries(3, 3), instantOf(3))?.recorded).toBe(1);
  });

  test('is the latest effect not after the instant, in whatever order the entries were recorded', () => {
    assert(
      property(array(integer({ min: 0, max: 20 })), integer({ min: 0, max: 20 }), (times, now) => {
        const known = entries(...times);
        expect(known.map((entry) => entry.effectiveAt)).toEqual(times.toSorted((a, b) => a - b));
        const effect = Math.max(-1, ...times.filter((time) => time <= now));
        expect(inForce(known, instantOf(now))).toEqual(
          effect === -1 ? undefined : { effectiveAt: effect, recorded: times.lastIndexOf(effect) },
        );
      }),
    );
  });
});
