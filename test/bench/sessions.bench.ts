// How fast analytics is folded from the log, in how much memory, and how fast its questions are answered on a large
// database. The log is generated: always the same, without chance.
// Run: npm run bench:sessions -- [--engine postgres|pglite|<postgres URL>] [--events 100000] [--questions 300] [--json]

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepareAnalyticsRebuild, putAnalyticsInPlace, REBUILT_ANALYTICS } from '#adapters/postgres/analytics-rebuild';
import { openDatabase } from '#adapters/postgres/open-database';
import { PostgresAnalytics } from '#adapters/postgres/postgres-analytics';
import { PostgresAnalyticsStore } from '#adapters/postgres/postgres-analytics-store';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { analyticsCategories, ProjectAnalytics } from '#application/analytics/project-analytics';
import { rebuild } from '#application/rebuild';
import { DAY_MS, instantOf } from '#domain/time';
import { SystemClock } from '#platform/clock';
import { startPostgres } from '#testing/postgres';
import { generateLog } from './generated-log.js';

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'postgres' },
    events: { type: 'string', default: '100000' },
    questions: { type: 'string', default: '300' },
    json: { type: 'boolean', default: false },
  },
});

const ACCOUNT = 'acme';
const BATCH = 2_000;
const megabytes = (bytes: number): number => Math.round(bytes / 1_048_576);
const QUESTIONS = Number(values.questions);

const server = values.engine === 'postgres' ? await startPostgres() : undefined;
const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'));
const url = (await server?.createDatabase()) ?? (values.engine === 'pglite' ? join(folder, 'database') : values.engine);
const database = await openDatabase(url);
const store = new PostgresEventStore(database, new SystemClock());

/** Every so many milliseconds the heap, and the most of it in each quarter of the work: flat if the last is as the first. */
const rebuilt = async (events: number) => {
  const heap: { readonly done: number; readonly bytes: number }[] = [];
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  let rss = 0;
  const tables = new PostgresAnalyticsStore(database, REBUILT_ANALYTICS);
  const { events: folded } = await rebuild(
    store,
    {
      categories: analyticsCategories,
      batchSize: BATCH,
      prepare: () => prepareAnalyticsRebuild(database),
      checkpoint: async () => (await tables.checkpoint())?.position,
      follow: (signal, applied) =>
        new ProjectAnalytics(store, tables, ({ recordedAt }, count) => applied(recordedAt, count)).follow(signal, {
          batchSize: BATCH,
        }),
      putInPlace: () => putAnalyticsInPlace(database),
    },
    new AbortController().signal,
    ({ events: done }) => {
      heap.push({ done, bytes: process.memoryUsage().heapUsed });
      rss = Math.max(rss, process.memoryUsage.rss());
    },
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const quarter = (number: number): number =>
    megabytes(
      Math.max(
        0,
        ...heap.filter(({ done }) => Math.min(3, Math.floor((4 * done) / events)) === number).map(({ bytes }) => bytes),
      ),
    );
  return {
    events: folded,
    seconds: Number(seconds.toFixed(1)),
    perSecond: Math.round(folded / seconds),
    // On a machine that others use too, this one says something.
    perCpuSecond: Math.round(folded / ((user + system) / 1_000_000)),
    heapMbByQuarter: [0, 1, 2, 3].map(quarter),
    peakRssMb: megabytes(rss),
  };
};

const percentile = (sorted: readonly number[], share: number): number =>
  Number((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(2));

/** A linear congruential generator (Numerical Recipes): the same questions in every run. */
const seeded = (seed: number) => () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;

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

try {
  const startedAt = performance.now();
  const events = await generateLog(store, Number(values.events));
  process.stderr.write(`${events} events written in ${Math.round((performance.now() - startedAt) / 1_000)} s\n`);
  const fold = await rebuilt(events);
  await database.script('set statement_timeout = 0; analyze');
  const analytics = new PostgresAnalytics(database);
  const customers = Math.floor(events / 14);
  const name = (chance: () => number): string => `c${Math.floor(chance() * customers)}`.padEnd(26, '_');
  const start = Date.UTC(2026, 0, 1, 9);
  const since = (chance: () => number) => instantOf(start + Math.floor(chance() * 2 * DAY_MS));
  const queries = {
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
  const exportStartedAt = performance.now();
  let exportRss = 0;
  for (let after: { readonly openedAt: ReturnType<typeof instantOf>; readonly id: string } | undefined; ;) {
    const rows = await analytics.sessions(ACCOUNT, {}, after, 1_000);
    exported += rows.length;
    exportRss = Math.max(exportRss, process.memoryUsage.rss());
    after = rows.at(-1);
    if (rows.length < 1_000) break;
  }
  const exportSeconds = (performance.now() - exportStartedAt) / 1_000;
  const result = {
    engine: values.engine,
    rebuild: fold,
    queries,
    export: { rows: exported, perSecond: Math.round(exported / exportSeconds), peakRssMb: megabytes(exportRss) },
  };
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else {
    const { heapMbByQuarter, peakRssMb, perSecond, perCpuSecond, seconds } = fold;
    const of = (count: number): string => count.toLocaleString('en');
    process.stdout.write(
      `rebuild   ${of(fold.events)} events in ${seconds} s: ${of(perSecond)}/s, ${of(perCpuSecond)} per second of CPU\n` +
        `memory    heap by quarter ${heapMbByQuarter.join(', ')} MB, RSS at most ${peakRssMb} MB\n` +
        Object.entries(queries)
          .map(([question, { p50Ms, p99Ms }]) => `query     ${question.padEnd(20)} p50 ${p50Ms} ms, p99 ${p99Ms} ms\n`)
          .join('') +
        `export    ${of(exported)} sessions, ${of(result.export.perSecond)}/s\n`,
    );
  }
} finally {
  await database.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
}
