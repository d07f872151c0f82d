// The processes of eventstoredb.bench.ts: eventstoredb-work.js server, or gate|bare <URL> <intents> <folder of the read model>
// <process id of the server>

import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { DispatcherController } from '#apps/dispatcher/dispatcher.controller';
import { EventStoreDbEventStore } from '#adapters/eventstoredb/eventstoredb-event-store';
import { openDatabase } from '#adapters/postgres/open-database';
import { PostgresReadModel } from '#adapters/postgres/postgres-read-model';
import { appendSurely } from '#application/append-surely';
import { CustomerIdentity } from '#application/customer-identity';
import { Customers } from '#application/customers';
import { DecideIntents } from '#application/decide-intents';
import { Directory } from '#application/directory';
import { customerEventId, factId } from '#application/event-ids';
import { MessageProducer, type ReceivedMessage } from '#application/ports/message-queue';
import type { NewEvent, RecordedEvent, StreamAppend } from '#application/ports/event-store';
import { accountStream, customerStream } from '#application/streams';
import { encodeEvent } from '#contracts/events/codec';
import { topicName } from '#contracts/topics';
import type { AccountEvent } from '#domain/account';
import type { CustomerEvent } from '#domain/gate/events';
import { instantOf, plus, SECOND_MS } from '#domain/time';
import { SystemClock } from '#platform/clock';
import { PrometheusTelemetry } from '#platform/metrics';
import { startFakeEventStoreDb } from '#testing/eventstoredb/fake-eventstoredb';
import { cpuMsOf } from '../processes/cpu.js';
import { ACCOUNT, phoneOf, replyTo, SENDER } from './load.js';

const CUSTOMERS = 2_000;
const BATCH = 500;
const BATCHES_AT_ONCE = 4;
/** Appends under way at most, as the adapter has it. */
const APPENDS_AT_ONCE = 200;

export interface Appended {
  readonly intents: number;
  readonly seconds: number;
  /** Processor time of the process while it decided and appended, or only appended, and of the server meanwhile. */
  readonly cpuMicros: number;
  readonly serverMicros: number;
}

const [work = '', url = '', of = '', folder = '', server = ''] = process.argv.slice(2);
const INTENTS = Number(of);
const clock = new SystemClock();

/** Does all of it, so many at once. */
const concurrently = async (count: number, atOnce: number, one: (number: number) => Promise<void>): Promise<void> => {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const number = next;
      next += 1;
      if (number >= count) return;
      await one(number);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
};

const measured = async (run: () => Promise<void>): Promise<Appended> => {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  const ofServer = async (): Promise<number> => ((await cpuMsOf(Number(server))) ?? Number.NaN) * 1_000;
  const serverBefore = await ofServer();
  await run();
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(before);
  return { intents: INTENTS, seconds, cpuMicros: user + system, serverMicros: (await ofServer()) - serverBefore };
};

/** Nothing is published from here: what is decided is published by who follows the log. */
class NoProducer extends MessageProducer {
  override async send(): Promise<void> {
    throw new Error('The bench sends valid intents only.');
  }
  override async close(): Promise<void> {}
}

const identity = new CustomerIdentity(Buffer.from('7'.repeat(64), 'hex'));
const streams = Array.from({ length: CUSTOMERS }, (_, customer) =>
  customerStream(ACCOUNT, identity.customerOf(ACCOUNT, { phone: phoneOf(customer) })),
);

const accountEvents: readonly AccountEvent[] = [
  { type: 'AccountRegistered', at: instantOf(0), zone: 'Europe/Berlin' },
  { type: 'SenderRegistered', at: instantOf(0), sender: SENDER, onboardedAt: instantOf(0) },
];
const openers = (): readonly StreamAppend[] => {
  const metadata = { correlationId: 'opener', causationId: 'opener' };
  const at = plus(clock.now(), -60 * SECOND_MS);
  const account = accountStream(ACCOUNT);
  return [
    {
      stream: account,
      expectedRevision: -1,
      events: accountEvents.map((event) => ({ id: factId(account, event.type), event, metadata })),
    },
    ...streams.map((stream): StreamAppend => {
      const event: CustomerEvent = {
        type: 'CustomerMessageReceived',
        at,
        provider: 'sandbox',
        sender: SENDER,
        messageId: 'opener',
        messageType: 'text',
        origin: 'customer',
        receivedAt: at,
        opens: true,
        authored: true,
        policy: 'sinch-2021@1',
      };
      return { stream, expectedRevision: -1, events: [{ id: customerEventId(stream, event), event, metadata }] };
    }),
  ];
};

const messagesFrom = (first: number, count: number): readonly ReceivedMessage[] =>
  Array.from({ length: count }, (_, index) => {
    const number = first + index;
    const { key, value, headers, topic } = replyTo(number % CUSTOMERS, number);
    return { topic, partition: 0, offset: number, key, value, headers, at: clock.now() };
  });

/** A dispatcher on the store, all customers known to it. */
const dispatcherOn = async (store: EventStoreDbEventStore) => {
  const readModel = new PostgresReadModel(await openDatabase(folder));
  const customers = new Customers(store, readModel);
  const decideIntents = new DecideIntents(customers, new Directory(store, readModel), readModel, clock);
  const telemetry = new PrometheusTelemetry();
  const controller = new DispatcherController(decideIntents, identity, new NoProducer(), clock, telemetry);
  await appendSurely(store, openers());
  const decide = (messages: readonly ReceivedMessage[]): Promise<void> =>
    controller.sendIntents({
      topic: topicName('send-intents'),
      partition: 0,
      messages,
      signal: new AbortController().signal,
      finished: () => undefined,
    });
  await decide(messagesFrom(INTENTS, CUSTOMERS));
  return decide;
};

const decidedOf = async (store: EventStoreDbEventStore): Promise<readonly (readonly RecordedEvent[])[]> => {
  const events = await store.readStreams(streams.map((stream) => ({ stream, fromRevision: 2 })));
  const decided = events.flat().filter(({ event }) => event.type === 'SendAuthorised').length;
  if (decided !== INTENTS) throw new Error(`${decided} of ${INTENTS} intents were authorised.`);
  return events;
};

const gate = async (): Promise<Appended> => {
  const store = new EventStoreDbEventStore(url);
  const decide = await dispatcherOn(store);
  const batches = Array.from({ length: Math.ceil(INTENTS / BATCH) }, (_, index) =>
    messagesFrom(index * BATCH, Math.min(BATCH, INTENTS - index * BATCH)),
  );
  const appended = await measured(() =>
    concurrently(batches.length, BATCHES_AT_ONCE, (number) => decide(batches[number] ?? [])),
  );
  await decidedOf(store);
  await store.close();
  return appended;
};

/** The same events in the order in which they were decided, into streams of another account, by the client as documented. */
const bare = async (): Promise<Appended> => {
  const store = new EventStoreDbEventStore(url);
  const decide = await dispatcherOn(store);
  for (let from = 0; from < INTENTS; from += BATCH) await decide(messagesFrom(from, Math.min(BATCH, INTENTS - from)));
  const events = await decidedOf(store);
  await store.close();
  const appends = Array.from({ length: INTENTS }, (_, number) => {
    const revision = Math.floor(number / CUSTOMERS);
    const decided = events[number % CUSTOMERS]?.[revision];
    if (decided === undefined) throw new Error(`Intent ${number} has no decision.`);
    return { stream: decided.stream.replace(ACCOUNT, 'plain'), revision, event: asJson(decided) };
  });
  const client = EventStoreDBClient.connectionString(url);
  // One call first: many at once can hang a cold client.
  await client.appendToStream('warm-up', [jsonEvent({ type: 'warm-up', data: {} })]);
  return await measured(() =>
    concurrently(appends.length, APPENDS_AT_ONCE, async (number) => {
      const append = appends[number];
      if (append === undefined) return;
      const { stream, revision, event } = append;
      await client.appendToStream(stream, event, {
        expectedRevision: revision === 0 ? 'no_stream' : BigInt(revision - 1),
      });
    }),
  );
};

const asJson = ({ id, event, metadata }: NewEvent) => {
  const stored = encodeEvent(event, metadata);
  const data: Record<string, unknown> = JSON.parse(stored.data);
  const own: Record<string, unknown> = JSON.parse(stored.metadata);
  return jsonEvent({ id, type: stored.type, data, metadata: own });
};

if (work === 'server') process.send?.((await startFakeEventStoreDb()).url);
else {
  process.stdout.write(`${JSON.stringify(work === 'gate' ? await gate() : await bare())}\n`);
  process.exit(0);
}
