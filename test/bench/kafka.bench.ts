// Decided intents per second on Kafka and Postgres, from the intents topic to the commands topic, and the pass-through
// of the same broker in the same run: engines, apps and baseline are processes of their own.
// Run: npm run build && node dist/test/bench/kafka.bench.js [--intents N] [--customers N] [--profile FOLDER] [--json]

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { KafkaQueue } from '#adapters/kafka/kafka-queue';
import type { MessageProducer, OutgoingMessage } from '#application/ports/message-queue';
import { topicName } from '#contracts/topics';
import { startPostgres } from '#testing/postgres';
import { startBroker } from '../../deploy/kafka/broker.js';
import { AppProcess } from '../processes/app-process.js';
import { accountMessages, intentMessage, openerMessage } from './load.js';

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

try {
  const producer = await queue.producer();
  await queue.createTopics(['inbound-messages', 'accounts', 'send-intents'].map((topic) => `tidegate.${topic}.v1`));
  await queue.createTopics(['bench.through.v1']);
  progress(`Publishing ${CUSTOMERS} customers and ${INTENTS} intents.`);
  await started('recorder', 'projector');
  await producer.send(accountMessages());
  await sleep(2_000);
  const now = new Date();
  await publish(producer, CUSTOMERS, (customer) => openerMessage(customer, now));
  await publish(producer, INTENTS, (number) => intentMessage(number, CUSTOMERS));

  progress('Measuring the pass-through.');
  const through = spawn(
    process.execPath,
    [
      fileURLToPath(new URL('pass-through.js', import.meta.url)),
      new URL(broker.url).host,
      topicName('send-intents'),
      'bench.through.v1',
    ],
    { stdio: 'inherit' },
  );
  const passThrough = await rateOf('bench.through.v1', INTENTS);
  through.kill();

  progress('Measuring the gate.');
  await started('dispatcher');
  const cpuBefore = await Promise.all(apps.map((app) => app.cpuMs()));
  const decided = await rateOf(topicName('send-commands'), INTENTS);
  const cpu = await Promise.all(
    apps.map(async (app, index) => {
      const ms = ((await app.cpuMs()) ?? Number.NaN) - (cpuBefore[index] ?? Number.NaN);
      return [`${app.app}CpuMicrosPerIntent`, Math.round((ms * 1_000) / INTENTS)] as const;
    }),
  );
  const result = {
    intents: INTENTS,
    customers: CUSTOMERS,
    passThroughPerSecond: Math.round(passThrough),
    decidedPerSecond: Math.round(decided),
    ratio: Number((decided / passThrough).toFixed(3)),
    ...Object.fromEntries(cpu),
  };
  process.stdout.write(
    values.json
      ? `${JSON.stringify(result)}\n`
      : `${Object.entries(result)
          .map(([name, value]) => `${name.padEnd(24)}${value}`)
          .join('\n')}\n`,
  );
} finally {
  await Promise.all(apps.map((app) => app.end(values.profile === undefined ? 'SIGKILL' : 'SIGTERM')));
  await admin.disconnect();
  await queue.close();
  await postgres.stop();
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
}
