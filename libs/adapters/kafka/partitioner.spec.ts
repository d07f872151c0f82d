import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { keyPartitioner, murmur2 } from './partitioner.js';

test("the hash is that of Kafka's own test (UtilsTest.testMurmur2)", () => {
  const known = { '21': -973932308, foobar: -790332482, 'a-little-bit-long-string': -985981536, abc: 479470107 };
  for (const [key, hash] of Object.entries(known)) expect(murmur2(Buffer.from(key))).toBe(hash);
});

test('every key goes where the default partitioner of kafkajs puts it', () => {
  const ours = keyPartitioner();
  const theirs = Partitioners.DefaultPartitioner();
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 64 }), (key, partitions) => {
      const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
        partitionId,
        partitionErrorCode: 0,
        leader: 1,
        replicas: [],
        isr: [],
      }));
      const args = { topic: 't', partitionMetadata, message: { key, value: null } };
      expect(ours(args)).toBe(theirs(args));
    }),
  );
});
