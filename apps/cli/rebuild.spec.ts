import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDatabase } from '#adapters/postgres/open-database';
import { copyLog } from '#application/history/copy';
import { readToken } from '#application/api-keys';
import { HOUR_MS, plus } from '#domain/time';
import { intent, openStage, T0, wrote } from '../../test/gate/stage.js';
import { openStore } from './open-store.js';
import { runCommand } from './program.js';

const CUSTOMER = 'c1'.padEnd(26, '_');

describe('tidegate', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-cli-'));
    const stage = await openStage();
    await stage.registerAccount();
    await stage.dispatcher().run([intent(CUSTOMER, 'i-1')]);
    stage.clock.at = plus(T0, HOUR_MS);
    await stage.recorder().run([wrote(CUSTOMER, 'm-1', stage.clock.at)]);
    const { store, close } = await openStore(join(folder, 'database'), stage.clock, false);
    await copyLog(stage.store, store);
    await close();
    await stage.close();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const tidegate = async (words: readonly string[], signal = new AbortController().signal) => {
    let out = '';
    let err = '';
    const terminal = {
      out: (text: string) => void (out += text),
      err: (text: string) => void (err += text),
      watched: false,
    };
    const variables = { TIDEGATE_DATA: folder, TIDEGATE_IDENTITY_KEY: '42'.repeat(32) };
    const code = await runCommand(words, { terminal, variables, signal }, '1.2.3');
    return { code, out, err };
  };
  const countOf = async (table: string): Promise<number | undefined> => {
    const database = await openDatabase(join(folder, 'database'));
    const [row] = await database.query<{ count: number }>(`select count(*) as count from ${table}`);
    await database.close();
    return row?.count;
  };

  test('rebuilds what analysts and the gate read, and again', async () => {
    for (const [projection, table] of [
      ['analytics', 'tidegate_analytics.sessions'],
      ['views', 'tidegate_views.customers'],
    ] as const) {
      expect(await countOf(table)).toBe(0);
      const first = await tidegate(['rebuild', projection]);
      expect([first.code, first.err]).toEqual([0, '']);
      expect(first.out).toMatch(new RegExp(`^${projection} rebuilt from [45] events`));
      expect(await countOf(table)).toBe(1);
      const again = await tidegate(['rebuild', projection, '--afresh', '--json']);
      expect([again.code, JSON.parse(again.out)]).toMatchObject([0, { projection }]);
      expect(await countOf(table)).toBe(1);
    }
  });

  test('exports what was rebuilt, says how much, and what is wrong with what it was asked', async () => {
    expect((await tidegate(['rebuild', 'analytics'])).code).toBe(0);
    const out = (name: string): readonly string[] => ['--out', join(folder, name)];
    const parquet = await tidegate(['export', 'sessions', 'acme', ...out('sessions.parquet')]);
    expect([parquet.code, parquet.err]).toEqual([0, '']);
    expect(parquet.out).toMatch(/^1 rows of sessions in .*sessions\.parquet, \d+ bytes/);
    expect((await readFile(join(folder, 'sessions.parquet'))).subarray(0, 4).toString()).toBe('PAR1');
    const json = await tidegate(['export', 'decisions', 'acme', '--format', 'csv', '--json', ...out('decisions')]);
    expect(JSON.parse(json.out)).toMatchObject({
      table: 'decisions',
      account: 'acme',
      format: 'csv',
      rows: 1,
      recordedAt: expect.stringMatching(/^2026-/),
    });
    expect(await readFile(join(folder, 'decisions'), 'utf8')).toContain('window-closed');
    const none = ['export', 'sessions', 'acme', '--from', '2031-01-01T00:00:00Z', ...out('none.jsonl')];
    expect([(await tidegate(none)).code, await readFile(join(folder, 'none.jsonl'), 'utf8')]).toEqual([0, '']);
    expect((await tidegate(['export', 'sessions', 'nobody', ...out('x.csv')])).code).toBe(66);
    expect((await tidegate(['export', 'sessions', 'acme', '--out', join(folder, 'no', 'x.csv')])).code).toBe(78);
    const stopped = await tidegate(['export', 'sessions', 'acme', ...out('x.csv')], AbortSignal.abort());
    expect(stopped.code).toBe(130);
    for (const words of [
      ['export', 'sessions', 'acme'],
      ['export', 'sessions', 'acme', ...out('x.xlsx')],
      ['export', 'everything', 'acme', ...out('x.csv')],
      ['export', 'sessions', 'acme', '--from', 'yesterday', ...out('x.csv')],
    ])
      expect([words, (await tidegate(words)).code]).toEqual([words, 64]);
    expect((await readdir(folder)).filter((name) => name.startsWith('x.'))).toEqual([]);
  });

  test('stops a rebuild when asked, says how to go on, and refuses an unknown one', async () => {
    const stopped = await tidegate(['rebuild', 'analytics'], AbortSignal.abort());
    expect([stopped.code, stopped.err]).toEqual([130, expect.stringContaining('run it again')]);
    expect((await tidegate(['rebuild', 'analytics'])).code).toBe(0);
    expect((await tidegate(['rebuild', 'everything'])).code).toBe(64);
    expect((await tidegate(['rebuild'])).code).toBe(64);
  });

  test('makes, lists and revokes keys, and shows a secret once', async () => {
    const made = await tidegate([
      'keys',
      'create',
      'acme',
      '--role',
      'reader',
      '--name',
      'Looker',
      '--expires',
      '2099-01-01T00:00:00Z',
    ]);
    expect(made.code).toBe(0);
    const { id = '', secret = '' } = readToken(made.out.trim()) ?? {};
    expect(id).not.toBe('');
    const json = await tidegate(['keys', 'create', 'other', '--role', 'operator', '--name', 'ops', '--json']);
    expect(JSON.parse(json.out)).toMatchObject({
      account: 'other',
      role: 'operator',
      expiresAt: null,
      token: expect.stringMatching(/^tg_/),
    });
    const listed = await tidegate(['keys', 'list', 'acme']);
    expect(listed.out).toMatch(new RegExp(`${id}  acme  reader  .*until 2099-01-01T00:00:00.000Z  Looker`));
    expect(listed.out).not.toContain(secret);
    expect((await tidegate(['keys', 'list', '--json'])).out).not.toMatch(/hash/);
    expect((await tidegate(['keys', 'revoke', id])).code).toBe(0);
    expect((await tidegate(['keys', 'list', 'acme'])).out).toContain('revoked');
    expect((await tidegate(['keys', 'revoke', 'nothing'])).code).toBe(66);
    for (const words of [
      ['keys'],
      ['keys', 'create', 'acme', '--name', 'x'],
      ['keys', 'create', 'acme', '--name', 'x', '--role', 'king'],
      ['keys', 'create', 'Acme!', '--name', 'x', '--role', 'reader'],
      ['keys', 'create', 'acme', '--name', 'x', '--role', 'reader', '--expires', 'soon'],
    ])
      expect([words, (await tidegate(words)).code]).toEqual([words, 64]);
  });
});
