// What the log of a busy account costs to read, to fold anew into both read models, and to decide again, and how fast the
// questions of analysts are answered on it. Each work is a process of its own on the same log, which is generated, without
// chance; the bare reading before and after them is what they are measured against.
// Run: npm run bench:history -- [--engine postgres|<postgres URL of an empty database>] [--events 100000] [--short] [--spread] [--json]
// --short: three events of each customer instead of fourteen, so that there are a million customers in 3,000,000 events.
// --spread: what happens to a customer is spread over the whole log, instead of within 28,000 events.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { openDatabase } from '#adapters/postgres/open-database';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { startPostgres } from '#testing/postgres';
import { familyCpuMsOf } from '../processes/cpu.js';
import { EVENTS_PER_CUSTOMER, generateLog, LogClock, SHORT } from './generated-log.js';
import type { Measured } from './history-work.js';

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'postgres' },
    events: { type: 'string', default: '100000' },
    short: { type: 'boolean', default: false },
    spread: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(
    'npm run bench:history -- [--engine postgres|<postgres URL of an empty database>] [--events 100000] [--short] [--spread] [--json]\n',
  );
  process.exit(0);
}
const PER_CUSTOMER = values.short ? SHORT : EVENTS_PER_CUSTOMER;
const progress = (line: string): void => void process.stderr.write(`${line}\n`);
/** As `npm run tidegate` has it. */
const FLAGS = ['--max-semi-space-size=64'];

const server = values.engine === 'postgres' ? await startPostgres() : undefined;
try {
  const url = (await server?.createDatabase()) ?? values.engine;
  const startedAt = performance.now();
  const database = await openDatabase(url);
  const events = await generateLog(
    new PostgresEventStore(database, new LogClock()),
    Number(values.events),
    PER_CUSTOMER,
    values.spread,
  );
  // As autovacuum would, in time.
  await database.script('vacuum (analyze) tidegate_log.events');
  await database.script('checkpoint');
  await database.close();
  progress(`${events} events written in ${Math.round((performance.now() - startedAt) / 1_000)} s`);

  const run = async (work: string): Promise<{ readonly result: string; readonly postgresMs: number | undefined }> => {
    const before = server && (await familyCpuMsOf(server.pid));
    const path = fileURLToPath(new URL('history-work.js', import.meta.url));
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...FLAGS, path, work, url, String(events), String(PER_CUSTOMER)],
      {
        env: { ...process.env, MALLOC_ARENA_MAX: '1' },
      },
    );
    const after = server && (await familyCpuMsOf(server.pid));
    progress(`${work} done`);
    return { result: stdout, postgresMs: before === undefined || after === undefined ? undefined : after - before };
  };

  const microseconds = (ms: number): number => Number(((1_000 * ms) / events).toFixed(1));
  const measured = async (work: string) => {
    const { result, postgresMs } = await run(work);
    const { seconds, cpuSeconds, heapMbByQuarter, microsecondsByQuarter, peakRssMb, ...rest }: Measured =
      JSON.parse(result);
    return {
      seconds,
      perSecond: Math.round(events / seconds),
      nodeMicrosecondsPerEvent: microseconds(1_000 * cpuSeconds),
      postgresMicrosecondsPerEvent: postgresMs === undefined ? null : microseconds(postgresMs),
      heapMbByQuarter,
      microsecondsByQuarter,
      peakRssMb,
      ...rest,
    };
  };

  const read = await measured('read');
  const analytics = await measured('analytics');
  const views = await measured('views');
  const replay = await measured('replay');
  const whatIf = await measured('whatIf');
  const readAgain = await measured('read');
  const questions: unknown = JSON.parse((await run('questions')).result);
  const bare = (read.perSecond + readAgain.perSecond) / 2;
  const ratio = ({ perSecond }: { readonly perSecond: number }): number => Number((perSecond / bare).toFixed(2));
  const result = {
    events,
    read,
    analytics: { ...analytics, toBareRead: ratio(analytics) },
    views: { ...views, toBareRead: ratio(views) },
    replay: { ...replay, toBareRead: ratio(replay) },
    whatIf: { ...whatIf, toBareRead: ratio(whatIf) },
    readAgain,
    questions,
  };
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else {
    const of = (count: number): string => count.toLocaleString('en').padStart(9);
    process.stdout.write(
      `${events} events\n${''.padEnd(12)}${'events/s'.padStart(9)}  Node  Postgres µs/event, ÷ bare read\n`,
    );
    for (const name of ['read', 'analytics', 'views', 'replay', 'whatIf', 'readAgain'] as const) {
      const { perSecond, nodeMicrosecondsPerEvent: node, postgresMicrosecondsPerEvent: postgres } = result[name];
      const { heapMbByQuarter: heap, microsecondsByQuarter: spent, peakRssMb } = result[name];
      process.stdout.write(
        `${name.padEnd(12)}${of(perSecond)}  ${node}  ${postgres ?? '?'}  ${ratio(result[name])}, by quarter ${spent.join(', ')} µs and ${heap.join(', ')} MB of heap, RSS ${peakRssMb} MB\n`,
      );
    }
    process.stdout.write(
      `what-if     ${of(whatIf.intents ?? 0)} decisions in ${whatIf.seconds} s: 1,000,000 in ${Math.round((1_000_000 * whatIf.seconds) / (whatIf.intents ?? 1))} s\n${JSON.stringify(questions, null, 1)}\n`,
    );
  }
} finally {
  await server?.stop();
}
