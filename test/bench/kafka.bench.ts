// Decided intents per second on Kafka and Postgres, from the intents topic to the commands topic, and in the same run, on
// the same engines, two baselines: the pass-through, and the stock way with Nest's Kafka transport; then latencies at half
// of that load, as an open loop. Engines, apps and baselines are processes of their own.
// Run: npm run build && node dist/test/bench/kafka.bench.js [--intents N] [--customers N] [--profile FOLDER] [--json]

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
import { accountMessages, intentMessage, openerMessage } from './load.js';
import { latencyOf } from './paced.js';

const { values } = parseArgs({
  options: {
    intents: { type: 'string', default: '40000' },
    customers: { type: 'string', default: '10000' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const INTENTS = Number(values.intents);
const CUSTOMERS = Number(values.customers);
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

/** Messages per second while the topic grows from a tenth of `count` to all of it: without the start of the process. */
const rateOf = async (topic: string, count: number, withinMs = 120_000): Promise<number> => {
  const from = { at: 0, count: 0 };
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await sleep(50)) {
    const now = await countIn(topic);
    if (from.at === 0 && now >= count / 10) Object.assign(from, { at: performance.now(), count: now });
    if (now >= count) return ((now - from.count) / (performance.now() - from.at)) * 1_000;
  }
  throw new Error(`${topic} has ${await countIn(topic)} of ${count} messages.`);
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

/** From now to the call: microseconds of processor time per intent, of each process and of all. */
const accountOf = async (parts: Readonly<Record<string, CpuMs>>) => {
  const read = () => Promise.all(Object.values(parts).map((part) => part()));
  const before = await read();
  return async (): Promise<Readonly<Record<string, number>>> => {
    const micros = (await read()).map((ms = Number.NaN, index) => ((ms - (before[index] ?? 0)) * 1_000) / INTENTS);
    const names = [...Object.keys(parts), 'all'];
    const all = micros.reduce((sum, each) => sum + each, 0);
    return Object.fromEntries([...micros, all].map((each, index) => [names[index], Math.round(each)]));
  };
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
    'bench.stock-intents.v1',
    'bench.stock.v1',
    'bench.paced.v1',
    'bench.paced-through.v1',
  ]);
  progress(`Publishing ${CUSTOMERS} customers and ${INTENTS} intents.`);
  await started('recorder', 'projector');
  await producer.send(accountMessages());
  await sleep(2_000);
  const now = new Date();
  await publish(producer, CUSTOMERS, (customer) => openerMessage(customer, now));
  // Before anything is measured, the customers are known.
  for (let facts = 0; facts < CUSTOMERS; facts = await store.gap(undefined, ['customer'], CUSTOMERS)) await sleep(200);
  await projected();
  await publish(producer, INTENTS, (number) => intentMessage(number, CUSTOMERS));

  progress('Measuring the pass-through.');
  const through = baseline('pass-through.js', topicName('send-intents'), 'bench.through.v1');
  const throughAccount = await accountOf({ passThrough: () => cpuMsOf(through.pid ?? 0), ...engines });
  const passThrough = await rateOf('bench.through.v1', INTENTS);
  const passThroughMicros = await throughAccount();
  through.kill();

  progress('Measuring the gate.');
  await started('dispatcher');
  const gateAccount = await accountOf({
    ...Object.fromEntries(apps.map(({ app, pid }) => [app, () => cpuMsOf(pid)])),
    ...engines,
  });
  const decided = await rateOf(topicName('send-commands'), INTENTS);
  // What was decided is not done before the read model says so.
  const startedAt = performance.now();
  await projected();
  const result = {
    intents: INTENTS,
    customers: CUSTOMERS,
    passThroughPerSecond: Math.round(passThrough),
    decidedPerSecond: Math.round(decided),
    ratio: Number((decided / passThrough).toFixed(3)),
    projectedAfterMs: Math.round(performance.now() - startedAt),
    passThroughMicros,
    gateMicros: await gateAccount(),
  };

  progress('Measuring latency at half load.');
  const perSecond = decided / 2;
  const paced = Math.round(perSecond * PACED_SECONDS);
  const clients = new Kafka({ brokers: [new URL(broker.url).host], logLevel: logLevel.NOTHING });
  const latency = (to: string, first: number, topic?: string) => {
    const at = (number: number): OutgoingMessage => {
      const message = intentMessage(number, CUSTOMERS);
      return topic === undefined ? message : { ...message, topic };
    };
    return latencyOf(clients, producer, to, first, paced, perSecond, at);
  };
  const gateLatency = await latency(topicName('send-commands'), INTENTS);
  await Promise.all(apps.map((app) => app.end('SIGTERM')));
  const pacedThrough = baseline('pass-through.js', 'bench.paced.v1', 'bench.paced-through.v1');
  await sleep(3_000);
  const throughLatency = await latency('bench.paced-through.v1', INTENTS + paced, 'bench.paced.v1');
  pacedThrough.kill();

  progress('Measuring the stock way.');
  await publish(producer, STOCK_INTENTS, (number) => ({
    ...intentMessage(INTENTS + 2 * paced + number, CUSTOMERS),
    topic: 'bench.stock-intents.v1',
  }));
  const { TIDEGATE_DATABASE: url, TIDEGATE_IDENTITY_KEY: key } = environment;
  const stockWay = baseline('stock-way.js', 'bench.stock-intents.v1', 'bench.stock.v1', url, key);
  // A decision and a command of each.
  const stock = (await rateOf('bench.stock.v1', 2 * STOCK_INTENTS)) / 2;
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
    timesStockWay: Number((decided / stock).toFixed(1)),
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
