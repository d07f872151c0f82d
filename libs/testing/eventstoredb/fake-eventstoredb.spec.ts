import {
  ANY,
  BACKWARDS,
  END,
  EventStoreDBClient,
  FORWARDS,
  MaxAppendSizeExceededError,
  NO_STREAM,
  STREAM_EXISTS,
  START,
  StreamNotFoundError,
  WrongExpectedVersionError,
  jsonEvent,
  type ResolvedEvent,
} from '@eventstore/db-client';
import { startFakeEventStoreDb, type FakeEventStoreDb } from './fake-eventstoredb.js';

// That the fake does as the real server is documented to do (engineering §2.1, §2.2), as the bare client sees it.

const aged = (...ages: readonly number[]) => ages.map((age) => jsonEvent({ type: 'Aged', data: { age } }));
const pages = async (read: AsyncIterable<ResolvedEvent>): Promise<readonly string[]> => {
  const seen: string[] = [];
  for await (const { event } of read) seen.push(`${event?.streamId}@${event?.revision}`);
  return seen;
};

describe('the fake EventStoreDB', () => {
  let server: FakeEventStoreDb;
  let client: EventStoreDBClient;

  beforeEach(async () => {
    server = await startFakeEventStoreDb();
    client = EventStoreDBClient.connectionString(server.url);
  });
  afterEach(async () => {
    await client.dispose();
    await server.stop();
  });

  test('an explicit revision makes appends idempotent for ever', async () => {
    const [first, second] = [aged(1, 2), aged(3)];
    await client.appendToStream('s', first, { expectedRevision: NO_STREAM });
    await client.appendToStream('s', second, { expectedRevision: 1n });
    server.log.forgetRecentIds();

    const repeated = await client.appendToStream('s', first, { expectedRevision: NO_STREAM });
    expect(repeated).toMatchObject({ success: true, nextExpectedRevision: 1n });
    expect(server.log.stream('s')).toHaveLength(3);
  });

  test('any revision makes them idempotent only while the server remembers', async () => {
    const events = aged(1, 2);
    await client.appendToStream('s', events, { expectedRevision: ANY });
    await client.appendToStream('s', events, { expectedRevision: ANY });
    expect(server.log.stream('s')).toHaveLength(2);
    await expect(client.appendToStream('s', [...events, ...aged(3)], { expectedRevision: ANY })).rejects.toThrow(
      WrongExpectedVersionError,
    );

    server.log.forgetRecentIds();
    await client.appendToStream('s', events, { expectedRevision: ANY });
    expect(server.log.stream('s')).toHaveLength(4);
  });

  test('a wrong revision is refused with the actual one', async () => {
    await client.appendToStream('s', aged(1, 2, 3), { expectedRevision: NO_STREAM });
    const refused = (expectedRevision: bigint | typeof NO_STREAM | typeof STREAM_EXISTS, stream = 's') =>
      client.appendToStream(stream, aged(4), { expectedRevision });
    await expect(refused(1n)).rejects.toMatchObject({ actualVersion: 2n, expectedVersion: 1n });
    await expect(refused(7n)).rejects.toMatchObject({ actualVersion: 2n });
    await expect(refused(NO_STREAM)).rejects.toMatchObject({ actualVersion: 2n, expectedVersion: 'no_stream' });
    await expect(refused(0n, 'missing')).rejects.toMatchObject({ actualVersion: 'no_stream' });
    await expect(refused(STREAM_EXISTS, 'missing')).rejects.toThrow(WrongExpectedVersionError);
    await expect(refused(STREAM_EXISTS)).resolves.toMatchObject({ nextExpectedRevision: 3n });
  });

  test('an append above 1 MiB is refused', async () => {
    const large = (bytes: number) => jsonEvent({ type: 'L', data: { text: 'x'.repeat(bytes) } });
    await expect(client.appendToStream('s', large(1024 * 1024))).rejects.toThrow(MaxAppendSizeExceededError);
    await expect(client.appendToStream('s', [large(700_000), large(700_000)])).rejects.toThrow(
      MaxAppendSizeExceededError,
    );
    await expect(client.appendToStream('s', large(1_000_000))).resolves.toMatchObject({ success: true });
  });

  test('credentials per call take the slow path (engineering §2.3 f)', async () => {
    const credentials = { username: 'admin', password: 'changeit' };
    await client.appendToStream('s', aged(1), { credentials, expectedRevision: NO_STREAM });
    expect(server.misbehaviour).toMatchObject({ batchAppends: 0, singleAppends: 1 });
    const refused = client.appendToStream('s', aged(2), { credentials, expectedRevision: NO_STREAM });
    await expect(refused).rejects.toMatchObject({ actualVersion: 0n });
  });

  test('the client that does not throw tells a wrong revision (engineering §2.3 e)', async () => {
    const silent = EventStoreDBClient.connectionString(`${server.url}&throwOnAppendFailure=false`);
    await client.appendToStream('s', aged(...Array.from({ length: 42 }, (_, age) => age)));
    const refused = await silent.appendToStream('s', aged(43), { expectedRevision: NO_STREAM });
    expect(refused).toMatchObject({ success: false, nextExpectedRevision: 1n });
    await silent.dispose();
  });

  test('reads streams and the whole log in both directions, from any place, within limits', async () => {
    await client.appendToStream('a', aged(1, 2, 3));
    await client.appendToStream('b', aged(4));
    const third = server.log.events[2]?.position ?? 0;
    const position = { commit: BigInt(third), prepare: BigInt(third) };

    expect(await pages(client.readStream('a', { maxCount: 2 }))).toEqual(['a@0', 'a@1']);
    expect(await pages(client.readStream('a', { fromRevision: 1n, maxCount: 9 }))).toEqual(['a@1', 'a@2']);
    expect(await pages(client.readStream('a', { fromRevision: 9n }))).toEqual([]);
    const newest = { direction: BACKWARDS, fromRevision: END, maxCount: 2 } as const;
    expect(await pages(client.readStream('a', newest))).toEqual(['a@2', 'a@1']);
    await expect(pages(client.readStream('missing'))).rejects.toThrow(StreamNotFoundError);

    expect(await pages(client.readAll({ direction: FORWARDS, fromPosition: START }))).toHaveLength(4);
    expect(await pages(client.readAll({ fromPosition: position }))).toEqual(['a@2', 'b@0']);
    expect(await pages(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }))).toEqual(['b@0']);
  });

  test('says on a subscription how far it has looked, and when it has caught up', async () => {
    for (let index = 0; index < 100; index += 1) server.appendForeign('other', 'Other', '{}');
    const checkpoints: bigint[] = [];
    const subscription = client.subscribeToAll({
      filter: {
        filterOn: 'streamName',
        prefixes: ['none-'],
        checkpointInterval: 1,
        checkpointReached: async (_, { commit }) => void checkpoints.push(commit),
      },
    });
    await new Promise((resolve) => {
      subscription.on('caughtUp', resolve).resume();
    });
    expect(checkpoints).toEqual([31, 63, 95].map((index) => BigInt(server.log.events[index]?.position ?? 0)));
    await subscription.unsubscribe();
  });
});
