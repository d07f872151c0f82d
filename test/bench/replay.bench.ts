// How fast history is read, folded and decided again. Run: npm run bench:replay -- [--engine postgres|pglite|<postgres URL>]
// [--events 200000] [--json]

import { parseArgs } from 'node:util';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '#adapters/postgres/open-database';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { LogFold } from '#application/history/log-fold';
import { readLog } from '#application/history/read-log';
import { Replay } from '#application/history/replay';
import type { EventStore } from '#application/ports/event-store';
import { streamParts } from '#application/streams';
import { presets } from '#domain/policy';
import { SystemClock } from '#platform/clock';
import { startPostgres } from '#testing/postgres';
import { generateLog } from './generated-log.js';

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'postgres' },
    events: { type: 'string', default: '200000' },
    json: { type: 'boolean', default: false },
  },
});

const megabytes = (bytes: number): number => Math.round(bytes / 1_048_576);

/** What the last work left: alive while the heap is measured. */
export let kept: unknown;

const measured = async (name: string, events: number, work: () => Promise<unknown>) => {
  kept = undefined;
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  kept = await work();
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const cpuSeconds = (user + system) / 1_000_000;
  globalThis.gc?.();
  const heapMb = megabytes(process.memoryUsage().heapUsed - before);
  // On a machine that others use too, the second figure is the one that says something.
  const rates = { perSecond: Math.round(events / seconds), perCpuSecond: Math.round(events / cpuSeconds) };
  return { name, events, seconds: Number(seconds.toFixed(2)), ...rates, heapMb };
};

const read = async (store: EventStore): Promise<void> => {
  for await (const events of readLog(store, { name: 'bench', categories: ['customer', 'template', 'account'] }))
    void events;
};

const folded = async (store: EventStore): Promise<LogFold> => {
  const fold = new LogFold();
  for await (const events of readLog(store, { name: 'bench', categories: ['customer', 'template', 'account'] })) {
    for (const recorded of events) {
      const parts = streamParts(recorded.stream);
      if (parts?.category === 'customer') fold.takeCustomer(fold.customer(recorded.stream, parts.account), recorded);
      else if (parts !== undefined) fold.takeDirectory(recorded, parts);
    }
  }
  return fold;
};

const replayed = async (store: EventStore, policy?: (typeof presets)[keyof typeof presets]): Promise<Replay> => {
  const replay = new Replay(store, { policy });
  await replay.run(new AbortController().signal);
  const report = await replay.report();
  if (report.findings.count > 0) throw new Error(`${report.findings.count} findings in a log that has none`);
  return replay;
};

const server = values.engine === 'postgres' ? await startPostgres() : undefined;
const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'));
const url = (await server?.createDatabase()) ?? (values.engine === 'pglite' ? join(folder, 'database') : values.engine);
const database = await openDatabase(url);
const store = new PostgresEventStore(database, new SystemClock());
try {
  const startedAt = performance.now();
  const events = await generateLog(store, Number(values.events));
  process.stderr.write(`${events} events written in ${Math.round((performance.now() - startedAt) / 1_000)} s\n`);
  const results = [
    await measured('read', events, () => read(store)),
    await measured('fold', events, () => folded(store)),
    await measured('replay', events, () => replayed(store)),
    await measured('whatIf', events, () => replayed(store, presets['meta-2026-10'])),
  ];
  if (values.json) {
    const figures = results.map(({ name, ...rates }) => [name, rates]);
    process.stdout.write(`${JSON.stringify({ engine: values.engine, ...Object.fromEntries(figures) })}\n`);
  } else {
    for (const { name, perSecond, perCpuSecond, heapMb } of results) {
      const [wall, cpu] = [perSecond, perCpuSecond].map((rate) => rate.toLocaleString('en').padStart(9));
      process.stdout.write(`${name.padEnd(10)} ${wall} events/s ${cpu} per second of CPU, ${heapMb} MB of heap kept\n`);
    }
  }
} finally {
  await database.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
}
