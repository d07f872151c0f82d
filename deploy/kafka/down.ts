import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { stopWithinMs } from './broker.js';
import { runCommand } from './cli.js';
import { findRunning, forgetRunning, isAlive, type Running } from './running.js';

const usage = `Stops the Kafka broker that npm run kafka:up started. Its data stays in its folder.

Usage: npm run kafka:down -- [--json]

  --json  print one JSON object: status (stopped, not-running) and, if it ran, url, port, pid, folder
  --help  print this

Exit codes: 0 no broker runs any more, also if none did before; 1 it could not be stopped; 2 wrong usage.
`;

await runCommand(async () => {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return void process.stdout.write(usage);
  const running = await findRunning();
  if (running) await end(running);
  await forgetRunning();
  const status = running ? 'stopped' : 'not-running';
  const said = running ? `Kafka at ${running.url} is stopped; its data stays in ${running.folder}` : 'No Kafka runs';
  process.stdout.write(`${values.json ? JSON.stringify({ status, ...running }) : said}\n`);
});

async function end(running: Running): Promise<void> {
  process.kill(running.pid, 'SIGTERM');
  if (await endsWithin(running, stopWithinMs)) return;
  process.kill(running.pid, 'SIGKILL');
  if (await endsWithin(running, stopWithinMs)) return;
  throw new Error(`Kafka (pid ${running.pid}) outlives SIGKILL: look at it with ps -p ${running.pid}.`);
}

async function endsWithin(running: Running, limitMs: number): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  while (isAlive(running)) {
    if (Date.now() > deadline) return false;
    await sleep(100);
  }
  return true;
}
