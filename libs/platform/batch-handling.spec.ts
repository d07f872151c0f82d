import { beforeEach, describe, expect, test } from '@jest/globals';
import { InfrastructureError } from '#application/errors';
import type { MessageBatch, OutgoingMessage, ReceivedMessage } from '#application/ports/message-queue';
import { Parking, type ParkedMessage } from '#application/ports/parking';
import { instantOf } from '#domain/time';
import { BatchHandling, type Handle } from './batch-handling.js';
import { PrometheusTelemetry } from './metrics.js';

class MemoryParking extends Parking {
  kept: ParkedMessage[] = [];
  async parkedKeys(_group: string, _topic: string, keys: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(keys.filter((key) => this.kept.some(({ message }) => message.key === key)));
  }
  async park(_group: string, messages: readonly ParkedMessage[]): Promise<void> {
    this.kept.push(...messages);
  }
  async parked(): Promise<readonly ParkedMessage[]> {
    return this.kept;
  }
  async release(_group: string, messages: readonly ReceivedMessage[]): Promise<void> {
    this.kept = this.kept.filter(({ message }) => !messages.includes(message));
  }
}

const TOPIC = 'tidegate.send-intents.v1';
const message = (key: string, offset: number): ReceivedMessage => ({
  topic: TOPIC,
  partition: 0,
  offset,
  key,
  value: '{}',
  headers: {},
  at: instantOf(1),
});

describe('what becomes of a batch', () => {
  let parking: MemoryParking;
  let sent: OutgoingMessage[];
  let failures: unknown[];
  let handling: BatchHandling;
  let handled: string[];
  let finished: number[];
  beforeEach(() => {
    parking = new MemoryParking();
    [sent, failures, handled, finished] = [[], [], [], []];
    handling = new BatchHandling({
      group: 'g',
      parking,
      producer: { send: async (messages) => void sent.push(...messages) },
      clock: { now: () => instantOf(7) },
      telemetry: new PrometheusTelemetry(),
      fail: (error) => failures.push(error),
      met: () => undefined,
    });
  });

  const batch = (...messages: ReceivedMessage[]): MessageBatch => ({
    topic: TOPIC,
    partition: 0,
    messages,
    signal: new AbortController().signal,
    finished: ({ offset }) => finished.push(offset),
  });
  /** Handles whole batches, but fails all of one in which such an offset stands. */
  const failingAt =
    (faults: Readonly<Record<number, Error>>): Handle =>
    async ({ messages }) => {
      for (const { offset } of messages) if (faults[offset] !== undefined) throw faults[offset];
      handled.push(messages.map(({ key, offset }) => `${key}${offset}`).join(' '));
    };
  const places = () => parking.kept.map(({ message: { key, offset } }) => `${key}${offset}`);
  const bug = new TypeError('undefined is not a function');

  test('one that succeeds is handled once, as a whole', async () => {
    await handling.run(batch(message('a', 0), message('b', 1)), failingAt({}));
    expect(handled).toEqual(['a0 b1']);
  });

  test('a failure that time heals is delivered again as it is, and nothing is parked', async () => {
    const away = new InfrastructureError('store-unavailable', 'away');
    await expect(handling.run(batch(message('a', 0)), failingAt({ 0: away }))).rejects.toBe(away);
    expect([places(), finished, failures]).toEqual([[], [], []]);
  });

  test('a bug parks its message and what follows under the key, also in later batches; the others go on', async () => {
    const first = batch(message('a', 0), message('b', 1), message('a', 2), message('b', 3));
    await handling.run(first, failingAt({ 1: bug }));
    expect(handled).toEqual(['a0', 'a2']);
    expect(places()).toEqual(['b1', 'b3']);
    expect(finished.toSorted()).toEqual([0, 1, 2, 3]);
    await handling.run(batch(message('b', 4), message('c', 5)), failingAt({}));
    expect(handled.at(-1)).toBe('c5');
    expect(places()).toEqual(['b1', 'b3', 'b4']);
    expect(parking.kept[0]?.error).toContain('undefined is not a function');
  });

  test('a message at fault becomes a dead letter, and its key goes on', async () => {
    const tooLarge = new InfrastructureError('event-too-large', 'It weighs too much.');
    await handling.run(batch(message('a', 0), message('a', 1), message('a', 2)), failingAt({ 1: tooLarge }));
    expect(handled).toEqual(['a0', 'a2']);
    expect(sent.map(({ topic, value }) => [topic, JSON.parse(value ?? '').data.offset])).toEqual([
      ['tidegate.dead-letters.v1', 1],
    ]);
    expect(places()).toEqual([]);
  });

  test('what nothing heals ends the process', async () => {
    const corrupt = new InfrastructureError('store-corrupt', 'corrupt');
    await expect(handling.run(batch(message('a', 0)), failingAt({ 0: corrupt }))).rejects.toBe(corrupt);
    expect(failures).toEqual([corrupt]);
  });

  test('trouble with the engines while looking for the one at fault leaves the rest to be delivered again', async () => {
    const away = new InfrastructureError('store-unavailable', 'away');
    const run = handling.run(batch(message('a', 0), message('b', 1), message('c', 2)), failingAt({ 1: away, 2: bug }));
    await expect(run).rejects.toBe(away);
    expect(finished).toEqual([]);
    const later = handling.run(batch(message('c', 2), message('a', 0), message('b', 1)), failingAt({ 2: bug }));
    await later;
    expect(places()).toEqual(['c2']);
  });

  test('parked messages are tried again in order, each key up to the first that still fails', async () => {
    await handling.run(batch(message('a', 0), message('b', 1), message('a', 2)), failingAt({ 0: bug, 1: bug }));
    await handling.run(batch(message('a', 3), message('b', 4)), failingAt({}));
    handled = [];
    const { signal } = new AbortController();
    expect(await handling.retry(TOPIC, signal, failingAt({ 4: bug }))).toBe(4);
    expect(handled.toSorted()).toEqual(['a0', 'a2', 'a3', 'b1']);
    expect(handled.filter((place) => place.startsWith('a'))).toEqual(['a0', 'a2', 'a3']);
    expect(places()).toEqual(['b4']);
  });
});
