import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { logFile, startBroker } from './broker.js';
import { runCommand, UsageError } from './cli.js';
import { home } from './home.js';
import { findRunning, type Running, saveRunning } from './running.js';

const usage = `Starts a Kafka broker in the background; without Docker, from its Java archives.

Usage: npm run kafka:up -- [--port PORT] [--folder FOLDER] [--json]

  --port PORT      where it listens on 127.0.0.1 (default 19092)
  --folder FOLDER  its log, configuration and data, kept for the next start (default .kafka/broker)
  --json           print one JSON object: status (started, already-running), url, port, pid, folder, log
  --help           print this

Exit codes: 0 the broker runs, also if it did before; 1 it could not start; 2 wrong usage.
Stop it with: npm run kafka:down
`;

await runCommand(async () => {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      folder: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return void process.stdout.write(usage);
  const asked = {
    port: values.port === undefined ? undefined : parsePort(values.port),
    folder: values.folder === undefined ? undefined : resolve(values.folder),
  };
  const running = await findRunning();
  if (running) {
    refuseAnother(running, asked);
    return print('already-running', running, values.json);
  }
  print('started', await start(asked), values.json);
});

interface Asked {
  readonly port: number | undefined;
  readonly folder: string | undefined;
}

async function start({ port = 19_092, folder = join(home, 'broker') }: Asked): Promise<Running> {
  process.stderr.write(`Kafka: starting on port ${port}\n`);
  const { url, pid } = await startBroker({ folder, port, detached: true });
  const running = { url, port, pid, folder };
  await saveRunning(running);
  return running;
}

function refuseAnother(running: Running, { port = running.port, folder = running.folder }: Asked): void {
  if (port === running.port && folder === running.folder) return;
  throw new Error(
    `Kafka already runs at ${running.url} in ${running.folder}, other than asked. Stop it first: npm run kafka:down`,
  );
}

function print(status: 'started' | 'already-running', running: Running, json: boolean): void {
  const log = logFile(running.folder);
  const text = json
    ? JSON.stringify({ status, ...running, log })
    : `Kafka ${status === 'started' ? 'runs' : 'already runs'} at ${running.url} (pid ${running.pid}, log ${log})
Stop it with: npm run kafka:down`;
  process.stdout.write(`${text}\n`);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new UsageError(`--port takes a number from 1 to 65535, not "${text}".`);
}
