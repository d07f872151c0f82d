// Whether an intent costs more, and the processes hold more, when there is ten times the history or the customers: on one
// Postgres, a store for each size, then the dispatcher's controller and the projector's app on it, each a process of its
// own. Customers are chosen alike (uniform) or some far more often than others (zipf).
// Run: npm run build && node dist/test/bench/scaling.bench.js [--intents N] [--customers N] [--most N] [--profile FOLDER] [--json]

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openDatabase } from '#adapters/postgres/open-database';
import { CustomerIdentity } from '#application/customer-identity';
import { startPostgres } from '#testing/postgres';
import { familyCpuMsOf } from '../processes/cpu.js';
import type { Distribution } from './chance.js';
import { multipliedStore } from './multiplied-store.js';
import type { Dispatched, Memory, Projected } from './scaling-work.js';

const { values } = parseArgs({
  options: {
    intents: { type: 'string', default: '60000' },
    /** Of the smallest store; there is one of ten times as many. */
    customers: { type: 'string', default: '10000' },
    /** Of the store that only memory is measured on; 0: without it. */
    most: { type: 'string', default: '1000000' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const INTENTS = Number(values.intents);
const CUSTOMERS = Number(values.customers);
const MOST = Number(values.most);
/** Of each customer; ten times as many for the long history. Each is five events. */
const CONVERSATIONS = 2;
const distributions = ['uniform', 'zipf'] as const satisfies readonly Distribution[];
const identity = new CustomerIdentity(Buffer.from('7'.repeat(64), 'hex'));
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

interface Scale {
  readonly customers: number;
  readonly events: number;
  readonly distribution: Distribution;
  /** Microseconds per intent: processor time of the dispatcher while it decides, and how long that took. */
  readonly decidingCpuMicros: number;
  readonly decidingWallMicros: number;
  /** Of the projector, with analytics; and of Postgres, which has the deliveries' events and the read models too. */
  readonly projectorMicros: number;
  readonly postgresMicros: number;
  /** Pages that Postgres wrote whole into its log per intent: each once after a checkpoint, and a larger store has more of them. */
  readonly wholePages: number;
  readonly dispatcher: Memory;
  readonly projector: Memory;
}

const postgres = await startPostgres();
const work = (...words: readonly string[]): ChildProcess =>
  fork(fileURLToPath(new URL('scaling-work.js', import.meta.url)), words, {
    // As the image has it.
    env: { ...process.env, MALLOC_ARENA_MAX: '1' },
    execArgv: [
      '--expose-gc',
      '--max-semi-space-size=64',
      ...(values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`]),
    ],
  });
/** @throws Error when the process ends without an answer */
const answerOf = async <Answer>(child: ChildProcess): Promise<Answer> => {
  const [answer] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${child.spawnargs[3]} ended with ${code}.`);
    }),
  ]);
  return answer;
};

/** Written by the whole server so far. */
const wholePagesOf = async (url: string): Promise<number> => {
  const database = await openDatabase(url);
  const [row] = await database.query<{ pages: number }>('select wal_fpi as pages from pg_stat_wal');
  await database.close();
  return row?.pages ?? Number.NaN;
};

/** Intents are named by their numbers: none twice. */
let first = 0;

const measured = async (url: string, customers: number, events: number, distribution: Distribution): Promise<Scale> => {
  const projector = work('projector', url);
  await answerOf<'ready'>(projector);
  const before = (await familyCpuMsOf(postgres.pid)) ?? Number.NaN;
  const pagesBefore = await wholePagesOf(url);
  const dispatcher = work('dispatcher', url, String(customers), distribution, String(INTENTS), String(first));
  first += INTENTS;
  const { cpuMicros, wallMicros, ...dispatcherMemory } = await answerOf<Dispatched>(dispatcher);
  projector.send('what did it take?');
  const { cpuMs, ...projectorMemory } = await answerOf<Projected>(projector);
  const postgresMs = ((await familyCpuMsOf(postgres.pid)) ?? Number.NaN) - before;
  await Promise.all([dispatcher, projector].map((child) => child.exitCode ?? once(child, 'exit')));
  const scale = {
    customers,
    events,
    distribution,
    decidingCpuMicros: cpuMicros,
    decidingWallMicros: wallMicros,
    projectorMicros: Math.round((cpuMs * 1_000) / INTENTS),
    postgresMicros: Math.round((postgresMs * 1_000) / INTENTS),
    wholePages: Number((((await wholePagesOf(url)) - pagesBefore) / INTENTS).toFixed(2)),
    dispatcher: dispatcherMemory,
    projector: projectorMemory,
  };
  progress(JSON.stringify(scale));
  return scale;
};

/** The store is made, and each distribution measured on it, one after the other. */
const measuredAt = async (customers: number, conversations: number) => {
  const startedAt = performance.now();
  const url = await postgres.createDatabase();
  const events = await multipliedStore(url, identity, customers, conversations);
  progress(
    `${events} events of ${customers} customers made in ${Math.round((performance.now() - startedAt) / 1_000)} s`,
  );
  const scales = new Map<Distribution, Scale>();
  for (const distribution of distributions)
    scales.set(distribution, await measured(url, customers, events, distribution));
  return scales;
};

try {
  const base = await measuredAt(CUSTOMERS, CONVERSATIONS);
  const tenTimesHistory = await measuredAt(CUSTOMERS, 10 * CONVERSATIONS);
  const tenTimesCustomers = await measuredAt(10 * CUSTOMERS, CONVERSATIONS);
  const most = MOST === 0 ? undefined : await measuredAt(MOST, 0);
  const result = Object.fromEntries(
    distributions.map((distribution) => {
      const at = (scales: ReadonlyMap<Distribution, Scale> | undefined) => scales?.get(distribution);
      const ratio = (of: (scale: Scale) => number, scales: ReadonlyMap<Distribution, Scale> | undefined) => {
        const [small, large] = [at(base), at(scales)];
        return small === undefined || large === undefined ? undefined : Number((of(large) / of(small)).toFixed(2));
      };
      const heapOf = (app: 'dispatcher' | 'projector') => (scale: Scale) => scale[app].heapMb;
      return [
        distribution,
        {
          historyTimes10: ratio(({ decidingCpuMicros }) => decidingCpuMicros, tenTimesHistory),
          customersTimes10: ratio(({ decidingCpuMicros }) => decidingCpuMicros, tenTimesCustomers),
          historyTimes10Wall: ratio(({ decidingWallMicros }) => decidingWallMicros, tenTimesHistory),
          customersTimes10Wall: ratio(({ decidingWallMicros }) => decidingWallMicros, tenTimesCustomers),
          dispatcherHeap: ratio(heapOf('dispatcher'), most),
          projectorHeap: ratio(heapOf('projector'), most),
          base: at(base),
          tenTimesHistory: at(tenTimesHistory),
          tenTimesCustomers: at(tenTimesCustomers),
          most: at(most),
        },
      ];
    }),
  );
  process.stdout.write(`${JSON.stringify({ intents: INTENTS, ...result }, null, values.json ? 0 : 2)}\n`);
} finally {
  await postgres.stop();
}
