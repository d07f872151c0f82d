import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { AppProcess } from '../processes/app-process.js';

// What the documents have people type works, and answers as they say.

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-documented-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const blocks = (markdown: string, language: string): readonly string[] =>
  [...markdown.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, block]) => block ?? '');

/** `"name": value` of texts and numbers, without blanks. */
const fieldsIn = (json: string): readonly string[] =>
  [...json.matchAll(/"\w+"\s*:\s*(?:"[^"]*"|-?[\d.]+)/g)].map(([field]) => field.replace(/"\s*:\s*/, '":'));

test('the tutorial', async () => {
  const tutorial = readFileSync(join(root, 'docs/tutorial/a-day-at-the-gate.md'), 'utf8');
  const [install = '', ...steps] = blocks(tutorial, 'sh');
  const explain = steps.pop() ?? '';
  const options = (install.split('\n').find((line) => line.startsWith('npm start')) ?? '').split(' -- ')[1] ?? '';
  expect(options).toBe('--clock=steerable --data=./tutorial-data');
  const gate = new AppProcess('standalone', { TIDEGATE_CLOCK: 'steerable', TIDEGATE_DATA: folder });
  const url = await gate.ready();
  // A reader waits longer between two commands than a script does.
  const script = steps
    .join('\n')
    .replaceAll('http://127.0.0.1:8080', url)
    .replaceAll('sleep 1', 'sleep 4')
    .replaceAll(/^(curl \S+ \$api\/accounts)/gm, 'sleep 4; $1');
  const { stdout } = await run('bash', ['-euc', script]);
  expect(await gate.end()).toBe(0);
  const said = stdout.replaceAll(/"\s*:\s*/g, '":');
  const expected = blocks(tutorial, 'json').flatMap(fieldsIn);
  expect(expected.length).toBeGreaterThan(15);
  expect(expected.filter((field) => !said.includes(field))).toEqual([]);
  expect(stdout.match(/"taken":1/g)).toHaveLength(5);

  const words = explain.trim().split(' ');
  const told = await run(
    process.execPath,
    [join(root, 'dist/apps/cli/main.js'), ...words.slice(words.indexOf('--') + 1)],
    { env: { ...process.env, TIDEGATE_DATA: folder } },
  );
  expect(told.stdout).toContain('refused: window-closed (rule 7)');
  expect(told.stdout).toContain('Derived again from the log: the same.');
}, 120_000);

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
};

test('the demo plays its days, then answers until Ctrl-C', async () => {
  const port = await freePort();
  const demo = spawn(process.execPath, [join(root, 'dist/apps/standalone/demo.js')], {
    env: { PATH: process.env['PATH'], TMPDIR: folder, TIDEGATE_HTTP_PORT: String(port) },
  });
  let shown = '';
  for (const stream of [demo.stdout, demo.stderr]) stream.setEncoding('utf8').on('data', (text) => (shown += text));
  while (!shown.includes('curl -s') && demo.exitCode === null) await sleep(200);
  const counts = new Map(
    [...shown.matchAll(/^ +(\d+) {2}(\w+): (\S.*)$/gm)].map(([, count, outcome, why]) => [
      `${outcome}: ${why}`,
      Number(count),
    ]),
  );
  expect([...counts.keys()]).toEqual(
    expect.arrayContaining([
      'authorised: rule 6',
      'authorised: rule 9',
      'authorised: rule 12',
      'held: window-closed',
      'held: template-paused',
      'refused: window-closed',
      'refused: not-opted-in',
      'refused: opted-out',
      'refused: awaiting-reply',
    ]),
  );
  const scrolled = shown.match(/^\d\d-\d\dT\d\d:\d\d {2}/gm) ?? [];
  expect(scrolled).toHaveLength([...counts.values()].reduce((sum, count) => sum + count, 0));
  const [, asked = ''] = /curl -s '([^']+)'/.exec(shown) ?? [];
  expect(await fetch(asked).then((response) => response.json())).toMatchObject({
    decisions: expect.arrayContaining([expect.objectContaining({ intentId: 'autumn-campaign' })]),
  });
  demo.kill('SIGINT');
  const [code] = await once(demo, 'exit');
  expect(code).toBe(0);
}, 240_000);
