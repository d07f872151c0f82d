// All figures in one run: npm run bench [-- --json]. Of a history with --events N events, --short of many customers. Each scenario is a process of its own, one after the other.

import { execFile } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    events: { type: 'string' },
    short: { type: 'boolean', default: false },
  },
});

/** What each does is said at the top of its file. The flags are those of `npm start`. */
const scenarios = {
  decide: { file: 'decide.bench.js', flags: [] },
  produce: { file: 'produce.bench.js', flags: ['--max-semi-space-size=32'] },
  embedded: { file: 'embedded.bench.js', flags: ['--max-semi-space-size=16', '--max-old-space-size=400'] },
  kafka: { file: 'kafka.bench.js', flags: [] },
  eventstoredb: { file: 'eventstoredb.bench.js', flags: [] },
  scaling: { file: 'scaling.bench.js', flags: [] },
  webhooks: { file: 'webhooks.bench.js', flags: [] },
  history: { file: 'history.bench.js', flags: [] },
} as const;

const sized = (name: string): readonly string[] =>
  name !== 'history'
    ? []
    : [...(values.events === undefined ? [] : ['--events', values.events]), ...(values.short ? ['--short'] : [])];

const results: Record<string, unknown> = {
  machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
};
for (const [name, { file, flags }] of Object.entries(scenarios)) {
  if (values.only !== undefined && !values.only.includes(name)) continue;
  process.stderr.write(`${name}\n`);
  const path = fileURLToPath(new URL(file, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, path, '--json', ...sized(name)], {
    // As npm start and the image have it.
    env: { ...process.env, MALLOC_ARENA_MAX: '1' },
  });
  results[name] = JSON.parse(stdout);
}

const rows = (name: string, value: unknown): readonly string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([field, part]) => rows(`${name}.${field}`, part))
    : [`${name.padEnd(44)}${String(value)}`];
process.stdout.write(
  values.json
    ? `${JSON.stringify(results, null, 2)}\n`
    : `${Object.entries(results)
        .flatMap(([name, value]) => rows(name, value))
        .join('\n')}\n`,
);
