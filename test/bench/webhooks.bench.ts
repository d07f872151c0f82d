// How many signed updates a second one webhooks app takes into Kafka, how long the providers wait for their 200 at half
// the goal, and how long for 1,000 updates in one POST.
// Run: npm run bench -- --only webhooks, or npm run build && node dist/test/bench/webhooks.bench.js
//   [--queue kafka|embedded] [--rate 3000] [--seconds 10] [--profile FOLDER] [--json]
// Broker, app and load are processes of their own. The load is an open loop: it does not slow down when the app does,
// and a latency counts from when its request was due. What was answered 200 is counted on the broker afterwards.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { KafkaQueue } from '#adapters/kafka/kafka-queue';
import { inboundTopics, outboundTopics, topicName } from '#contracts/topics';
import { startBroker, type Broker } from '../../deploy/kafka/broker.js';
import { AppProcess } from '../processes/app-process.js';
import { cpuMsOf } from '../processes/cpu.js';
import { findFreePort } from '../../deploy/kafka/ports.js';
import { ACCOUNT, SECRET, SENDER } from './signed-webhooks.js';
import type { LoadAnswer, LoadOrder } from './webhooks-load.js';

const { values: options } = parseArgs({
  options: {
    queue: { type: 'string', default: 'kafka' },
    /** Updates a second that are to be reached; latency is measured at half of it. */
    rate: { type: 'string', default: '3000' },
    seconds: { type: 'string', default: '10' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const RATE = Number(options.rate);
const SECONDS = Number(options.seconds);
const FULL_WEBHOOKS = 10;
const topics = [...inboundTopics, ...outboundTopics].map(topicName);

const progress = (line: string): void => void process.stderr.write(`${line}\n`);
const percentile = (sorted: readonly number[], share: number): number =>
  Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN) * 10) / 10;

const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'));
const broker: Broker | undefined =
  options.queue === 'kafka' ? await startBroker({ folder: join(folder, 'kafka') }) : undefined;

const startApp = async (): Promise<{ readonly app: AppProcess; readonly port: number }> => {
  const port = await findFreePort();
  const settings = {
    listen: { port },
    accounts: {
      [ACCOUNT]: {
        sinch: { secrets: [SECRET], sender: SENDER, toleranceSeconds: 3_600 },
        meta: { secrets: [SECRET], verifyToken: 'verify-me' },
      },
    },
  };
  await writeFile(join(folder, 'webhooks.json'), JSON.stringify(settings));
  const app = new AppProcess(
    'webhooks',
    {
      TIDEGATE_DATA: join(folder, 'data'),
      TIDEGATE_WEBHOOKS: join(folder, 'webhooks.json'),
      TIDEGATE_IDENTITY_KEY: '7'.repeat(64),
      ...(broker === undefined ? {} : { TIDEGATE_QUEUE: broker.url }),
    },
    options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`],
  );
  await app.ready();
  return { app, port };
};

const told = async (load: ChildProcess): Promise<Exclude<LoadAnswer, { error: string }>> => {
  const [answer]: LoadAnswer[] = await once(load, 'message');
  if (answer === undefined || (typeof answer === 'object' && 'error' in answer))
    throw new Error(answer?.error ?? 'The load said nothing.');
  return answer;
};

let updates = 0;
/** Figures of one phase; processor time in microseconds per update. */
const phase = async (load: ChildProcess, app: AppProcess, order: Omit<LoadOrder, 'from'>) => {
  const perWebhook = order.perSecond === undefined ? 1_000 : 1;
  load.send({ ...order, from: updates } satisfies LoadOrder);
  updates += order.count * perWebhook;
  await told(load);
  const cpu = () => Promise.all([cpuMsOf(app.pid), broker === undefined ? undefined : cpuMsOf(broker.pid)]);
  const before = await cpu();
  load.send('start');
  const measured = await told(load);
  if (measured === 'prepared') throw new Error('The load has not run.');
  const after = await cpu();
  const { latenciesMs, tookMs, cpuMs } = measured;
  const micros = (ms: number | undefined): number =>
    Math.round(((ms ?? Number.NaN) * 1_000) / (order.count * perWebhook));
  const spent = (index: number): number => micros((after[index] ?? Number.NaN) - (before[index] ?? Number.NaN));
  return {
    perSecond: Math.round((order.count * perWebhook * 1_000) / tookMs),
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    worstMs: percentile(latenciesMs, 1),
    microsPerUpdate: { app: spent(0), ...(broker === undefined ? {} : { kafka: spent(1) }), load: micros(cpuMs) },
  };
};

/** Besides the updates there are the links of people, none here: nobody is named in two ways. */
const countOnBroker = async ({ url }: Broker): Promise<number> => {
  const admin = new Kafka({ brokers: [new URL(url).host], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const offsets = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
  await admin.disconnect();
  return offsets.flat().reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
};

let app: AppProcess | undefined;
let load: ChildProcess | undefined;
try {
  if (broker !== undefined) {
    const queue = new KafkaQueue(broker.url, { log: () => undefined });
    await queue.createTopics(topics);
    await queue.close();
  }
  const started = await startApp();
  ({ app } = started);
  const { port } = started;
  load = fork(fileURLToPath(new URL('webhooks-load.js', import.meta.url)));
  progress('Warming up.');
  await phase(load, app, { port, perSecond: RATE / 2, count: RATE * 3 });
  progress(`Latency at ${RATE / 2} updates a second.`);
  const half = await phase(load, app, { port, perSecond: RATE / 2, count: (RATE / 2) * SECONDS });
  progress(`The goal, ${RATE} updates a second.`);
  const goal = await phase(load, app, { port, perSecond: RATE, count: RATE * SECONDS });
  progress('More than it can do: what comes through is all that it can.');
  const most = await phase(load, app, { port, perSecond: RATE * 6, count: RATE * SECONDS });
  progress('1,000 updates in one POST.');
  const thousand = await phase(load, app, { port, count: FULL_WEBHOOKS });
  const stored = broker === undefined ? undefined : await countOnBroker(broker);
  const result = {
    bench: 'webhooks',
    queue: options.queue,
    goals: { perSecond: RATE, p99MsAtHalf: 50, thousandMs: 300 },
    half,
    goal,
    most,
    thousand,
    updates,
    stored,
  };
  if (stored !== undefined && stored !== updates)
    throw new Error(`${updates} updates were answered 200, and ${stored} messages are on the broker.`);
  process.stdout.write(`${JSON.stringify(result, null, options.json ? 0 : 2)}\n`);
} finally {
  load?.kill();
  await app?.end(options.profile === undefined ? 'SIGKILL' : 'SIGTERM');
  await broker?.stop();
  await rm(folder, { recursive: true, force: true });
}
