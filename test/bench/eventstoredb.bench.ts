// Decided intents per second through the adapter of EventStoreDB, and in the same run bare appends of the same events by
// the client itself. The server is the fake of libs/testing over real gRPC, a process of its own as each of the two, so
// both pay it alike. Four batches are decided at once, as of four partitions; customers are known to the dispatcher.
// Run: npm run build && node dist/test/bench/eventstoredb.bench.js [--intents N] [--rounds N] [--profile FOLDER] [--json]

import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import type { Appended } from './eventstoredb-work.js';

const { values } = parseArgs({
  options: {
    intents: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const ROUNDS = Number(values.rounds);
const progress = (line: string): void => void process.stderr.write(`${line}\n`);
const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const profiling = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];

interface Round {
  readonly perSecond: number;
  /** Microseconds of processor time per intent. */
  readonly clientMicros: number;
  readonly serverMicros: number;
}

/** Each on a server of its own, so that none has what the others left. */
const round = async (work: 'gate' | 'bare'): Promise<Round> => {
  const server = fork(pathOf('eventstoredb-work.js'), ['server']);
  try {
    const [url]: unknown[] = await once(server, 'message');
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--max-semi-space-size=64',
      ...profiling,
      pathOf('eventstoredb-work.js'),
      work,
      String(url),
      values.intents,
      join(folder, 'read-model'),
      String(server.pid),
    ]);
    const { seconds, cpuMicros, serverMicros, intents }: Appended = JSON.parse(stdout);
    const done = {
      perSecond: Math.round(intents / seconds),
      clientMicros: Math.round(cpuMicros / intents),
      serverMicros: Math.round(serverMicros / intents),
    };
    progress(`${work} ${JSON.stringify(done)}`);
    return done;
  } finally {
    server.kill();
  }
};

const bare: Round[] = [];
const gate: Round[] = [];
const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'));
try {
  // In turn, so that what else the machine does meets both.
  for (let number = 0; number < ROUNDS; number += 1) {
    bare.push(await round('bare'));
    gate.push(await round('gate'));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
const median = (rounds: readonly Round[], of: keyof Round): number =>
  rounds.map((one) => one[of]).toSorted((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN;
const result = {
  intents: Number(values.intents),
  ratio: Number((median(gate, 'perSecond') / median(bare, 'perSecond')).toFixed(2)),
  decidedPerSecond: median(gate, 'perSecond'),
  barePerSecond: median(bare, 'perSecond'),
  gateMicros: { client: median(gate, 'clientMicros'), server: median(gate, 'serverMicros') },
  bareMicros: { client: median(bare, 'clientMicros'), server: median(bare, 'serverMicros') },
};
process.stdout.write(`${JSON.stringify(result, null, values.json ? 0 : 2)}\n`);
