import { randomUUID } from 'node:crypto';
import { NO_STREAM, type EventBatch } from '#application/ports/event-store';
import { eventStoreContract } from '#testing/event-store.contract';
import { newEvent, newMessage, messageReceived } from '#testing/events';
import { instantOf } from '#domain/time';
import { DisturbedDatabase } from './disturbed-database.js';
import { memoryDatabase } from './memory-database.js';
import { prepare } from './open-database.js';
import type { PgliteDatabase } from './pglite-database.js';
import { PostgresEventStore } from './postgres-event-store.js';

const clock = { now: () => instantOf(Date.now()) };

let database: PgliteDatabase;
beforeAll(async () => {
  database = await memoryDatabase();
  await prepare(database);
});
afterAll(() => database.close());

eventStoreContract(
  'PGlite',
  async () => {
    const disturbed = new DisturbedDatabase(database);
    const [store, other] = [new PostgresEventStore(disturbed, clock), new PostgresEventStore(database, clock)];
    return {
      store,
      other,
      disrupt: () => disturbed.loseReplyTo(/append_events/),
      async close() {
        await store.close();
        await other.close();
      },
    };
  },
  ['lost-reply'],
);

describe('the event store on PGlite', () => {
  const at = instantOf(1_780_000_000_123);
  let disturbed: DisturbedDatabase;
  let store: PostgresEventStore;
  beforeAll(() => {
    disturbed = new DisturbedDatabase(database);
    store = new PostgresEventStore(disturbed, { now: () => at });
  });

  const one = (stream: string, expectedRevision = NO_STREAM) => ({ stream, expectedRevision, events: [newMessage()] });

  test('writes down the time of its clock', async () => {
    await store.append([one('customer-clock.a')]);
    const [[event] = []] = await store.readStreams([{ stream: 'customer-clock.a', fromRevision: 0 }]);
    expect(event?.recordedAt).toBe(at);
  });

  test('callers at a time share a statement, and each gets its own outcome', async () => {
    const before = disturbed.statements;
    const outcomes = await Promise.all([
      store.append([one('customer-shared.a'), one('customer-shared.b')]),
      store.append([one('customer-shared.a', 0)]),
      store.append([one('customer-shared.c', 7)]),
      store.append([one('customer-shared.d')]),
    ]);
    expect(outcomes).toEqual([
      [
        { kind: 'appended', revision: 0 },
        { kind: 'appended', revision: 0 },
      ],
      // Behind the first of its stream, in the next statement.
      [{ kind: 'appended', revision: 1 }],
      [{ kind: 'conflict', actualRevision: NO_STREAM }],
      [{ kind: 'appended', revision: 0 }],
    ]);
    expect(disturbed.statements - before).toBe(2);
  });

  test('what the database would refuse is refused before it could spoil the appends of others', async () => {
    const beside = store.append([one('customer-beside.a')]);
    const bad = [
      { ...one('customer-bad.a'), events: [newEvent(messageReceived('1'), 'no-uuid')] },
      one(''),
      one('customer-bad.a\ncustomer-bad.b'),
      one('customer-bad.a\0'),
    ];
    for (const append of bad)
      await expect(store.append([append])).rejects.toMatchObject({ code: 'event-unserialisable' });
    expect(await beside).toEqual([{ kind: 'appended', revision: 0 }]);
  });

  test('large events make small batches', async () => {
    const [stream, text] = ['account-bulky', 'x'.repeat(990_000)];
    for (let revision = NO_STREAM; revision < 9; revision += 1)
      await store.append([{ stream, expectedRevision: revision, events: [newMessage(text)] }]);
    const sizes: number[] = [];
    const options = { name: 'bulky', after: undefined, batchSize: 500, signal: AbortSignal.timeout(10_000) };
    for await (const { events, caughtUp } of store.subscribe({ ...options, categories: ['account'] })) {
      sizes.push(events.filter((event) => event.stream === stream).length);
      if (caughtUp) break;
    }
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(10);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(9);
  });

  test('where nothing of its category is stored, a subscription has caught up at once', async () => {
    await database.query(`delete from tidegate_log.events where category = 'mau'`);
    const options = { name: 'empty', after: undefined, batchSize: 10, signal: AbortSignal.timeout(2_000) };
    for await (const batch of store.subscribe({ ...options, categories: ['mau'] })) {
      expect(batch).toEqual({ events: [], caughtUp: true });
      return;
    }
    throw new Error('It never said so.');
  });

  test('a subscription outlives the time in which the database does not answer', async () => {
    const stop = new AbortController();
    const batches: EventBatch[] = [];
    const following = (async () => {
      const options = { name: 'outage', after: undefined, batchSize: 10, signal: stop.signal };
      for await (const batch of store.subscribe({ ...options, categories: ['mau'] })) {
        batches.push(batch);
        if (batch.events.length > 0) stop.abort();
      }
    })();
    disturbed.isCut = true;
    const other = new PostgresEventStore(database, { now: () => at });
    await other.append([one('mau-outage.2026-05')]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    disturbed.isCut = false;
    await following;
    expect(batches.flatMap(({ events }) => events).map(({ stream }) => stream)).toContain('mau-outage.2026-05');
  });

  test.each([
    ['no JSON', `'{'`],
    ['two JSON texts', `data || ',' || data`],
  ])('an event that cannot be read, being %s, ends the subscription', async (_, data) => {
    const stream = `template-unreadable.${randomUUID()}.b`;
    await store.append([one(stream)]);
    await database.query(`update tidegate_log.events set data = ${data} where stream = '${stream}'`);
    const options = { name: 'unreadable', after: undefined, batchSize: 10, signal: new AbortController().signal };
    const reading = store.subscribe({ ...options, categories: ['template'] });
    await expect(reading.next()).rejects.toMatchObject({ code: 'event-undecodable' });
    await database.query(`delete from tidegate_log.events where stream = '${stream}'`);
  });

  test('what is appended after the next page was read comes at once, and not when it is looked for again', async () => {
    const lone = new PostgresEventStore(database, clock, 0);
    const append = () => lone.append([one(`mau-behind.${randomUUID()}`)]);
    await append();
    const [stored] = await database.query<{ from: number }>(
      `select max(position) - 1 as from from tidegate_log.events where category = 'mau'`,
    );
    for (let number = 0; number < 2; number += 1) await append();
    const stop = new AbortController();
    const options = { name: 'behind', after: stored?.from, batchSize: 2, categories: ['mau'] as const };
    const reading = lone.subscribe({ ...options, signal: stop.signal });
    const sizes = [(await reading.next()).value?.events.length];
    // The page ahead has been read by then: statements come one after the other.
    await append();
    const from = Date.now();
    for (let number = 0; number < 2; number += 1) sizes.push((await reading.next()).value?.events.length);
    expect(sizes).toEqual([2, 1, 1]);
    expect(Date.now() - from).toBeLessThan(900);
    await reading.return(undefined);
  });

  test.each([
    ['a lone follower', 0, 2],
    ['one of several followers', 1, 1],
  ])('while a page is parsed, the next one is read: for %s', async (_, others, pages) => {
    const lone = new PostgresEventStore(disturbed, clock, 0);
    const options = { name: 'pages', after: undefined, batchSize: 2, categories: ['mau'] as const };
    for (let number = 0; number < 6; number += 1) await lone.append([one(`mau-pages.${randomUUID()}`)]);
    const stop = new AbortController();
    const asides = Array.from({ length: others }, () => lone.subscribe({ ...options, signal: stop.signal }));
    for (const aside of asides) await aside.next();
    const before = disturbed.statements;
    const reading = lone.subscribe({ ...options, signal: stop.signal });
    const first = await reading.next();
    expect(disturbed.statements - before).toBe(pages);
    const [positions, seen] = [new Set<number>(), [...(first.value?.events ?? [])]];
    for (let next = await reading.next(); next.value?.caughtUp === false; next = await reading.next())
      seen.push(...next.value.events);
    for (const { position } of seen) positions.add(position);
    expect(positions.size).toBe(seen.length);
    expect([...positions]).toEqual([...positions].toSorted((a, b) => a - b));
    for (const subscription of [reading, ...asides]) await subscription.return(undefined);
  });
});
