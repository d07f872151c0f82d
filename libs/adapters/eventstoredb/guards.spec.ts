import { NO_STREAM, type EventStore, type NewEvent } from '#application/ports/event-store';
import { eventually } from '#testing/eventually';
import { appendTo, freshStream, readStream } from '#testing/event-store/harness';
import { messageReceived, newMessage, newMessages } from '#testing/events';
import { startFakeEventStoreDb, type FakeEventStoreDb } from '#testing/eventstoredb/fake-eventstoredb';
import { EventStoreDbEventStore, type EventStoreDbOptions } from './eventstoredb-event-store.js';

// The defects of client 6.2.1 by their letters in engineering §2.3, and those found beside them.
// An exception or rejection that nobody catches fails the test that runs at the time.

const unknown = { kind: 'unknown', cause: expect.objectContaining({ code: 'store-unavailable' }) };

describe('guards of appends', () => {
  let server: FakeEventStoreDb;
  const stores: EventStore[] = [];
  const warnings: string[] = [];
  const open = (url: string, options: Partial<EventStoreDbOptions> = {}): EventStoreDbEventStore => {
    const warn = (message: string): void => void warnings.push(message);
    const store = new EventStoreDbEventStore(url, { appendTimeoutMs: 10_000, warn, ...options });
    stores.push(store);
    return store;
  };
  const warmed = async (options?: Partial<EventStoreDbOptions>): Promise<EventStoreDbEventStore> => {
    const store = open(server.url, options);
    expect(await appendTo(store, freshStream(), NO_STREAM, [newMessage()])).toEqual({ kind: 'appended', revision: 0 });
    return store;
  };
  const manyAppends = (count: number, text?: string) =>
    Array.from({ length: count }, () => ({
      stream: freshStream(),
      expectedRevision: NO_STREAM,
      events: [newMessage(text)],
    }));

  beforeEach(async () => {
    server = await startFakeEventStoreDb();
    warnings.length = 0;
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await server.stop();
  });

  test('a: what is not JSON is refused before the client sees it, and does not hold up the next append', async () => {
    const store = await warmed();
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    for (const value of [1n, circular]) {
      const event: NewEvent = Object.assign(newMessage(), {
        event: Object.assign(messageReceived('m'), { at: value }),
      });
      await expect(appendTo(store, freshStream(), NO_STREAM, [event])).rejects.toMatchObject({
        code: 'event-unserialisable',
      });
    }
    expect(server.misbehaviour.batchAppends).toBe(1);
    expect(await appendTo(store, freshStream(), NO_STREAM, [newMessage()])).toMatchObject({ kind: 'appended' });
  });

  test('b: all stores of one URL share one call for appends', async () => {
    await warmed();
    await warmed();
    expect(server.appendStreams).toBe(1);
  });

  test('b, c: another server that breaks makes appends unknown, and their late replies are dropped', async () => {
    const elsewhere = await startFakeEventStoreDb();
    const broken = open(elsewhere.url);
    await appendTo(broken, freshStream(), NO_STREAM, [newMessage()]);
    const store = await warmed();
    const stream = freshStream();
    const events = newMessages(2);

    server.misbehaviour.nextAppends.push({ kind: 'delay-reply', ms: 150 });
    const appended = appendTo(store, stream, NO_STREAM, events);
    await eventually(() => server.misbehaviour.unanswered === 1);
    elsewhere.breakAppendStreams(13, 'broken');
    expect(await appended).toEqual(unknown);
    expect(await appendTo(store, stream, NO_STREAM, events)).toEqual({ kind: 'appended', revision: 1 });
    expect(await readStream(store, stream)).toHaveLength(2);
    await eventually(() => server.misbehaviour.unanswered === 0);
    await elsewhere.stop();
  });

  test('c: a second reply is dropped and told', async () => {
    const store = await warmed();
    server.misbehaviour.nextAppends.push({ kind: 'reply-twice' });
    expect(await appendTo(store, freshStream(), NO_STREAM, [newMessage()])).toEqual({ kind: 'appended', revision: 0 });
    await eventually(() => warnings.length > 0);
    expect(warnings).toEqual(['A reply of the event store to no waiting append was dropped.']);
    expect(await appendTo(store, freshStream(), NO_STREAM, [newMessage()])).toEqual({ kind: 'appended', revision: 0 });
  });

  test('c, d: an append that is answered late is unknown; the reply harms nobody and a repeat settles it', async () => {
    const store = await warmed({ appendTimeoutMs: 300 });
    const stream = freshStream();
    const events = newMessages(2);
    server.misbehaviour.nextAppends.push({ kind: 'delay-reply', ms: 400 });
    expect(await appendTo(store, stream, NO_STREAM, events)).toEqual(unknown);
    await eventually(() => server.misbehaviour.unanswered === 0);
    expect(await appendTo(store, stream, NO_STREAM, events)).toEqual({ kind: 'appended', revision: 1 });
    expect(await readStream(store, stream)).toHaveLength(2);
  });

  test('d: a silent server makes a whole call unknown in the time of one append', async () => {
    const store = await warmed({ appendConcurrency: 5, appendTimeoutMs: 300 });
    server.misbehaviour.silent = true;
    const appends = manyAppends(200);
    const from = Date.now();
    const outcomes = await store.append(appends);
    expect(Date.now() - from).toBeLessThan(3_000);
    expect(outcomes).toEqual(appends.map(() => unknown));
    expect(server.misbehaviour.batchAppends).toBe(1 + 5);

    server.misbehaviour.silent = false;
    expect(await store.append(appends)).toEqual(appends.map(() => ({ kind: 'appended', revision: 0 })));
  });

  test('e: a conflict tells the revision that the server told', async () => {
    const store = await warmed();
    const stream = freshStream();
    await appendTo(store, stream, NO_STREAM, newMessages(42));
    expect(await appendTo(store, stream, 3, [newMessage()])).toEqual({ kind: 'conflict', actualRevision: 41 });
  });

  test.each(['throwOnAppendFailure=false', 'tls=false&THROWONAPPENDFAILURE=false'])(
    'e: the mode in which it would be wrong is refused: %s',
    (parameters) => {
      expect(() => open(`esdb://127.0.0.1:2113?${parameters}`)).toThrow(
        expect.objectContaining({ code: 'config-invalid' }),
      );
    },
  );

  test('f: credentials of the URL keep to the fast path', async () => {
    const store = open(server.url.replace('esdb://', 'esdb://admin:changeit@'));
    await store.append(manyAppends(10));
    expect(server.misbehaviour).toMatchObject({ batchAppends: 10, singleAppends: 0 });
  });

  test('g: a cold connection gets one append alone', async () => {
    const store = open(server.url, { appendTimeoutMs: 300 });
    server.misbehaviour.nextAppends.push({ kind: 'lose-reply' });
    const appends = manyAppends(100);
    expect(await store.append(appends)).toEqual(appends.map(() => unknown));
    expect(server.misbehaviour.batchAppends).toBe(1);
  });

  test('g: a warm connection gets many at once, but not more than allowed', async () => {
    const store = await warmed({ appendConcurrency: 50 });
    // Far longer than it takes to send fifty, even on a machine that does much else.
    server.misbehaviour.appendLatencyMs = 200;
    const appends = manyAppends(300);
    expect(await store.append(appends)).toEqual(appends.map(() => ({ kind: 'appended', revision: 0 })));
    expect(server.misbehaviour.mostUnanswered).toBe(50);
  });

  test('a call that breaks under load leaves no rejection behind that nobody catches', async () => {
    const store = await warmed();
    server.misbehaviour.appendLatencyMs = 30;
    const appends = manyAppends(150, 'x'.repeat(50_000));
    const appended = store.append(appends);
    await eventually(() => server.misbehaviour.unanswered > 1);
    server.breakAppendStreams(14, 'gone');
    const outcomes = await appended;
    expect(outcomes.some(({ kind }) => kind === 'unknown')).toBe(true);

    server.misbehaviour.appendLatencyMs = 0;
    expect(await store.append(appends)).toEqual(appends.map(() => ({ kind: 'appended', revision: 0 })));
  });

  test('a call that the server ends politely does not swallow the next append', async () => {
    const store = await warmed();
    server.endAppendStreams();
    await eventually(() => server.appendStreams === 0);
    // The end may still be on its way to the client, and an append that crosses it is unknown; it must be so at once.
    const append = { stream: freshStream(), expectedRevision: NO_STREAM, events: [newMessage()] };
    const from = Date.now();
    await eventually(async () => (await store.append([append]))[0]?.kind === 'appended');
    expect(Date.now() - from).toBeLessThan(4_000);
    expect(server.log.stream(append.stream)).toHaveLength(1);
  });

  test('appends that are under way when the server ends the call are unknown at once', async () => {
    const store = await warmed();
    server.misbehaviour.nextAppends.push({ kind: 'lose-reply' });
    const from = Date.now();
    const appended = appendTo(store, freshStream(), NO_STREAM, [newMessage()]);
    await eventually(() => server.misbehaviour.unanswered === 1);
    server.endAppendStreams();
    expect(await appended).toEqual(unknown);
    expect(Date.now() - from).toBeLessThan(4_000);
  });

  test('a server that is not ready makes an append unknown', async () => {
    const store = await warmed();
    const append = { stream: freshStream(), expectedRevision: NO_STREAM, events: [newMessage()] };
    server.misbehaviour.nextAppends.push({ kind: 'not-ready' });
    expect(await store.append([append])).toEqual([unknown]);
    expect(await store.append([append])).toEqual([{ kind: 'appended', revision: 0 }]);
  });

  test('a node that names another leader is left for it', async () => {
    const leader = await startFakeEventStoreDb();
    const store = await warmed();
    server.misbehaviour.nextAppends.push({ kind: 'lose-request' });
    const append = { stream: freshStream(), expectedRevision: NO_STREAM, events: [newMessage()] };
    const appended = store.append([append]);
    await eventually(() => server.misbehaviour.unanswered === 1);
    server.pointAppendsTo(leader);
    expect(await appended).toEqual([unknown]);
    expect(await store.append([append])).toEqual([{ kind: 'appended', revision: 0 }]);
    expect(leader.log.stream(append.stream)).toHaveLength(1);
    expect(server.log.stream(append.stream)).toHaveLength(0);
    await leader.stop();
  });

  test("the server's clock may be ahead of ours", async () => {
    const store = await warmed();
    server.misbehaviour.clockAheadMs = 60_000;
    expect(await appendTo(store, freshStream(), NO_STREAM, [newMessage()])).toEqual({ kind: 'appended', revision: 0 });
  });

  test('the server may come up later than the store', async () => {
    await server.stop();
    const store = open(server.url);
    const appends = manyAppends(20);
    expect(await store.append(appends)).toEqual(appends.map(() => unknown));
    await server.start();
    await eventually(async () => (await store.append(appends)).every(({ kind }) => kind === 'appended'));
    const stored = await store.readStreams(appends.map(({ stream }) => ({ stream, fromRevision: 0 })));
    expect(stored.map((events) => events.length)).toEqual(appends.map(() => 1));
  });

  test('a client that found no node of its cluster is replaced', async () => {
    await server.stop();
    const store = open(server.clusterUrl);
    const append = { stream: freshStream(), expectedRevision: NO_STREAM, events: [newMessage()] };
    expect(await store.append([append])).toEqual([unknown]);
    await server.start();
    expect(await store.append([append])).toEqual([{ kind: 'appended', revision: 0 }]);
    await expect(store.ping()).resolves.toBeUndefined();
  });

  test('a client that never got an answer is replaced', async () => {
    server.misbehaviour.silent = true;
    const store = open(server.url, { appendTimeoutMs: 300 });
    const append = { stream: freshStream(), expectedRevision: NO_STREAM, events: [newMessage()] };
    expect(await store.append([append])).toEqual([unknown]);
    server.misbehaviour.silent = false;
    expect(await store.append([append])).toEqual([{ kind: 'appended', revision: 0 }]);
  });

  test('closing one store leaves the others of its URL open', async () => {
    const [first, second] = [await warmed(), await warmed()];
    await first.close();
    await first.close();
    expect(await appendTo(second, freshStream(), NO_STREAM, [newMessage()])).toEqual({ kind: 'appended', revision: 0 });
    expect(server.appendStreams).toBe(1);
  });

  test('closing ends what is under way, and nothing is sent afterwards', async () => {
    const store = await warmed({ appendConcurrency: 2 });
    server.misbehaviour.silent = true;
    const appends = manyAppends(10);
    const appended = store.append(appends);
    await eventually(() => server.misbehaviour.unanswered === 2);
    await store.close();
    expect(await appended).toEqual(appends.map(() => unknown));
    server.misbehaviour.silent = false;
    for (let attempt = 0; attempt < 3; attempt += 1)
      expect(await store.append(appends)).toEqual(appends.map(() => unknown));
    expect(server.log.events).toHaveLength(1);
  });

  test('a deleted stream concerns its own append only', async () => {
    const store = await warmed();
    const stream = freshStream();
    server.log.tombstone(stream);
    const outcomes = await store.append([
      { stream, expectedRevision: NO_STREAM, events: [newMessage()] },
      { stream: freshStream(), expectedRevision: NO_STREAM, events: [newMessage()] },
    ]);
    expect(outcomes).toEqual([
      { kind: 'unknown', cause: expect.objectContaining({ code: 'not-found' }) },
      { kind: 'appended', revision: 0 },
    ]);
    await expect(readStream(store, stream)).rejects.toMatchObject({ code: 'not-found' });
  });

  test.each(['http://127.0.0.1:2113', 'esdb://admin:secret@', 'esdb://admin:secret@127.0.0.1:port'])(
    'a URL that cannot be read is refused without its password: %s',
    (url) => {
      expect(() => open(url)).toThrow(expect.objectContaining({ code: 'config-invalid' }));
      expect(() => open(url)).not.toThrow(/secret/);
    },
  );
});
