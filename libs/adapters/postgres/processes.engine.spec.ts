import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { instantOf } from '#domain/time';
import { startPostgres, type PostgresServer } from '#testing/postgres';
import { until } from '#testing/queue/scene';
import type { Database } from './database.js';
import { EmbeddedQueue } from './embedded-queue.js';
import { openDatabase } from './open-database.js';
import { compileSources, OtherProcess, removeSources } from './other-process.js';
import { PostgresEventStore } from './postgres-event-store.js';

jest.setTimeout(90_000);

const clock = { now: () => instantOf(Date.now()) };

const imports = `
import { randomUUID } from 'node:crypto';
import { openDatabase } from '#adapters/postgres/open-database';
import { EmbeddedQueue } from '#adapters/postgres/embedded-queue';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
const clock = { now: () => Date.now() };
const database = await openDatabase(process.argv[2]);
`;

/** Appends for as long as it lives. */
const writer = `${imports}
const store = new PostgresEventStore(database, clock);
const event = () => ({
  id: randomUUID(),
  event: { type: 'AccountRegistered', at: 0, zone: 'UTC' },
  metadata: { correlationId: '', causationId: '' },
});
for (let round = 0; ; round += 1) {
  await store.append(Array.from({ length: 1 + (round % 40) }, () => ({
    stream: 'customer-a.' + randomUUID(),
    expectedRevision: -1,
    events: Array.from({ length: 3 }, event),
  })));
  console.log('appended ' + round);
}`;

/** Says what it was given, a batch a line, and takes a moment for each batch. */
const reader = `${imports}
const queue = new EmbeddedQueue(database, clock, { leaseMs: 2_000 });
await queue.consumer({ group: 'group', batchSize: 20 }).start(['topic'], async ({ messages }) => {
  console.log('got ' + JSON.stringify(messages.map(({ key, value }) => [key, Number(value)])));
  await new Promise((resolve) => setTimeout(resolve, 5));
});
console.log('joined');`;

describe('processes on one Postgres, killed at any time', () => {
  let server: PostgresServer;
  let sources: string;
  let database: Database;
  let url: string;
  const others: OtherProcess[] = [];
  const start = async (script: string): Promise<OtherProcess> => {
    const other = await OtherProcess.start(sources, script, url);
    others.push(other);
    return other;
  };
  beforeAll(async () => {
    [server, sources] = await Promise.all([startPostgres(), compileSources()]);
    url = await server.createDatabase();
    database = await openDatabase(url);
  }, 120_000);
  afterAll(async () => {
    await Promise.all(others.map((other) => other.kill()));
    await database.close();
    await removeSources(sources);
    await server.stop();
  });

  test('a subscription skips nothing of what several writers append', async () => {
    const store = new PostgresEventStore(database, clock);
    const stop = new AbortController();
    const seen: number[] = [];
    const options = { name: 'all', after: undefined, batchSize: 100, signal: stop.signal };
    const following = (async () => {
      for await (const { events } of store.subscribe({ ...options, categories: ['customer'] }))
        seen.push(...events.map(({ position }) => position));
    })();
    const writers = await Promise.all([start(writer), start(writer), start(writer)]);
    await Promise.all(writers.map((each) => each.says('appended 60')));
    for (const each of writers) {
      await sleep(37);
      await each.kill();
    }
    // A statement that was under way may still commit.
    await sleep(500);
    const stored = await database.query<{ position: number; stream: string; revision: number }>(
      'select position, stream, revision from tidegate_log.events order by position',
    );
    await until(() => seen.length >= stored.length, 'all events');
    stop.abort();
    await following;
    expect(seen).toEqual(stored.map(({ position }) => position));
    // All of an append or nothing of it.
    const lengths = new Map<string, number>();
    for (const { stream, revision } of stored) lengths.set(stream, Math.max(revision + 1, lengths.get(stream) ?? 0));
    expect(new Set(lengths.values())).toEqual(new Set([3]));
    expect(stored).toHaveLength(3 * lengths.size);
  });

  test('a group loses nothing when a member is killed, and keeps the order of every key', async () => {
    const queue = new EmbeddedQueue(database, clock, { leaseMs: 2_000 });
    const producer = await queue.producer();
    const keys = Array.from({ length: 24 }, (_, index) => `key-${index}`);
    let rounds = 0;
    let isEnough = (): boolean => false;
    const produce = async (): Promise<void> => {
      for (; !isEnough(); rounds += 1) {
        await producer.send(keys.map((key) => ({ topic: 'topic', key, value: String(rounds), headers: {} })));
        await sleep(4);
      }
    };
    const given = (...by: readonly OtherProcess[]): [string, number][] =>
      by.flatMap((member) => member.heard('got ').flatMap((line): [string, number][] => JSON.parse(line.slice(4))));

    const producing = produce();
    const first = await start(reader);
    await first.says('got');
    const second = await start(reader);
    await until(() => given(second).length > 500, 'a share for the second member');
    await first.kill();
    const killedAt = rounds;
    isEnough = () => rounds > killedAt + 50;
    await producing;
    const last = () =>
      new Set(given(first, second).flatMap(([key, round]) => (round === rounds - 1 ? [key] : []))).size;
    await until(() => last() === keys.length, 'the last message of every key');

    for (const member of [first, second]) {
      const seen = new Map<string, number[]>();
      for (const [key, round] of given(member)) seen.set(key, [...(seen.get(key) ?? []), round]);
      for (const ofKey of seen.values()) expect(ofKey).toEqual([...new Set(ofKey)].toSorted((a, b) => a - b));
    }
    const all = given(first, second);
    expect(new Set(all.map(([key, round]) => `${key}/${round}`)).size).toBe(keys.length * rounds);
    // At most what was under way at the kill came twice: a batch of each partition.
    expect(all.length - keys.length * rounds).toBeLessThanOrEqual(8 * 20);
    await queue.close();
  });
});
