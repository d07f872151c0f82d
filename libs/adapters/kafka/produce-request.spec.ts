import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createRequire } from 'node:module';
import * as fc from 'fast-check';
import { crc32c } from './crc32c.js';
import { encodeProduced, speedUpProducing, type Produced, type ProduceRequest } from './produce-request.js';

const require = createRequire(import.meta.url);
/** As it was before: taken first of all. */
const byKafkajs: (
  produced: Produced,
) => ProduceRequest = require('kafkajs/src/protocol/requests/produce/v3/request.js');

const bytesByKafkajs = async (produced: Produced): Promise<Buffer> => (await byKafkajs(produced).encode()).buffer;

beforeEach(() => void jest.spyOn(Date, 'now').mockReturnValue(Date.UTC(2026, 10, 25)));
afterEach(() => void jest.restoreAllMocks());

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ minLength: 100, maxLength: 20_000 }),
  fc.constantFrom('', 'a'.repeat(63), 'a'.repeat(64), 'ä'.repeat(4_096), '\ud800'),
);
const textOrBytes = fc.oneof(
  text,
  fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
);
const message = fc.record({
  key: fc.oneof(textOrBytes, fc.constant(null)),
  value: fc.oneof(textOrBytes, fc.constant(null)),
  headers: fc.dictionary(fc.string({ maxLength: 20 }), textOrBytes, { maxKeys: 4, noNullPrototype: true }),
});
const topic = fc.record({
  topic: fc.string({ minLength: 1, maxLength: 30 }),
  partitions: fc.array(
    fc.record({
      partition: fc.nat(1_000),
      firstSequence: fc.nat(),
      messages: fc.array(message, { minLength: 1, maxLength: 20 }),
    }),
    { maxLength: 3 },
  ),
});
const produced: fc.Arbitrary<Produced> = fc.record({
  acks: fc.constantFrom(-1, 0, 1),
  timeout: fc.nat(),
  transactionalId: fc.constantFrom(null, undefined),
  producerId: fc.oneof(fc.integer(), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String)),
  producerEpoch: fc.integer({ min: -1, max: 32_767 }),
  compression: fc.constant(0),
  topicData: fc.array(topic, { maxLength: 3 }),
});

describe('a produce request', () => {
  test('has the bytes that kafkajs writes', async () => {
    await fc.assert(
      fc.asyncProperty(produced, async (request) => {
        expect(encodeProduced(request, Date.now()).equals(await bytesByKafkajs(request))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('of many records has them too: their numbers take more than one byte', async () => {
    const messages = Array.from({ length: 9_000 }, (_, index) => ({
      key: `k${index}`,
      value: 'v',
      headers: { a: 'b' },
    }));
    const request = { acks: -1, timeout: 1, topicData: [{ topic: 't', partitions: [{ partition: 0, messages }] }] };
    expect(encodeProduced(request, Date.now()).equals(await bytesByKafkajs(request))).toBe(true);
  });

  test('is written so by kafkajs itself, and by kafkajs as before where it has times, lists or a transaction', async () => {
    speedUpProducing();
    const faster: typeof byKafkajs = require('kafkajs/src/protocol/requests/produce/v3/request.js');
    const of = (more: object, request: object = {}): Produced => ({
      acks: -1,
      timeout: 1,
      ...request,
      topicData: [{ topic: 't', partitions: [{ partition: 0, messages: [{ key: 'k', value: 'v', ...more }] }] }],
    });
    expect(faster).not.toBe(byKafkajs);
    for (const request of [
      of({}),
      of({ timestamp: '1764028800000' }),
      of({ headers: { a: ['b', 'c'] } }),
      of({}, { transactionalId: 'x' }),
      of({}, { compression: 1 }),
    ]) {
      expect((await faster(request).encode()).buffer.equals(await bytesByKafkajs(request))).toBe(true);
    }
  });
});

test('the sum of the check string is the one that catalogues of checksums name', () => {
  const bytes = Buffer.from('..123456789.');
  expect(crc32c(bytes, 2, 11)).toBe(0xe3069283);
});
