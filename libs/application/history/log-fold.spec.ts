import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { LogFold } from './log-fold.js';

describe('active users', () => {
  test('counted up to a position are those whose first fact stands there or before', () => {
    const positions = fc.uniqueArray(fc.nat(40), { maxLength: 20 }).map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(positions, fc.integer({ min: -1, max: 41 }), (counted, position) => {
        const fold = new LogFold();
        fold.counted.set('acme/2026-11', counted);
        expect(fold.usersAt('acme', '2026-11', position)).toBe(counted.filter((other) => other <= position).length);
        expect(fold.usersAt('acme', '2026-12', position)).toBe(0);
      }),
    );
  });
});
