import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { v5 } from 'uuid';
import { factId } from './event-ids.js';

test('ids are UUIDv5 of the namespace, the stream and the key', () => {
  expect(factId('customer-acme.c1', 'message/sinch/1/m1')).toBe('aa6fcd0a-4fbc-5d3c-9b30-fa4d07f41818');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (stream, key) => {
      expect(factId(stream, key)).toBe(v5(`${stream}/${key}`, '6f1c2b52-6f0e-5c39-9d0c-7a9b7f6f6c11'));
    }),
  );
});
