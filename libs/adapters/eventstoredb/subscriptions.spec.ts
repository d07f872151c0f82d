import { NO_STREAM, type EventBatch, type SubscriptionOptions } from '#application/ports/event-store';
import { eventually } from '#testing/eventually';
import { Follower } from '#testing/event-store/follower';
import { appendTo, freshStream, readStream } from '#testing/event-store/harness';
import { newMessage, newMessages } from '#testing/events';
import { startFakeEventStoreDb, type FakeEventStoreDb } from '#testing/eventstoredb/fake-eventstoredb';
import { EventStoreDbEventStore, type EventStoreDbOptions } from './eventstoredb-event-store.js';

// The traps of reads and subscriptions in engineering §2.2, and those found beside them.

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const everything = { name: 'test', after: undefined, categories: ['customer'], batchSize: 10 } as const;
const always =
  <Value>(value: Value) =>
  (): Value =>
    value;
const ids = (events: readonly { readonly id: string }[]): readonly string[] => events.map((event) => event.id);

describe('reads and subscriptions', () => {
  let server: FakeEventStoreDb;
  let store: EventStoreDbEventStore;
  const warnings: string[] = [];
  const followers: Follower[] = [];
  const open = (options: Partial<EventStoreDbOptions>): EventStoreDbEventStore =>
    new EventStoreDbEventStore(server.url, {
      firstPauseMs: 20,
      longestPauseMs: 100,
      warn: (message) => void warnings.push(message),
      ...options,
    });
  const reopen = async (options: Partial<EventStoreDbOptions>): Promise<void> => {
    await store.close();
    store = open(options);
  };
  const follow = (
    options: Partial<SubscriptionOptions> = {},
    onBatch?: (batch: EventBatch) => Promise<void>,
  ): Follower => {
    const follower = new Follower(store, options, onBatch);
    followers.push(follower);
    return follower;
  };
  const stop = async (): Promise<void> =>
    void (await Promise.all(followers.splice(0).map((follower) => follower.stop())));

  beforeEach(async () => {
    server = await startFakeEventStoreDb();
    store = open({});
    warnings.length = 0;
  });
  afterEach(async () => {
    await stop();
    await store.close();
    await server.stop();
  });

  test('a checkpoint that lies behind an unsent event makes no event lost', async () => {
    const stream = freshStream();
    const events = newMessages(5);
    const follower = follow();
    await follower.until(({ caughtUp }) => caughtUp);
    await appendTo(store, stream, NO_STREAM, events.slice(0, 2));
    await follower.until(() => follower.events.length === 2);

    server.misbehaviour.nextCheckpointSkipsAnEvent = true;
    await appendTo(store, stream, 1, events.slice(2));
    await follower.until(() => follower.events.length === 5);
    expect(ids(follower.events)).toEqual(ids(events));
    expect(warnings).toHaveLength(1);
  });

  test('long stretches of other streams pass by', async () => {
    const events = newMessages(2);
    await appendTo(store, freshStream(), NO_STREAM, events.slice(0, 1));
    for (let index = 0; index < 500; index += 1) server.appendForeign('$stats-127.0.0.1:2113', '$statsCollected', '{}');
    for (let index = 0; index < 500; index += 1) server.appendForeign('customers-of-somebody', 'Other', '{}');
    await appendTo(store, freshStream(), NO_STREAM, events.slice(1));
    const follower = follow();
    await follower.until(({ caughtUp }) => caughtUp);
    expect(ids(follower.events)).toEqual(ids(events));
  });

  test('a server that does not say when a subscription has caught up: silence counts as that', async () => {
    server.misbehaviour.announcesCaughtUp = false;
    await reopen({ quietMs: 200 });
    const events = newMessages(3);
    await appendTo(store, freshStream(), NO_STREAM, events);
    const from = Date.now();
    const follower = follow();
    await follower.until(() => follower.events.length === 3);
    expect(follower.caughtUp).toBe(false);
    await follower.until(({ caughtUp }) => caughtUp);
    expect(Date.now() - from).toBeGreaterThanOrEqual(190);
    await appendTo(store, freshStream(), NO_STREAM, [newMessage()]);
    await follower.until(() => follower.events.length === 4);
  });

  test('a subscription that fell behind has caught up again only when that is said', async () => {
    await reopen({ quietMs: 300 });
    const follower = follow();
    await follower.until(({ caughtUp }) => caughtUp);
    server.misbehaviour.nextFallsBehind = true;
    server.misbehaviour.announcesCaughtUp = false;
    await appendTo(store, freshStream(), NO_STREAM, newMessages(3));
    await follower.until(({ events }) => events.length === 3);
    expect(follower.batches.slice(1).map(({ caughtUp }) => caughtUp)).not.toContain(true);
    await follower.until(({ batches }) => batches.at(-1)?.caughtUp === true);
    expect(follower.events).toHaveLength(3);
  });

  test('an empty log has caught up at once', async () => {
    const follower = follow({ after: undefined });
    await follower.until(({ caughtUp }) => caughtUp, 2_000);
    expect(follower.batches).toEqual([{ events: [], caughtUp: true }]);
  });

  test('a subscription comes back by itself after the server was away, with growing pauses', async () => {
    const stream = freshStream();
    const events = newMessages(4);
    const follower = follow();
    await appendTo(store, stream, NO_STREAM, events.slice(0, 2));
    await follower.until(() => follower.events.length === 2);
    await server.stop();
    await eventually(() => warnings.length > 4);
    await server.start();
    await eventually(async () => (await appendTo(store, stream, 1, events.slice(2)))?.kind === 'appended');
    await follower.until(() => follower.events.length === 4);
    expect(ids(follower.events)).toEqual(ids(events));
    const pauses = warnings.map((warning) => /(\d+) ms/.exec(warning)?.[1]);
    expect(pauses.slice(0, 4)).toEqual(['20', '40', '80', '100']);
  });

  test('a subscription that the server ends politely goes on', async () => {
    const events = newMessages(2);
    const follower = follow();
    await appendTo(store, freshStream(), NO_STREAM, events.slice(0, 1));
    await follower.until(() => follower.events.length === 1);
    server.endReads();
    await appendTo(store, freshStream(), NO_STREAM, events.slice(1));
    await follower.until(() => follower.events.length === 2, 2_000);
    expect(ids(follower.events)).toEqual(ids(events));
    expect(warnings).toHaveLength(1);
  });

  test('a subscription that is never confirmed is tried again', async () => {
    await reopen({ confirmTimeoutMs: 300 });
    server.misbehaviour.silent = true;
    const follower = follow();
    await eventually(() => warnings.length > 0);
    server.misbehaviour.silent = false;
    const message = newMessage();
    await appendTo(store, freshStream(), NO_STREAM, [message]);
    await follower.until(() => follower.events.length === 1);
    expect(warnings[0]).toMatch(/^The subscription test dropped/);
  });

  test('a slow consumer holds back the server', async () => {
    const text = 'x'.repeat(5_000);
    for (let index = 0; index < 10; index += 1) {
      const events = Array.from({ length: 100 }, () => newMessage(text));
      await appendTo(store, freshStream(), NO_STREAM, events);
    }
    let proceed = (): void => {};
    const held = new Promise<void>((resolve) => {
      proceed = resolve;
    });
    const follower = follow({ batchSize: 10 }, () => held);
    await pause(500);
    // 5 MB wait in the log; what is under way is bounded by the windows of HTTP/2 and of the streams in between.
    expect(server.misbehaviour.eventsSent).toBeLessThan(400);
    proceed();
    await follower.until(() => follower.events.length === 1_000);
  });

  test('an abort releases the call while the consumer still has a batch', async () => {
    await appendTo(store, freshStream(), NO_STREAM, [newMessage()]);
    const abort = new AbortController();
    let batches = 0;
    for await (const batch of store.subscribe({ ...everything, signal: abort.signal })) {
      batches += 1;
      expect(batch.events).toHaveLength(1);
      expect(server.openReads).toBe(1);
      abort.abort();
      await eventually(() => server.openReads === 0);
    }
    expect(batches).toBe(1);
  });

  test('an abort releases the call though much was waiting', async () => {
    for (let index = 0; index < 10; index += 1) {
      const events = Array.from({ length: 100 }, () => newMessage('x'.repeat(5_000)));
      await appendTo(store, freshStream(), NO_STREAM, events);
    }
    const follower = follow({ batchSize: 10 }, () => pause(200));
    await pause(100);
    await stop();
    expect(follower.events.length).toBeLessThan(100);
    await eventually(() => server.openReads === 0);
    await store.close();
  });

  test('an abort ends the wait for a server that is away', async () => {
    await reopen({ firstPauseMs: 30_000 });
    await server.stop();
    const follower = follow();
    await eventually(() => warnings.length > 0);
    const from = Date.now();
    await follower.stop();
    expect(Date.now() - from).toBeLessThan(1_000);
  });

  test('closing the store ends its subscriptions normally and releases their calls', async () => {
    const consumed = (async (): Promise<void> => {
      const { signal } = new AbortController();
      for await (const batch of store.subscribe({ ...everything, signal })) if (batch.caughtUp) void store.close();
    })();
    await expect(consumed).resolves.toBeUndefined();
    await eventually(() => server.openReads === 0);
    expect(warnings).toEqual([]);
  });

  test.each([
    ['text that is no JSON', '{"type":', '{}', 'application/json'],
    ['JSON that is no object', '"text"', '{}', 'application/json'],
    ['null', 'null', '{}', 'application/json'],
    ['bytes', '{}', '{}', 'application/octet-stream'],
    ['no metadata', '{}', '', 'application/json'],
    ['metadata that is no JSON', '{}', '{', 'application/json'],
  ])(
    'an event that is not ours ends the subscription, after all before it: %s',
    async (_, data, metadata, contentType) => {
      const stream = freshStream();
      await appendTo(store, stream, NO_STREAM, newMessages(5));
      server.appendForeign(stream, 'Foreign', data, metadata, contentType);
      await appendTo(store, stream, 5, newMessages(1));
      const sizes: number[] = [];
      const consumed = (async (): Promise<void> => {
        const { signal } = new AbortController();
        for await (const { events } of store.subscribe({ ...everything, signal })) {
          sizes.push(events.length);
          // Meanwhile the rest arrives, so that events before and behind the one at fault wait together.
          await pause(50);
        }
      })();
      await expect(consumed).rejects.toMatchObject({ code: 'event-undecodable' });
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(5);
      expect(sizes.length).toBeLessThan(5);
      await expect(readStream(store, stream)).rejects.toMatchObject({ code: 'event-undecodable' });
    },
  );

  test("the server's own events in our streams are passed over", async () => {
    const stream = freshStream();
    const events = newMessages(2);
    await appendTo(store, stream, NO_STREAM, events.slice(0, 1));
    server.log.tombstone(stream);
    await appendTo(store, freshStream(), NO_STREAM, events.slice(1));
    const follower = follow();
    await follower.until(({ caughtUp }) => caughtUp);
    expect(ids(follower.events)).toEqual(ids(events));
  });

  test('positions up to the last exact number are kept, beyond it the store counts as corrupt', async () => {
    const stream = freshStream();
    server.log.growTo(Number.MAX_SAFE_INTEGER);
    await appendTo(store, stream, NO_STREAM, [newMessage()]);
    const [event] = await readStream(store, stream);
    expect(event?.position).toBe(Number.MAX_SAFE_INTEGER);

    server.log.growTo(2 ** 53);
    await appendTo(store, stream, 0, [newMessage()]);
    await expect(readStream(store, stream)).rejects.toMatchObject({ code: 'store-corrupt' });
    const follower = new Follower(store, { after: Number.MAX_SAFE_INTEGER });
    await expect(follower.until(() => false)).rejects.toMatchObject({ code: 'store-corrupt' });
  });

  test('reads ask for a bounded number of events at a time', async () => {
    const stream = freshStream();
    await appendTo(store, stream, NO_STREAM, newMessages(1_000));
    expect(await readStream(store, stream)).toHaveLength(1_000);
    expect(await readStream(store, stream, 500)).toHaveLength(500);
    expect(server.misbehaviour.mostAsked).toBeLessThanOrEqual(500);
  });

  test("the server's own events do not end a read early", async () => {
    const stream = freshStream();
    await appendTo(store, stream, NO_STREAM, newMessages(3));
    server.appendForeign(stream, '$>', '0@elsewhere');
    await appendTo(store, stream, 3, newMessages(600));
    expect((await readStream(store, stream)).map(({ revision }) => revision)).toEqual(
      Array.from({ length: 604 }, (_, revision) => revision).filter((revision) => revision !== 3),
    );
  });

  test('a read that stops in the middle fails, and is not taken for the end of the stream', async () => {
    await reopen({ readTimeoutMs: 300 });
    const stream = freshStream();
    await appendTo(store, stream, NO_STREAM, newMessages(20));
    server.misbehaviour.sendsEvents = 10;
    await expect(readStream(store, stream)).rejects.toMatchObject({ code: 'store-unavailable' });
    await eventually(() => server.openReads === 0);
  });

  test('a read that the closing of the store cut short fails as well', async () => {
    const stream = freshStream();
    await appendTo(store, stream, NO_STREAM, newMessages(20));
    server.misbehaviour.sendsEvents = 10;
    const read = readStream(store, stream);
    await eventually(() => server.misbehaviour.eventsSent === 10);
    await store.close();
    await expect(read).rejects.toMatchObject({ code: 'store-unavailable' });
  });

  test('reads and subscriptions find a cluster that was not there at first', async () => {
    await store.close();
    await server.stop();
    store = new EventStoreDbEventStore(server.clusterUrl, {
      firstPauseMs: 20,
      longestPauseMs: 100,
      warn: (message) => void warnings.push(message),
    });
    await expect(store.ping()).rejects.toMatchObject({ code: 'store-unavailable' });
    const follower = follow();
    await eventually(() => warnings.length > 1);
    await server.start();
    await eventually(() => store.ping().then(always(true), always(false)));
    const message = newMessage();
    await eventually(
      async () => (await appendTo(store, 'customer-found.a', NO_STREAM, [message]))?.kind === 'appended',
    );
    await follower.until(() => follower.events.length === 1, 5_000);
    expect(ids(follower.events)).toEqual([message.id]);
  });

  test('a ping fails in time when the server is silent or away', async () => {
    await reopen({ readTimeoutMs: 300 });
    server.misbehaviour.silent = true;
    await expect(store.ping()).rejects.toMatchObject({ code: 'store-unavailable' });
    server.misbehaviour.silent = false;
    await expect(store.ping()).resolves.toBeUndefined();
    await server.stop();
    await expect(store.ping()).rejects.toMatchObject({ code: 'store-unavailable' });
  });
});
