import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EventStoreDbEventStore } from '#adapters/eventstoredb/eventstoredb-event-store';
import { memoryDatabase } from '#adapters/postgres/memory-database';
import { prepare } from '#adapters/postgres/open-database';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { compareLogs, copyLog } from '#application/history/copy';
import { readLog } from '#application/history/read-log';
import { Replay } from '#application/history/replay';
import { MemoryScratch } from '#testing/memory-scratch';
import { Clock } from '#application/ports/clock';
import type { EventStore, Position, RecordedEvent } from '#application/ports/event-store';
import { instantOf, type Instant } from '#domain/time';
import { startFakeEventStoreDb } from '#testing/eventstoredb/fake-eventstoredb';
import { openStage, type Stage } from '../gate/stage.js';
import { Course, type Step } from './course.js';
import { EditedStore } from './edited-store.js';

class CopyClock extends Clock {
  at: Instant = instantOf(0);
  now(): Instant {
    return this.at;
  }
}

const course: readonly Step[] = [
  { kind: 'template', name: 'hello', type: 'TemplateApproved' },
  { kind: 'allowance', users: 1 },
  ...[0, 1, 2].flatMap((customer): readonly Step[] => [
    { kind: 'write', customer, agoMs: 0, text: 'hello' },
    { kind: 'intent', customer, terms: {} },
    { kind: 'project' },
    { kind: 'send', customer, back: 0, outcome: { kind: 'accepted', providerMessageId: '' } },
    { kind: 'pass', durationMs: 1 },
  ]),
];

const eventsOf = async (store: EventStore): Promise<readonly RecordedEvent[]> => {
  const events: RecordedEvent[] = [];
  const categories = ['customer', 'template', 'account', 'mau'] as const;
  for await (const batch of readLog(store, { name: 'test', categories })) events.push(...batch);
  return events;
};

const withoutPlace = ({ position: _position, recordedAt: _recordedAt, ...event }: RecordedEvent) => event;

describe('copying a log', () => {
  let stage: Stage;
  let closing: (() => Promise<void>)[] = [];

  const embedded = async () => {
    const database = await memoryDatabase();
    await prepare(database);
    closing.push(() => database.close());
    const clock = new CopyClock();
    return { clock, store: new PostgresEventStore(database, clock) };
  };
  const eventStoreDb = async (): Promise<EventStore> => {
    const server = await startFakeEventStoreDb();
    const store = new EventStoreDbEventStore(server.url, { warn: () => {} });
    closing.push(async () => {
      await store.close();
      await server.stop();
    });
    return store;
  };

  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
    await new Course(stage, 'c-').play(course);
  });
  afterAll(async () => {
    for (const close of closing.toReversed()) await close();
    closing = [];
    await stage.close();
  });

  test('embedded to EventStoreDB and back: the same ids, revisions, contents and order', async () => {
    const there = await eventStoreDb();
    const back = await embedded();
    const source = await eventsOf(stage.store);
    expect(await copyLog(stage.store, there)).toBe(source.length);
    await copyLog(there, back.store);
    expect((await eventsOf(there)).map(withoutPlace)).toEqual(source.map(withoutPlace));
    expect((await eventsOf(back.store)).map(withoutPlace)).toEqual(source.map(withoutPlace));
    expect(await compareLogs(stage.store, there)).toEqual({
      events: { source: source.length, target: source.length },
      streams: 5,
      differing: [],
      differingCount: 0,
      sameOrder: true,
    });
    // The decisions that counted active users name positions of the source.
    const replay = new Replay(there, { copied: true }, new MemoryScratch());
    await replay.run(new AbortController().signal);
    const { findings, decisions } = await replay.report();
    expect({ findings: findings.count, decisions }).toEqual({ findings: 0, decisions: 3 });
  });

  test('a stream comes once in a call, and the calls keep the order of the log', async () => {
    const { store } = await embedded();
    const calls: (readonly string[])[] = [];
    const watched = new EditedStore(store, (events) => events);
    const append = watched.append.bind(watched);
    watched.append = (appends) => {
      calls.push(appends.map(({ stream }) => stream));
      return append(appends);
    };
    await copyLog(stage.store, watched);
    for (const streams of calls) expect(new Set(streams).size).toBe(streams.length);
    const runs = (await eventsOf(stage.store)).map(({ stream }) => stream);
    expect(calls.flat()).toEqual(runs.filter((stream, index) => stream !== runs[index - 1]));
  });

  test('to Postgres the times of recording go along', async () => {
    const { clock, store } = await embedded();
    await copyLog(stage.store, store, { recordAt: (at) => void (clock.at = at) });
    expect((await eventsOf(store)).map(({ recordedAt }) => recordedAt)).toEqual(
      (await eventsOf(stage.store)).map(({ recordedAt }) => recordedAt),
    );
  });

  test('interrupted and run again, from the start or from its checkpoint, nothing comes twice', async () => {
    const { store } = await embedded();
    const source = await eventsOf(stage.store);
    const half = new EditedStore(stage.store, (events) => events.slice(0, Math.floor(events.length / 2)));
    let checkpoint: Position | undefined;
    const advanced = async ({ position }: { readonly position: Position }) => void (checkpoint = position);
    await copyLog(half, store, { advanced });
    await copyLog(half, store);
    expect(await copyLog(stage.store, store, { after: checkpoint })).toBe(
      source.length - Math.floor(source.length / 2),
    );
    expect((await eventsOf(store)).map(withoutPlace)).toEqual(source.map(withoutPlace));
  });

  test('stops at a target that holds something else', async () => {
    const { store } = await embedded();
    await copyLog(
      new EditedStore(stage.store, (events) =>
        events.map((event) => ({ ...event, id: event.id.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) })),
      ),
      store,
    );
    await expect(copyLog(stage.store, store)).rejects.toMatchObject({ code: 'store-corrupt' });
  });

  test('the comparison finds what differs', async () => {
    const edited = new EditedStore(stage.store, (events) =>
      events.flatMap((event) => {
        if (event.event.type === 'AllowanceChanged') return [{ ...event, event: { ...event.event, users: 2 } }];
        return event.event.type === 'SendAccepted' && event.stream.includes('c-c1') ? [] : [event];
      }),
    );
    const { differing, differingCount, sameOrder, events } = await compareLogs(stage.store, edited);
    expect(differing).toEqual(['account-acme', expect.stringContaining('c-c1')]);
    expect({ differingCount, sameOrder, lost: events.source - events.target }).toEqual({
      differingCount: 2,
      sameOrder: false,
      lost: 1,
    });
    // Interrupted, it says nothing rather than that the rest is missing.
    await expect(compareLogs(stage.store, edited, AbortSignal.abort())).rejects.toThrow(/aborted/);
    const swapped = new EditedStore(stage.store, (events) => {
      const [first, second, ...rest] = events;
      return first === undefined || second === undefined ? events : [second, first, ...rest];
    });
    expect((await compareLogs(stage.store, swapped)).differing).toEqual(['account-acme']);
  });
});
