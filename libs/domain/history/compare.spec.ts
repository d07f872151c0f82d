import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { canonical, differences, same } from './compare.js';

const shuffled = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .toReversed()
          .map(([field, entry]) => [field, shuffled(entry)]),
      )
    : value;

describe('canonical JSON', () => {
  test('is JSON of the same value, whatever the order of its fields', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonical(value))).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonical(shuffled(value))).toBe(canonical(value));
      }),
    );
  });

  test('orders fields by UTF-16 code units, and knows none that are undefined (RFC 8785 §3.2.3)', () => {
    expect(canonical({ '\u20ac': 1, '\r': 2, '1': 3, b: undefined, '\u{1F600}': [undefined], '\ufb33': null })).toBe(
      '{"\\r":2,"1":3,"€":1,"😀":[null],"\ufb33":null}',
    );
  });

  test('two values are the same exactly when their canonical JSON is', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 2 }), fc.jsonValue({ maxDepth: 2 }), (a, b) => {
        expect(same(a, b)).toBe(canonical(a) === canonical(b));
        expect(same(a, shuffled(a))).toBe(true);
      }),
    );
  });
});

describe('differences', () => {
  test('name the fields down to the values', () => {
    const a = { type: 'x', evidence: { windowEnd: 1, consent: { at: 2 } }, list: [1] };
    const b = { type: 'x', evidence: { windowEnd: 1, consent: { at: 3 } }, list: [1, 2], more: true };
    expect(differences(a, b)).toEqual([
      { field: 'evidence.consent.at', a: 2, b: 3 },
      { field: 'list', a: [1], b: [1, 2] },
      { field: 'more', a: undefined, b: true },
    ]);
  });

  test('a field that is undefined is one that is not there', () => {
    expect(differences({ a: 1, b: undefined }, { a: 1 })).toEqual([]);
    expect(same({ a: 1 }, { a: 1, b: undefined })).toBe(true);
  });
});
