import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const program = fileURLToPath(new URL('../../dist/test/e2e/export-load.js', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-export-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** @param until the process is killed as soon as that holds */
const exported = async (file: string, format: string, pauseMs: number, until?: () => boolean): Promise<string> => {
  const child = spawn(process.execPath, [program, file, format, String(pauseMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (text) => (out += String(text)));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  if (until !== undefined) {
    while (child.exitCode === null && !until()) await sleep(2);
    child.kill('SIGKILL');
  }
  await ended;
  return out;
};

test.each(['csv', 'jsonl', 'parquet'])(
  'an export to %s that is killed again and again goes on, and ends as one that never was',
  async (format) => {
    const whole = join(folder, `whole.${format}`);
    expect(await exported(whole, format, 0)).toBe('0');
    const file = join(folder, `killed.${format}`);
    for (let killed = 0; killed < 4; killed += 1) {
      const noted = await readFile(`${file}.part.state`, 'utf8').catch(() => '');
      // Once it has come further than the last one; what it is writing then is torn where it is.
      await exported(file, format, 8, () => {
        return existsSync(`${file}.part.state`) && noted !== readFileSync(`${file}.part.state`, 'utf8');
      });
      expect(existsSync(file)).toBe(false);
    }
    expect(Number(await exported(file, format, 0))).toBeGreaterThan(0);
    expect((await readFile(file)).equals(await readFile(whole))).toBe(true);
    expect(existsSync(`${file}.part`) || existsSync(`${file}.part.state`)).toBe(false);
  },
  120_000,
);
