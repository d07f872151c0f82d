import { expect, test } from '@jest/globals';
import type { MessageBatch } from '#application/ports/message-queue';
import { deliver, type Delivering, type Fetched } from './partition-delivery.js';

/** Five messages of a partition, with a gap, and what became of them. */
class Fetch implements Fetched {
  readonly batch = { topic: 'tide', partition: 3, messages: [10, 11, 14, 15, 16].map(kafkaMessage) };
  readonly handled: number[][] = [];
  readonly committed: string[] = [];
  readonly logged: string[] = [];
  readonly commitFailures: Error[] = [];
  position = 10;

  resolveOffset(offset: string): void {
    this.position = Number(offset) + 1;
  }

  async commitOffsetsIfNecessary(offsets?: Parameters<Fetched['commitOffsetsIfNecessary']>[0]): Promise<void> {
    const failure = this.commitFailures.shift();
    if (failure) throw failure;
    for (const { topic, partitions } of offsets?.topics ?? []) {
      for (const { partition, offset } of partitions) this.committed.push(`${topic}/${partition}: ${offset}`);
    }
  }

  deliver(handle: (batch: MessageBatch) => Promise<void> | void, options: Partial<Delivering> = {}): Promise<void> {
    return deliver(this, {
      batchSize: 2,
      assignment: { isLost: false },
      signal: new AbortController().signal,
      log: (level, message) => this.logged.push(`${level}: ${message}`),
      isStopping: () => false,
      handle: async (batch) => {
        this.handled.push(batch.messages.map(({ offset }) => offset));
        await handle(batch);
      },
      ...options,
    });
  }
}

test('batch after batch is handled and committed', async () => {
  const fetch = new Fetch();
  await fetch.deliver(() => expect(fetch.committed).toHaveLength(fetch.handled.length - 1));
  expect(fetch.handled).toEqual([[10, 11], [14, 15], [16]]);
  expect(fetch.committed).toEqual(['tide/3: 12', 'tide/3: 16', 'tide/3: 17']);
  expect(fetch.position).toBe(17);
});

test('a rejection commits what was finished, and ends', async () => {
  const fetch = new Fetch();
  const delivered = fetch.deliver(({ messages: [first], finished }) => {
    if (first?.offset !== 14) return;
    finished(first);
    throw new TypeError('No such thing.');
  });
  await expect(delivered).rejects.toThrow('No such thing.');
  expect(fetch.handled).toEqual([
    [10, 11],
    [14, 15],
  ]);
  expect(fetch.committed).toEqual(['tide/3: 12', 'tide/3: 15']);
  expect(fetch.position).toBe(15);
});

test('a rejection with nothing finished commits nothing', async () => {
  const fetch = new Fetch();
  const delivered = fetch.deliver(({ messages: [, second], finished }) => {
    if (second) finished(second);
    throw new Error('No.');
  });
  await expect(delivered).rejects.toThrow('No.');
  expect(fetch).toMatchObject({ committed: [], position: 10 });
});

test.each(['resolves', 'rejects'])('a partition that was lost meanwhile is left alone: the handler %s', async (how) => {
  const fetch = new Fetch();
  const assignment = { isLost: false };
  await fetch.deliver(
    ({ messages, finished }) => {
      messages.forEach(finished);
      assignment.isLost = true;
      if (how === 'rejects') throw new Error('Aborted.');
    },
    { assignment },
  );
  expect(fetch).toMatchObject({ handled: [[10, 11]], committed: [], position: 10 });
});

test('an abort and a stop end it after the running batch, which is committed', async () => {
  const aborted = new Fetch();
  const abort = new AbortController();
  await aborted.deliver(() => abort.abort(), { signal: abort.signal });
  expect(aborted).toMatchObject({ handled: [[10, 11]], committed: ['tide/3: 12'] });

  const stopped = new Fetch();
  await stopped.deliver(() => undefined, { isStopping: () => stopped.handled.length === 2 });
  expect(stopped).toMatchObject({
    handled: [
      [10, 11],
      [14, 15],
    ],
    committed: ['tide/3: 12', 'tide/3: 16'],
  });
});

test('a commit that did not reach the broker is tried again', async () => {
  const fetch = new Fetch();
  fetch.commitFailures.push(new Error('Connection closed.'));
  await fetch.deliver(() => undefined);
  expect(fetch).toMatchObject({ committed: ['tide/3: 12', 'tide/3: 16', 'tide/3: 17'], logged: [] });
});

test.each(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS', 'FENCED_INSTANCE_ID'])(
  'a commit refused with %s means that the partition is lost',
  async (type) => {
    const fetch = new Fetch();
    const assignment = { isLost: false };
    fetch.commitFailures.push(Object.assign(new Error('No.'), { type }));
    await fetch.deliver(() => undefined, { assignment });
    expect(fetch).toMatchObject({ handled: [[10, 11]], committed: [], logged: ['info: An offset was not committed'] });
    expect(assignment.isLost).toBe(true);
  },
);

function kafkaMessage(offset: number): Fetched['batch']['messages'][number] {
  return { key: null, value: null, timestamp: '0', attributes: 0, offset: String(offset), headers: {} };
}
