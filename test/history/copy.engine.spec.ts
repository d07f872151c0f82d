import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '#apps/cli/program';
import { openStore } from '#apps/cli/open-store';
import { SystemClock } from '#platform/clock';
import { startPostgres, type PostgresServer } from '#testing/postgres';
import { generateLog } from '../bench/generated-log.js';

describe('history on a Postgres server', () => {
  let server: PostgresServer;
  let folder: string;
  beforeAll(async () => {
    server = await startPostgres();
    folder = await mkdtemp(join(tmpdir(), 'tidegate-history-'));
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const tidegate = async (words: readonly string[], variables = {}) => {
    let out = '';
    let err = '';
    const terminal = { out: (text: string) => (out += text), err: (text: string) => (err += text), watched: false };
    const code = await runCommand(words, { terminal, variables, signal: new AbortController().signal }, '');
    return { code, out, err };
  };

  test('a log of 32,000 events goes from a folder to the server and back, and replays there without a finding', async () => {
    const source = `pglite:${join(folder, 'database')}`;
    const { store, close } = await openStore(source, new SystemClock(), false);
    const events = await generateLog(store, 28_000);
    await close();
    const url = await server.createDatabase();
    const there = await tidegate(['copy', '--from', source, '--to', url, '--json']);
    expect(JSON.parse(there.out)).toMatchObject({ copied: events, differingCount: 0, sameOrder: true });
    const back = await tidegate(['copy', '--from', url, '--to', `pglite:${join(folder, 'back')}`, '--json']);
    expect(JSON.parse(back.out)).toMatchObject({ copied: events, differingCount: 0, sameOrder: true });
    const variables = { TIDEGATE_DATABASE: url, TIDEGATE_IDENTITY_KEY: '42'.repeat(32) };
    const replay = await tidegate(['replay', '--json'], variables);
    expect([replay.err, replay.code]).toEqual(['', 0]);
    expect(JSON.parse(replay.out)).toMatchObject({ events, findings: { count: 0 } });
  }, 240_000);
});
