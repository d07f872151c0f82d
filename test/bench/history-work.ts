// One work of history.bench.ts, as a process of its own: history-work.js <work> <postgres URL> <events> <events per customer>

import { performance } from 'node:perf_hooks';
import { rebuildOf } from '#apps/cli/commands/rebuild';
import { withScratch } from '#apps/cli/session';
import { openDatabase } from '#adapters/postgres/open-database';
import { PostgresAnalytics } from '#adapters/postgres/postgres-analytics';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { readLog } from '#application/history/read-log';
import { Replay } from '#application/history/replay';
import { rebuild } from '#application/rebuild';
import { presets, type Policy } from '#domain/policy';
import { DAY_MS, instantOf, type Instant } from '#domain/time';
import { SystemClock } from '#platform/clock';
import { seeded } from './generated-log.js';

export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** The most of the heap in each quarter of the work: flat if the last is as the first. */
  readonly heapMbByQuarter: readonly number[];
  /** Processor time of this process per event in each quarter: even if the cost is linear. */
  readonly microsecondsByQuarter: readonly number[];
  readonly peakRssMb: number;
  /** Of a replay. */
  readonly intents?: number | undefined;
}

const ACCOUNT = 'acme';
const QUESTIONS = 1_000;
const [work = '', url = '', of = '', perCustomer = ''] = process.argv.slice(2);
const total = Number(of);
const megabytes = (bytes: number): number => Math.round(bytes / 1_048_576);

const database = await openDatabase(url);
const store = new PostgresEventStore(database, new SystemClock());
const signal = new AbortController().signal;

const heap = [0, 0, 0, 0];
const spent = [0, 0, 0, 0];
const folded = [0, 0, 0, 0];
let before = { events: 0, cpu: process.cpuUsage() };
const advanced = ({ events }: { readonly events: number }): void => {
  const quarter = Math.min(3, Math.floor((4 * events) / total));
  heap[quarter] = Math.max(heap[quarter] ?? 0, process.memoryUsage().heapUsed);
  const { user, system } = process.cpuUsage(before.cpu);
  spent[quarter] = (spent[quarter] ?? 0) + user + system;
  folded[quarter] = (folded[quarter] ?? 0) + events - before.events;
  before = { events, cpu: process.cpuUsage() };
};

const read = async (): Promise<undefined> => {
  let count = 0;
  for await (const { length } of readLog(store, { name: 'bench', categories: ['customer', 'template', 'account'] })) {
    count += length;
    advanced({ events: count });
  }
  if (count < total) throw new Error(`${count} of ${total} events were read`);
};

const rebuilt = async (projection: 'analytics' | 'views'): Promise<undefined> => {
  const { isDone } = await rebuild(store, rebuildOf(projection, store, database), signal, advanced);
  if (!isDone) throw new Error(`${projection} was not rebuilt`);
};

const replayed = (policy?: Policy): Promise<number> =>
  withScratch(async (scratch) => {
    const replay = new Replay(store, { policy }, scratch);
    await replay.run(signal, advanced);
    const { findings, decisions } = await replay.report();
    if (findings.count > 0) throw new Error(`${findings.count} findings in a log that has none`);
    return decisions;
  });

const measured = async (ask: () => Promise<number | undefined>): Promise<Measured> => {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  before = { events: 0, cpu };
  const intents = await ask();
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    seconds: Number(seconds.toFixed(2)),
    cpuSeconds: (user + system) / 1_000_000,
    heapMbByQuarter: heap.map(megabytes),
    microsecondsByQuarter: spent.map((all, quarter) => Math.round((10 * all) / (folded[quarter] ?? 1)) / 10),
    // In kilobytes (getrusage).
    peakRssMb: Math.round(process.resourceUsage().maxRSS / 1_024),
    intents,
  };
};

const percentile = (sorted: readonly number[], share: number): number =>
  Number((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(2));

const asked = async (ask: (chance: () => number) => Promise<unknown>) => {
  const chance = seeded(42);
  const times: number[] = [];
  for (let index = 0; index < QUESTIONS; index += 1) {
    const startedAt = performance.now();
    await ask(chance);
    times.push(performance.now() - startedAt);
  }
  const sorted = times.toSorted((a, b) => a - b);
  return { p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99) };
};

const questions = async () => {
  await database.script('set statement_timeout = 0; analyze');
  const analytics = new PostgresAnalytics(database);
  const customers = Math.floor(total / Number(perCustomer));
  const name = (chance: () => number): string => `c${Math.floor(chance() * customers)}`.padEnd(26, '_');
  const start = Date.UTC(2026, 0, 1, 9);
  const since = (chance: () => number): Instant => instantOf(start + Math.floor(chance() * 2 * DAY_MS));
  const answers = {
    sessionsPage: await asked((chance) => analytics.sessions(ACCOUNT, { until: since(chance) }, undefined, 101)),
    sessionsOfCustomer: await asked((chance) =>
      analytics.sessions(ACCOUNT, { customer: name(chance) }, undefined, 101),
    ),
    usersPage: await asked((chance) => analytics.users(ACCOUNT, '2026-01', { customer: name(chance) }, 101)),
    month: await asked(() => analytics.months(ACCOUNT)),
    decisionsPage: await asked((chance) => analytics.decided(ACCOUNT, { until: since(chance) }, undefined, 101)),
    decisionsByReason: await asked((chance) =>
      analytics.decided(ACCOUNT, { reason: 'awaiting-reply', until: since(chance) }, undefined, 101),
    ),
    hours: await asked(() => analytics.hours(ACCOUNT, instantOf(start), instantOf(start + 31 * DAY_MS))),
  };
  let exported = 0;
  const startedAt = performance.now();
  for (let after: { readonly openedAt: Instant; readonly id: string } | undefined; ;) {
    const rows = await analytics.sessions(ACCOUNT, {}, after, 1_000);
    exported += rows.length;
    after = rows.at(-1);
    if (rows.length < 1_000) break;
  }
  const exportedPerSecond = Math.round((1_000 * exported) / (performance.now() - startedAt));
  return {
    customers,
    ...answers,
    exported,
    exportedPerSecond,
    peakRssMb: Math.round(process.resourceUsage().maxRSS / 1_024),
  };
};

const works: Readonly<Record<string, () => Promise<unknown>>> = {
  read: () => measured(read),
  analytics: () => measured(() => rebuilt('analytics')),
  views: () => measured(() => rebuilt('views')),
  replay: () => measured(() => replayed()),
  whatIf: () => measured(() => replayed(presets['meta-2026-10'])),
  questions,
};

try {
  const result = await works[work]?.();
  if (result === undefined) throw new Error(`No such work: ${work}`);
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  await database.close();
}
