// Decided intents per second on Kafka and Postgres, from the intents topic to the commands topic, and in the same run, on
// the same engines, two baselines: the pass-through, and the stock way with Nest's Kafka transport; then latencies at half
// of that load, as an open loop. Engines, apps and baselines are processes of their own. What is measured comes after
// intents of other customers that warm the gate and the pass-through up alike: V8 compiles for ten seconds.
// Run: npm run build && node dist/test/bench/kafka.bench.js [--intents N] [--customers N] [--warm-up N] [--profile FOLDER] [--json]

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { KafkaQueue } from '#adapters/kafka/kafka-queue';
import { openDatabase } from '#adapters/postgres/open-database';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { PostgresProjectionStore } from '#adapters/postgres/postgres-projection-store';
import type { MessageProducer, OutgoingMessage } from '#application/ports/message-queue';
import { VIEWS } from '#application/project';
import { topicName } from '#contracts/topics';
import { SystemClock } from '#platform/clock';
import { startPostgres } from '#testing/postgres';
import { startBroker } from '../../deploy/kafka/broker.js';
import { AppProcess } from '../processes/app-process.js';
import { cpuMsOf, familyCpuMsOf } from '../processes/cpu.js';
import { accountMessages, intentMessage, openerMessage, replyTo } from './load.js';
import { latencyOf } from './paced.js';

const { values } = parseArgs({
  options: {
    intents: { type: 'string', default: '40000' },
    customers: { type: 'string', default: '10000' },
    'warm-up': { type: 'string', default: '20000' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const INTENTS = Number(values.intents);
const CUSTOMERS = Number(values.customers);
const WARM_UP = Number(values['warm-up']);
const WARM_CUSTOMERS = 2_000;
/** With those that warm up, which come first. */
const ALL_INTENTS = WARM_UP + INTENTS;
/** Of the load, those that warm up, and those of the open loop: permits that nobody uses would heap up at the same. */
const KNOWN_CUSTOMERS = CUSTOMERS + WARM_CUSTOMERS + CUSTOMERS;
/** The stock way is far slower: fewer say as much. */
const STOCK_INTENTS = 4_000;
const PACED_SECONDS = 10;
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'));
const broker = await startBroker({ folder: join(folder, 'kafka') });
const postgres = await startPostgres();
const queue = new KafkaQueue(broker.url, { log: () => undefined });
const admin = new Kafka({ brokers: [new URL(broker.url).host], logLevel: logLevel.NOTHING }).admin();
await admin.connect();

const publish = async (producer: MessageProducer, count: number, at: (index: number) => OutgoingMessage) => {
  for (let from = 0; from < count; from += 2_000) {
    await producer.send(Array.from({ length: Math.min(2_000, count - from) }, (_, index) => at(from + index)));
  }
};

const countIn = async (topic: string): Promise<number> => {
  const offsets = await admin.fetchTopicOffsets(topic);
  return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
};

const environment = {
  TIDEGATE_DATABASE: await postgres.createDatabase(),
  TIDEGATE_QUEUE: broker.url,
  TIDEGATE_IDENTITY_KEY: '7'.repeat(64),
};
/** A CPU profile of each app, for Chrome's or Node's tools; written when the process ends in order. */
const profiling = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
const apps: AppProcess[] = [];
const started = async (...names: readonly ('recorder' | 'projector' | 'dispatcher')[]): Promise<void> => {
  const more = names.map((name) => new AppProcess(name, environment, profiling));
  apps.push(...more);
  await Promise.all(more.map((app) => app.ready()));
};

const baselines: ChildProcess[] = [];
/** A baseline in a process of its own. */
const baseline = (file: string, ...words: readonly string[]): ChildProcess => {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL(file, import.meta.url)), new URL(broker.url).host, ...words],
    {
      stdio: 'inherit',
    },
  );
  baselines.push(child);
  return child;
};

type CpuMs = () => Promise<number | undefined>;
const engines = { kafka: () => cpuMsOf(broker.pid), postgres: () => familyCpuMsOf(postgres.pid) };

/** While the topic grows from `first` to `count` messages: how many a second, and the processor time of each part. */
const rateOf = async (topic: string, first: number, count: number, parts: Readonly<Record<string, CpuMs>> = {}) => {
  const read = () => Promise.all(Object.values(parts).map((part) => part()));
  for (const deadline = Date.now() + 120_000; (await countIn(topic)) < first && Date.now() < deadline;) await sleep(50);
  const from = { at: performance.now(), count: await countIn(topic) };
  const before = await read();
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; await sleep(50)) {
    const now = await countIn(topic);
    if (now < count) continue;
    const perSecond = ((now - from.count) / (performance.now() - from.at)) * 1_000;
    /** Microseconds of processor time per message until now, of each part and of all. */
    const micros = async (): Promise<Readonly<Record<string, number>>> => {
      const each = (await read()).map(
        (ms = Number.NaN, index) => ((ms - (before[index] ?? 0)) * 1_000) / (count - from.count),
      );
      const named = [...each, each.reduce((sum, own) => sum + own, 0)].map(Math.round);
      return Object.fromEntries(
        [...Object.keys(parts), 'all'].map((name, index) => [name, named[index] ?? Number.NaN]),
      );
    };
    return { perSecond, micros };
  }
  throw new Error(`${topic} has ${await countIn(topic)} of ${count} messages.`);
};

const database = await openDatabase(environment.TIDEGATE_DATABASE);
const store = new PostgresEventStore(database, new SystemClock());
const views = new PostgresProjectionStore(database);
const projected = async (): Promise<void> => {
  while ((await store.gap(await views.checkpoint(VIEWS), ['customer'], 1)) > 0) await sleep(200);
};

try {
  const producer = await queue.producer();
  await queue.createTopics(['inbound-messages', 'accounts', 'send-intents'].map((topic) => `tidegate.${topic}.v1`));
  await queue.createTopics([
    'bench.through.v1',
    'bench.through-again.v1',
    'bench.stock-intents.v1',
    'bench.stock.v1',
    'bench.paced.v1',
    'bench.paced-through.v1',
  ]);
  progress(`Publishing ${KNOWN_CUSTOMERS} customers and ${ALL_INTENTS} intents.`);
  await started('recorder', 'projector');
  const accounts = accountMessages();
  await producer.send(accounts);
  // Between topics there is no order: what is told of an unknown account is a dead letter.
  while ((await store.gap(undefined, ['account'], accounts.length)) < accounts.length) await sleep(200);
  const now = new Date();
  await publish(producer, KNOWN_CUSTOMERS, (customer) => openerMessage(customer, now));
  // Before anything is measured, the customers are known.
  for (let facts = 0; facts < KNOWN_CUSTOMERS; facts = await store.gap(undefined, ['customer'], KNOWN_CUSTOMERS))
    await sleep(200);
  await projected();
  await publish(producer, ALL_INTENTS, (number) =>
    number < WARM_UP ? replyTo(CUSTOMERS + (number % WARM_CUSTOMERS), number) : intentMessage(number, CUSTOMERS),
  );

  /** Before the gate and after it, of which the faster counts: the host is not as fast at all times. */
  const passThroughTo = async (topic: string) => {
    progress('Measuring the pass-through.');
    const through = baseline('pass-through.js', topicName('send-intents'), topic);
    const measured = await rateOf(topic, WARM_UP, ALL_INTENTS, {
      passThrough: () => cpuMsOf(through.pid ?? 0),
      ...engines,
    });
    const micros = await measured.micros();
    through.kill();
    return { perSecond: measured.perSecond, micros };
  };
  const before = await passThroughTo('bench.through.v1');

  progress('Measuring the gate.');
  await started('dispatcher');
  const decided = await rateOf(topicName('send-commands'), WARM_UP, ALL_INTENTS, {
    ...Object.fromEntries(apps.map(({ app, pid }) => [app, () => cpuMsOf(pid)])),
    ...engines,
  });
  // What was decided is not done before the read model says so.
  const startedAt = performance.now();
  await projected();
  const projectedAfterMs = Math.round(performance.now() - startedAt);
  const gateMicros = await decided.micros();
  const afterwards = await passThroughTo('bench.through-again.v1');
  const passThrough = Math.max(before.perSecond, afterwards.perSecond);
  const result = {
    intents: INTENTS,
    customers: CUSTOMERS,
    passThroughPerSecond: Math.round(passThrough),
    passThroughBeforeAndAfter: [before, afterwards].map(({ perSecond }) => Math.round(perSecond)),
    decidedPerSecond: Math.round(decided.perSecond),
    ratio: Number((decided.perSecond / passThrough).toFixed(3)),
    projectedAfterMs,
    passThroughMicros: afterwards.micros,
    gateMicros,
  };

  progress('Measuring latency at half load.');
  const perSecond = decided.perSecond / 2;
  const paced = Math.round(perSecond * PACED_SECONDS);
  const clients = new Kafka({ brokers: [new URL(broker.url).host], logLevel: logLevel.NOTHING });
  const latency = (to: string, first: number, topic?: string) => {
    const at = (number: number): OutgoingMessage => {
      const message = replyTo(CUSTOMERS + WARM_CUSTOMERS + (number % CUSTOMERS), number);
      return topic === undefined ? message : { ...message, topic };
    };
    return latencyOf(clients, producer, to, first, paced, perSecond, at);
  };
  const gateLatency = await latency(topicName('send-commands'), ALL_INTENTS);
  await Promise.all(apps.map((app) => app.end('SIGTERM')));
  const pacedThrough = baseline('pass-through.js', 'bench.paced.v1', 'bench.paced-through.v1');
  await sleep(3_000);
  const throughLatency = await latency('bench.paced-through.v1', ALL_INTENTS + paced, 'bench.paced.v1');
  pacedThrough.kill();

  progress('Measuring the stock way.');
  await publish(producer, STOCK_INTENTS, (number) => ({
    ...intentMessage(ALL_INTENTS + 2 * paced + number, CUSTOMERS),
    topic: 'bench.stock-intents.v1',
  }));
  const { TIDEGATE_DATABASE: url, TIDEGATE_IDENTITY_KEY: key } = environment;
  const stockWay = baseline('stock-way.js', 'bench.stock-intents.v1', 'bench.stock.v1', url, key);
  // A decision and a command of each.
  const stock = (await rateOf('bench.stock.v1', STOCK_INTENTS / 5, 2 * STOCK_INTENTS)).perSecond / 2;
  stockWay.kill();
  const compared = {
    ...result,
    halfLoad: {
      perSecond: Math.round(perSecond),
      gate: gateLatency,
      passThrough: throughLatency,
      p99Ratio: Number((gateLatency.p99Ms / throughLatency.p99Ms).toFixed(2)),
    },
    stockWayPerSecond: Math.round(stock),
    timesStockWay: Number((decided.perSecond / stock).toFixed(1)),
  };
  process.stdout.write(
    values.json
      ? `${JSON.stringify(compared)}\n`
      : `${Object.entries(compared)
          .map(([name, value]) => `${name.padEnd(24)}${typeof value === 'object' ? JSON.stringify(value) : value}`)
          .join('\n')}\n`,
  );
} finally {
  for (const child of baselines) child.kill();
  await Promise.all(apps.map((app) => app.end('SIGKILL')));
  await admin.disconnect();
  await database.close();
  await queue.close();
  await postgres.stop();
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
}
