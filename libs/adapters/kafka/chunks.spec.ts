import { describe, expect, test } from '@jest/globals';
import { MAX_MESSAGE_BYTES, type OutgoingMessage } from '#application/ports/message-queue';
import { chunksOf, sizeOf } from './chunks.js';

/** What a broker takes per batch by default, less the header of a batch. */
const batchLimit = 1_048_588 - 61;

const message = (value: string | null, headers = {}): OutgoingMessage => ({ topic: 'tide', key: 'k', value, headers });

describe('the size of a message', () => {
  test('counts bytes of UTF-8 of key, value and headers', () => {
    expect(sizeOf({ topic: 'tide', key: 'ß', value: '🌊', headers: { ab: 'ü', c: '' } })).toBe(2 + 4 + 2 + 2 + 1);
    expect(sizeOf(message(null))).toBe(1);
  });
});

describe('chunks', () => {
  test('hold all messages in their order', () => {
    const messages = Array.from({ length: 10_000 }, (_, index) => message(`${index}${'x'.repeat(index % 700)}`));
    expect([...chunksOf(messages)].flat()).toEqual(messages);
  });

  test('are full, but no more than a broker takes even with tiny messages', () => {
    const messages = Array.from({ length: 100_000 }, () => message('tiny', { a: '1', b: '2', c: '3' }));
    const chunks = [...chunksOf(messages)];
    expect(chunks.length).toBeGreaterThan(1);
    for (const chunk of chunks.slice(0, -1)) {
      // Of one record: length, attributes, time, offset, key, value, headers, as varints of the largest that occur.
      const record = 2 + 1 + 3 + 3 + (1 + 1) + (1 + 4) + 1 + 3 * (1 + 1 + 1 + 1);
      expect(chunk.length * record).toBeLessThan(batchLimit);
      expect(chunk.length * sizeOf({ ...message('tiny'), headers: {} })).toBeGreaterThan(50_000);
    }
  });

  test('leave the largest message alone', () => {
    const largest = message('x'.repeat(MAX_MESSAGE_BYTES - 1));
    const small = message('small');
    expect([...chunksOf([small, largest, small, small])]).toEqual([[small], [largest], [small, small]]);
  });

  test('of nothing are none', () => {
    expect([...chunksOf([])]).toEqual([]);
  });
});
