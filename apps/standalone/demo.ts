import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runApp } from '#apps/composition/process';
import { SteerableClock } from '#platform/clock';
import { loadConfig } from '#platform/config';
import { exitCodeOf, stopSignal } from '#platform/lifecycle';
import { standaloneParts } from './parts.js';
import { playDay } from './play-day.js';

const show = (line: string): void => void process.stdout.write(`${line}\n`);

try {
  const signal = stopSignal();
  // A folder of its own, so that the sample day never meets real data.
  const dataFolder = await mkdtemp(join(tmpdir(), 'tidegate-demo-'));
  // Of the environment only where to listen: the sample day must never reach somebody's engines.
  const { TIDEGATE_LOG_LEVEL = 'warn', TIDEGATE_HTTP_HOST, TIDEGATE_HTTP_PORT } = process.env;
  const config = await loadConfig({
    TIDEGATE_LOG_LEVEL,
    TIDEGATE_HTTP_HOST,
    TIDEGATE_HTTP_PORT,
    TIDEGATE_DATA: dataFolder,
    TIDEGATE_CLOCK: 'steerable',
  });
  const clock = new SteerableClock();
  const url = `http://${config.http.host}:${config.http.port}`;
  show(`Playing a sample day; its data is in ${dataFolder}\n`);
  process.exit(
    await runApp('demo', config, clock, signal, (running) => [
      ...standaloneParts(running),
      playDay(running.engines, clock, show, url),
    ]),
  );
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(exitCodeOf(error));
}
