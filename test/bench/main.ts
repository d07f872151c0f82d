// All figures in one run: npm run bench. Each scenario is a process of its own, one after the other.
// --help says what it takes.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { reached } from './goals.js';
import { svgOf } from './plot.js';

const USAGE = `npm run bench -- [options]
  --only NAME     those scenarios alone, as often as wanted
  --quick         all smaller: minutes instead of a quarter of an hour, and less exact
  --json          the results alone, for a program
  --save FOLDER   writes them there, as benchmarks.json and drawn as benchmarks.svg
  --from FILE     draws and shows the results of an earlier run instead of measuring
  --events N, --short   of the history: so many events, and three of each customer instead of fourteen
`;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    save: { type: 'string' },
    from: { type: 'string' },
    events: { type: 'string' },
    short: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}

interface Scenario {
  readonly file: string;
  /** Those of `npm start` and the image. */
  readonly flags?: readonly string[];
  readonly words?: readonly string[];
  readonly quick?: readonly string[];
}

/** What each does is said at the top of its file. */
const scenarios: Readonly<Record<string, Scenario>> = {
  decide: { file: 'decide.bench.js' },
  produce: { file: 'produce.bench.js', flags: ['--max-semi-space-size=64'] },
  embedded: {
    file: 'embedded.bench.js',
    flags: ['--max-semi-space-size=16', '--max-old-space-size=400'],
    quick: ['--intents', '5000', '--customers', '2500'],
  },
  sending: {
    file: 'embedded.bench.js',
    flags: ['--max-semi-space-size=16', '--max-old-space-size=400'],
    words: ['--send'],
    quick: ['--intents', '2000', '--customers', '1000'],
  },
  kafka: { file: 'kafka.bench.js', quick: ['--intents', '12000', '--customers', '3000'] },
  eventstoredb: { file: 'eventstoredb.bench.js', quick: ['--intents', '4000', '--rounds', '1'] },
  webhooks: { file: 'webhooks.bench.js', quick: ['--seconds', '3'] },
  history: { file: 'history.bench.js', quick: ['--events', '30000'] },
  scaling: {
    file: 'scaling.bench.js',
    quick: ['--intents', '8000', '--customers', '2000', '--most', '100000'],
  },
};

const wordsFor = (name: string, { words = [], quick = [] }: Scenario): readonly string[] => [
  ...words,
  ...(values.quick ? quick : []),
  ...(name === 'history' && values.events !== undefined ? ['--events', values.events] : []),
  ...(name === 'history' && values.short ? ['--short'] : []),
];

/** @throws Error when it fails; what it said stands on standard error already */
const run = async (name: string, scenario: Scenario): Promise<object> => {
  const path = fileURLToPath(new URL(scenario.file, import.meta.url));
  const child = spawn(process.execPath, [...(scenario.flags ?? []), path, '--json', ...wordsFor(name, scenario)], {
    // As npm start and the image have it.
    env: { ...process.env, MALLOC_ARENA_MAX: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`${name} ended with ${code}.`);
  return JSON.parse(said);
};

const jsonOf = (results: object): string => `${JSON.stringify(results, null, 2)}\n`;

/** After each scenario, so that what was measured is there if a later one is interrupted. */
const save = async (results: object): Promise<void> => {
  if (values.save === undefined) return;
  await writeFile(join(values.save, 'benchmarks.json'), jsonOf(results));
  await writeFile(join(values.save, 'benchmarks.svg'), svgOf(results));
};

const measured = async (): Promise<Record<string, unknown>> => {
  const [load = Number.NaN] = loadavg();
  const results: Record<string, unknown> = {
    at: new Date().toISOString(),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
    loadBefore: Number(load.toFixed(2)),
    quick: values.quick,
  };
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (values.only !== undefined && !values.only.includes(name)) continue;
    process.stderr.write(`${name}\n`);
    const startedAt = performance.now();
    try {
      results[name] = await run(name, scenario);
    } catch (error) {
      // The others are worth having all the same.
      process.exitCode = 1;
      results[name] = { error: String(error) };
      process.stderr.write(`${String(error)}\n`);
    }
    process.stderr.write(`${name} took ${Math.round((performance.now() - startedAt) / 1_000)} s\n`);
    await save(results);
  }
  return results;
};

const unknown = values.only?.find((name) => !(name in scenarios));
if (unknown !== undefined) {
  process.stderr.write(`There is no scenario ${unknown}: name one of ${Object.keys(scenarios).join(', ')}.\n`);
  process.exit(2);
}

const results: Record<string, unknown> =
  values.from === undefined ? await measured() : JSON.parse(await readFile(values.from, 'utf8'));
await save(results);

const rows = (name: string, value: unknown): readonly string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([field, part]) => rows(`${name}.${field}`, part))
    : [`${name.padEnd(52)}${String(value)}`];
const table = [
  ...Object.entries(results).flatMap(([name, value]) => rows(name, value)),
  '',
  ...reached(results).map(
    ({ label, value, is, goal, isMet }) =>
      `${isMet ? 'met   ' : 'missed'}  ${label.padEnd(62)}${String(value).padStart(8)}  ${is} ${goal}`,
  ),
];
process.stdout.write(values.json ? jsonOf(results) : `${table.join('\n')}\n`);
