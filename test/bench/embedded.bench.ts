// Decided intents per second on the embedded default: one process, its data in a folder. From the queue to the command,
// with the process's memory. The intents wait in the queue before it starts. Then, on the same database, bare batched
// appends of the events that the process appended meanwhile.
// --send: the same with the provider's part and the sandbox in the process as well, which claim and send what is
// authorised meanwhile: eventsPerIntent says how far they came.
// Run: npm run build && MALLOC_ARENA_MAX=1 node --max-semi-space-size=16 --max-old-space-size=400 dist/test/bench/embedded.bench.js [--intents N] [--customers N] [--send] [--json]

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Engines } from '#apps/composition/engines';
import { runApp } from '#apps/composition/process';
import { dispatcherParts } from '#apps/dispatcher/parts';
import { insightsParts } from '#apps/insights/parts';
import { projectorParts } from '#apps/projector/parts';
import { providerParts } from '#apps/provider/parts';
import { recorderParts } from '#apps/recorder/parts';
import { openDatabase } from '#adapters/postgres/open-database';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { readLog } from '#application/history/read-log';
import type { RecordedEvent } from '#application/ports/event-store';
import { topicName } from '#contracts/topics';
import { SystemClock } from '#platform/clock';
import { loadConfig } from '#platform/config';
import type { Part } from '#platform/lifecycle';
import { bareAppends } from './bare-appends.js';
import { accountMessages, intentMessage, openerMessage } from './load.js';

const { values } = parseArgs({
  options: {
    intents: { type: 'string', default: '20000' },
    customers: { type: 'string', default: '10000' },
    send: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const INTENTS = Number(values.intents);
const CUSTOMERS = Number(values.customers);
const AT_ONCE = 1_000;
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

/** A part that does its work while it starts: those after it start when it is done. */
const step = (name: string, work: () => Promise<void>): Part => ({ name, start: work, stop: () => Promise.resolve() });

const published = async (
  { producer }: Engines,
  count: number,
  at: (index: number) => ReturnType<typeof intentMessage>,
) => {
  for (let from = 0; from < count; from += AT_ONCE) {
    await producer.send(Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) => at(from + index)));
  }
};

/** Counts the messages of a topic as they appear, and notes when the first tenth and the last one were there. */
const counting = ({ queue }: Engines, topic: string) => {
  const consumer = queue.consumer({ group: 'bench', batchSize: AT_ONCE, from: 'earliest' });
  const seen = { count: 0, tenth: { at: 0, count: 0 }, rssBytes: 0 };
  const start = (): Promise<void> =>
    consumer.start([topic], async ({ messages }) => {
      seen.count += messages.length;
      seen.rssBytes = Math.max(seen.rssBytes, process.memoryUsage.rss());
      if (seen.tenth.at === 0 && seen.count >= INTENTS / 10) seen.tenth = { at: performance.now(), count: seen.count };
    });
  return { seen, start, stop: () => consumer.stop() };
};

const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'));
const end = new AbortController();
let cpuBefore = process.cpuUsage();
const turns = monitorEventLoopDelay({ resolution: 5 });
let result: Readonly<Record<string, number>> = {};
const config = await loadConfig({ TIDEGATE_DATA: folder, TIDEGATE_HTTP_PORT: '0', TIDEGATE_LOG_LEVEL: 'warn' });
const exitCode = await runApp('bench', config, new SystemClock(), end.signal, (running) => {
  const { engines } = running;
  const commands = counting(engines, topicName('send-commands'));
  const known = async (): Promise<boolean> =>
    (await engines.store.gap(await engines.views.checkpoint('views'), ['customer'], 1)) === 0;
  return [
    ...projectorParts(running),
    ...recorderParts(running),
    ...insightsParts(running),
    step('customers', async () => {
      progress(`${CUSTOMERS} customers write.`);
      const now = new Date();
      const accounts = accountMessages();
      await engines.producer.send(accounts);
      // Between topics there is no order: what is told of an unknown account is a dead letter.
      while ((await engines.store.gap(undefined, ['account'], accounts.length)) < accounts.length) await sleep(100);
      await published(engines, CUSTOMERS, (customer) => openerMessage(customer, now));
      await sleep(1_000);
      while (!(await known())) await sleep(100);
    }),
    step('intents', async () => {
      progress(`${INTENTS} intents are put into the queue.`);
      await published(engines, INTENTS, (number) => intentMessage(number, CUSTOMERS));
      await commands.start();
    }),
    step('start', async () => {
      cpuBefore = process.cpuUsage();
      turns.enable();
    }),
    ...(values.send ? providerParts(running) : []),
    ...dispatcherParts(running),
    step('measuring', async () => {
      while (commands.seen.count < INTENTS) await sleep(20);
      const { tenth, rssBytes } = commands.seen;
      const seconds = (performance.now() - tenth.at) / 1_000;
      const cpu = process.cpuUsage(cpuBefore);
      result = {
        intents: INTENTS,
        customers: CUSTOMERS,
        decidedPerSecond: Math.round((INTENTS - tenth.count) / seconds),
        cpuMicrosPerIntent: Math.round((cpu.user + cpu.system) / INTENTS),
        // For so long no timer, no request and no signal was heard.
        longestTurnMs: Math.round(turns.max / 1_000_000),
        peakRssMb: Math.round(rssBytes / 1_000_000),
        // Of the whole run, the making of the database included.
        maxRssMb: Math.round(process.resourceUsage().maxRSS / 1_000),
      };
      await commands.stop();
      end.abort();
    }),
  ];
});

/** What was appended from when a tenth of the intents was decided until all were, the stretch that is measured above. */
const appendedMeanwhile = async (store: PostgresEventStore): Promise<readonly RecordedEvent[]> => {
  const events: RecordedEvent[] = [];
  const from = Math.floor(INTENTS / 10);
  let decided = 0;
  for await (const batch of readLog(store, { name: 'bench', categories: ['customer'] })) {
    for (const recorded of batch) {
      if (recorded.event.type === 'SendAuthorised') decided += 1;
      if (decided > from) events.push(recorded);
      if (decided === INTENTS) return events;
    }
  }
  throw new Error(`${decided} of ${INTENTS} intents are in the log.`);
};

progress('The same events are appended once more.');
const database = await openDatabase(config.database.url);
const store = new PostgresEventStore(database, new SystemClock(), 0);
const events = await appendedMeanwhile(store);
const intents = INTENTS - Math.floor(INTENTS / 10);
const bareCpu = process.cpuUsage();
// Twice, and the mean of it.
const bareSeconds = ((await bareAppends(store, events, 'plain')) + (await bareAppends(store, events, 'plainer'))) / 2;
const { user, system } = process.cpuUsage(bareCpu);
await store.close();
await database.close();
await rm(folder, { recursive: true, force: true });

const { decidedPerSecond = Number.NaN } = result;
result = {
  ...result,
  eventsPerIntent: Number((events.length / intents).toFixed(2)),
  bareIntentsPerSecond: Math.round(intents / bareSeconds),
  bareCpuMicrosPerIntent: Math.round((user + system) / 2 / intents),
  ratio: Number(((decidedPerSecond * bareSeconds) / intents).toFixed(3)),
};
process.stdout.write(
  values.json
    ? `${JSON.stringify(result)}\n`
    : `${Object.entries(result)
        .map(([name, value]) => `${name.padEnd(24)}${value}`)
        .join('\n')}\n`,
);
process.exit(exitCode);
