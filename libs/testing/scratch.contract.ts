import { afterEach, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Scratch } from '#application/ports/scratch';

const all = async (scratch: Scratch): Promise<ReadonlyMap<string, string>> => {
  const found = new Map<string, string>();
  for await (const [key, value] of scratch.entries()) {
    expect(found.has(key)).toBe(false);
    found.set(key, value);
  }
  return found;
};

/** What every `Scratch` has to keep to. */
export const scratchContract = (name: string, open: () => Scratch): void => {
  describe(`scratch: ${name}`, () => {
    const opened: Scratch[] = [];
    const opening = (): Scratch => {
      const scratch = open();
      opened.push(scratch);
      return scratch;
    };
    afterEach(async () => {
      for (const scratch of opened.splice(0)) await scratch.close();
    });

    test('before anything is put, nothing lies there', async () => {
      const scratch = opening();
      expect(await scratch.get(['a', 'b'])).toEqual([undefined, undefined]);
      expect(await all(scratch)).toEqual(new Map());
    });

    test('law: what lies there is what was put last, whatever the keys and the values', async () => {
      const text = fc.string({ unit: 'grapheme', minLength: 1 });
      const few = fc.array(fc.tuple(fc.oneof(fc.constantFrom('a', 'a/b', '__proto__'), text), text));
      await fc.assert(
        fc.asyncProperty(fc.array(few, { maxLength: 5 }), async (puts) => {
          const scratch = open();
          try {
            const expected = new Map<string, string>();
            for (const entries of puts) {
              await scratch.put(entries);
              for (const [key, value] of entries) expected.set(key, value);
            }
            expect(await all(scratch)).toEqual(expected);
            const keys = ['nobody', ...expected.keys(), 'b'];
            expect(await scratch.get(keys)).toEqual(keys.map((key) => expected.get(key)));
          } finally {
            await scratch.close();
          }
        }),
        { numRuns: 20 },
      );
    });

    test('a reading of all is of one moment, whatever is put meanwhile', async () => {
      const scratch = opening();
      await scratch.put(Array.from({ length: 2_500 }, (_, index) => [`key-${index}`, 'before']));
      const values = new Set<string>();
      let count = 0;
      for await (const [, value] of scratch.entries()) {
        if (count === 0) await scratch.put(Array.from({ length: 5_000 }, (_, index) => [`key-${index}`, 'after']));
        count += 1;
        values.add(value);
      }
      expect({ count, values: [...values] }).toEqual({ count: 2_500, values: ['before'] });
    });
  });
};
