import { expect, test } from '@jest/globals';
import { instantOf } from '#domain/time';
import type { ReceivedMessage } from '#application/ports/message-queue';
import { FinishedMessages } from './finished-messages.js';

/** Compaction leaves gaps between offsets. */
const batch = [10, 11, 14, 20].map((offset) => message(offset));

test.each([
  ['nothing', [], undefined],
  ['all but the first', [11, 14, 20], undefined],
  ['the first', [10], 10],
  ['up to a gap', [10, 11], 11],
  ['in another order', [14, 10, 11], 14],
  ['all but one', [20, 11, 10], 11],
  ['everything', [20, 14, 11, 10], 20],
  ['everything, some twice', [10, 10, 11, 14, 14, 20], 20],
])('finished %s', (_, offsets: number[], last) => {
  const finished = new FinishedMessages(batch);
  for (const offset of offsets) finished.add(batch.find((one) => one.offset === offset) ?? message(offset));
  expect(finished.last?.offset).toBe(last);
});

test('a message of another batch does not count', () => {
  const finished = new FinishedMessages(batch);
  finished.add(message(10));
  expect(finished.last).toBeUndefined();
});

function message(offset: number): ReceivedMessage {
  return { topic: 'tide', partition: 0, offset, key: '', value: null, headers: {}, at: instantOf(0) };
}
