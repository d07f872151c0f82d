import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import { PostgresApiKeys } from '#adapters/postgres/postgres-api-keys';
import { REPORTS, prepareReports } from '#adapters/postgres/reports';
import { AccessPolicy } from '#apps/insights/access';
import type { AccountState } from '#domain/account';
import { instantOf } from '#domain/time';
import { appended, happenings, T0 } from '../../../test/analytics/happenings.js';
import { openAnalytics, type AnalyticsStage } from '../../../test/analytics/stage.js';
import { openInsights, type Insights } from '../../../test/http/api.js';
import { exportFile, type ExportWork } from './export-file.js';
import { encoderOf, exportFormats } from './formats.js';
import {
  exportTableNames,
  exportTables,
  type Cursor,
  type ExportPage,
  type ExportRow,
  type ExportSpan,
  type ExportTable,
} from './tables.js';

// The files say what the HTTP exports and the SQL views say, row for row.

const signal = new AbortController().signal;
/** Column by column, as text formats have it. */
const plain = (row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Date ? value.toISOString() : typeof value === 'bigint' ? Number(value) : (value ?? null),
    ]),
  );

describe('exports', () => {
  let folder: string;
  let stage: AnalyticsStage;
  let api: Insights;
  let accounts: readonly AccountState[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-export-'));
    stage = await openAnalytics(T0);
    for (const course of fc.sample(happenings, { seed: 7, numRuns: 6 })) {
      stage.clock.at = T0;
      await appended(stage.store, stage.clock, course);
    }
    const late = { kind: 'revised', account: 0, customer: 0, other: 1, sender: 0, intent: 1 } as const;
    await appended(stage.store, stage.clock, [{ ...late, afterHours: 0, agoHours: 0 }]);
    await stage.project(500);
    await prepareReports(stage.database);
    accounts = await stage.analytics.accounts();
    api = await openInsights(stage.clock, {
      analytics: stage.analytics,
      store: stage.store,
      apiKeys: new PostgresApiKeys(stage.database),
      access: new AccessPolicy('auto', '127.0.0.1'),
    });
    api.readModel.accountRows = accounts.map((state) => ({ state }));
  });
  afterAll(async () => {
    await api.close();
    await stage.close();
    await rm(folder, { recursive: true, force: true });
  });

  const file = (name: string): string => join(folder, name);
  const exported = async (table: ExportTable, account: AccountState, name: string, span: ExportSpan = {}) => {
    const format = exportFormats.find((one) => name.endsWith(one)) ?? 'jsonl';
    return exportFile(
      file(name),
      {
        request: name,
        pages: (after) => table.pages(stage.analytics, account, span, stage.clock.now(), after),
        encoder: (from) => encoderOf(format, table.columns, 'test', undefined, from),
      },
      { signal },
    );
  };
  const parquetRows = async (name: string) =>
    (await parquetReadObjects({ file: await asyncBufferFromFile(file(name)) })).map(plain);
  const lines = (text: string): readonly ExportRow[] =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  const overHttp = async (account: string, path: string): Promise<readonly ExportRow[]> => {
    const headers = { accept: 'application/jsonl' };
    const response = await fetch(`${api.url}/v1/accounts/${account}/${path}`, { headers });
    expect([path, response.status]).toEqual([path, 200]);
    return lines(await response.text());
  };

  test('the same in Parquet, in CSV, in JSON Lines and over HTTP', async () => {
    const met = new Map<string, number>();
    for (const account of accounts) {
      const name = account.account;
      const rows = await stage.analytics.months(name);
      const months = rows.map(({ month }) => month);
      const adjustedOf = new Map(rows.map(({ month, adjusted }) => [month, adjusted]));
      const users = await Promise.all(
        months.map(async (month) => (await overHttp(name, `mau/${month}/users`)).map((row) => ({ month, ...row }))),
      );
      const http: Readonly<Record<(typeof exportTableNames)[number], readonly ExportRow[]>> = {
        sessions: await overHttp(name, 'sessions'),
        'active-users': users.flat(),
        decisions: await overHttp(name, 'decisions'),
        'revised-decisions': await overHttp(name, 'decisions/revised'),
        months: await Promise.all(
          months.map(async (month) => {
            const {
              forecast: _forecast,
              usersByDay: _days,
              closed,
              ...view
            } = Object((await api.get(`/v1/accounts/${name}/mau/${month}`)).body);
            const { at, users: closedUsers, position, adjusted } = closed ?? {};
            return {
              ...view,
              closedAt: at ?? null,
              closedUsers: closedUsers ?? null,
              closedPosition: position ?? null,
              // While a month is open the API does not say.
              adjusted: adjusted ?? adjustedOf.get(month),
            };
          }),
        ),
      };
      for (const table of exportTableNames) {
        for (const format of exportFormats) await exported(exportTables[table], account, `${table}.${format}`);
        expect(await parquetRows(`${table}.parquet`)).toEqual(http[table]);
        const text = await readFile(file(`${table}.jsonl`), 'utf8');
        expect(lines(text)).toEqual(http[table]);
        const [head = '', ...records] = (await readFile(file(`${table}.csv`), 'utf8')).trimEnd().split('\r\n');
        expect(head).toBe(exportTables[table].columns.map((column) => column.name).join(','));
        expect(records).toHaveLength(http[table].length);
        met.set(table, (met.get(table) ?? 0) + http[table].length);
      }
    }
    // Tables without rows would prove little.
    for (const table of exportTableNames) expect([table, (met.get(table) ?? 0) > 0]).toEqual([table, true]);
  });

  test('the same as the SQL views', async () => {
    const views = {
      sessions: ['sessions', 'session_id as key, opened_at as at, restarts as number'],
      'active-users': ['active_users', 'first_event_id as key, first_at as at, 0 as number'],
      months: ['months', 'month as key, closed_at as at, users as number'],
      decisions: ['decisions', 'intent_id as key, decided_at as at, 0 as number'],
    } as const;
    const keys = {
      sessions: (row: ExportRow) => [row['id'], row['openedAt'], row['restarts']],
      'active-users': (row: ExportRow) => [row['firstEventId'], row['firstAt'], 0],
      months: (row: ExportRow) => [row['month'], row['closedAt'], row['users']],
      decisions: (row: ExportRow) => [row['intentId'], row['decidedAt'], 0],
    } as const;
    const sorted = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).sort();
    for (const account of accounts) {
      for (const table of ['sessions', 'active-users', 'months', 'decisions'] as const) {
        const [view, columns] = views[table];
        const rows = await stage.database.query<{ key: string; at: number | null; number: number }>(
          `select key, (extract(epoch from at) * 1000)::bigint as at, number
           from (select ${columns} from ${REPORTS}.${view} where account = $1) v`,
          [account.account],
        );
        await exported(exportTables[table], account, `sql-${table}.parquet`);
        expect(sorted((await parquetRows(`sql-${table}.parquet`)).map(keys[table]))).toEqual(
          sorted(
            rows.map(({ key, at, number }) => [
              key,
              at === null ? null : new Date(Number(at)).toISOString(),
              Number(number),
            ]),
          ),
        );
      }
    }
  });

  test('a span takes what began in it, from its first instant on and before its last', async () => {
    let all: Awaited<ReturnType<typeof parquetRows>> = [];
    let account = accounts[0];
    for (const one of accounts) {
      await exported(exportTables.sessions, one, 'all.parquet');
      const rows = await parquetRows('all.parquet');
      if (rows.length > all.length) [all, account] = [rows, one];
    }
    if (account === undefined) throw new Error('no account');
    const times = all.map(({ openedAt }) => Date.parse(String(openedAt)));
    const [from, until] = [times.at(-1), times[0]].map((at) => instantOf(at ?? 0));
    await exported(exportTables.sessions, account, 'some.parquet', { from, until });
    const wanted = all.filter((_, index) => (times[index] ?? 0) >= Number(from) && (times[index] ?? 0) < Number(until));
    expect(wanted.length).toBeLessThan(all.length);
    expect(await parquetRows('some.parquet')).toEqual(wanted);
    await exported(exportTables.months, account, 'none.parquet', { from: instantOf(Date.UTC(2031, 0, 1)) });
    expect(await parquetRows('none.parquet')).toEqual([]);
  });

  test('Parquet has the types: instants in UTC milliseconds, 64-bit counts, JSON; groups that a reader can take alone', async () => {
    const many: ExportTable = {
      ...exportTables.sessions,
      async *pages() {
        for (let batch = 0; batch < 3; batch += 1) {
          const rows = Array.from({ length: 1_000 }, (_, row) => ({
            id: `session-${batch}-${row}`,
            account: 'acme',
            customer: 'c'.repeat(26),
            sender: '4930',
            openedAt: '2026-11-04T09:03:00.007Z',
            endsAt: '2026-11-05T09:03:00.007Z',
            openerAt: '1969-12-31T23:59:59.999Z',
            correctedAt: null,
            changedAt: null,
            restarts: Number.MAX_SAFE_INTEGER,
            received: { text: row, 'naïve 🌊': 1 },
            sentSession: 0,
            sentTemplate: batch,
            sentEcho: 0,
            firstReplyAt: row % 2 === 0 ? null : '2026-11-04T09:04:00.000Z',
            firstReplyMs: row % 2 === 0 ? null : 59_993,
          }));
          yield { rows, after: [batch] };
        }
      },
    };
    const [account] = accounts;
    if (account === undefined) throw new Error('no account');
    const work: ExportWork = {
      request: 'many',
      pages: () => many.pages(stage.analytics, account, {}, stage.clock.now()),
      encoder: (from) => encoderOf('parquet', many.columns, 'test', 2_000, from),
    };
    expect(await exportFile(file('many.parquet'), work, { signal })).toMatchObject({ rows: 3_000 });
    const buffer = await asyncBufferFromFile(file('many.parquet'));
    const metadata = await parquetMetadataAsync(buffer);
    expect(metadata.row_groups.map(({ num_rows }) => num_rows)).toEqual([2_000n, 1_000n]);
    const elements = new Map(
      parquetSchema(metadata).children.map(({ element }) => [element.name, [element.logical_type?.type, element.type]]),
    );
    expect(elements.get('openedAt')).toEqual(['TIMESTAMP', 'INT64']);
    expect(elements.get('restarts')).toEqual(['INTEGER', 'INT64']);
    expect(elements.get('received')).toEqual(['JSON', 'BYTE_ARRAY']);
    expect(elements.get('id')).toEqual(['STRING', 'BYTE_ARRAY']);
    const last = await parquetReadObjects({ file: buffer, rowStart: 2_999, rowEnd: 3_000 });
    expect(last.map(plain)).toEqual([
      expect.objectContaining({
        id: 'session-2-999',
        openedAt: '2026-11-04T09:03:00.007Z',
        openerAt: '1969-12-31T23:59:59.999Z',
        restarts: Number.MAX_SAFE_INTEGER,
        received: { text: 999, 'naïve 🌊': 1 },
        firstReplyMs: 59_993,
      }),
    ]);
  });

  test('a file is there whole or not at all: a failure and an interruption leave the earlier one', async () => {
    const { columns } = exportTables.months;
    await writeFile(file('kept.csv'), 'earlier');
    const workOf = (pages: () => AsyncIterable<ExportPage>): ExportWork => ({
      request: 'kept',
      pages,
      encoder: (from) => encoderOf('csv', columns, 'test', undefined, from),
    });
    const failing = async function* (): AsyncGenerator<ExportPage> {
      yield { rows: [{ month: '2026-11' }], after: [] };
      throw new Error('the database went away');
    };
    await expect(exportFile(file('kept.csv'), workOf(failing), { signal })).rejects.toThrow('went away');
    const stop = new AbortController();
    const endless = async function* (): AsyncGenerator<ExportPage> {
      for (;;) yield { rows: [{ month: '2026-11' }], after: [] };
    };
    const interrupted = exportFile(file('kept.csv'), workOf(endless), {
      signal: stop.signal,
      // Nothing is noted yet, and so nothing is left.
      saveEveryMs: 600_000,
      advanced: (rows) => {
        if (rows === 100) stop.abort();
      },
    });
    await expect(interrupted).rejects.toThrow(/abort/i);
    expect(await readFile(file('kept.csv'), 'utf8')).toBe('earlier');
    expect((await readdir(folder)).filter((name) => name.includes('.part'))).toEqual([]);
    await expect(exportFile(join(folder, 'no', 'x.csv'), workOf(endless), { signal })).rejects.toMatchObject({
      code: 'config-invalid',
      field: 'out',
    });
  });

  /** 12 pages of 50 rows, that go on behind any of them. */
  const numbered = (before: (page: number) => void = () => undefined) =>
    async function* (after: Cursor | undefined): AsyncGenerator<ExportPage> {
      for (let page = after === undefined ? 0 : Number(after[0]) + 1; page < 12; page += 1) {
        before(page);
        const rows = Array.from({ length: 50 }, (_, row) => ({ month: `${page}-${row}`, users: page * 50 + row }));
        yield { rows, after: [page] };
      }
    };
  const numberedColumns = [
    { name: 'month', kind: 'text', isNullable: false },
    { name: 'users', kind: 'count', isNullable: false },
  ] as const;
  const numberedWork = (format: (typeof exportFormats)[number], before?: (page: number) => void): ExportWork => ({
    request: format,
    pages: numbered(before),
    // A group is three pages.
    encoder: (from) => encoderOf(format, numberedColumns, 'test', 150, from),
  });

  test.each(exportFormats)('law: %s, stopped anywhere and torn, is resumed to the same bytes', async (format) => {
    const whole = file(`whole.${format}`);
    await exportFile(whole, numberedWork(format), { signal, saveEveryMs: 0 });
    const expected = await readFile(whole);
    let resumptions = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(11), { maxLength: 3 }),
        fc.uint8Array({ maxLength: 40 }),
        async (stops, torn) => {
          const name = file(`resumed.${format}`);
          for (const stop of stops) {
            const stopping = numberedWork(format, (page) => {
              if (page === stop) throw new Error('stopped');
            });
            const stopped = await exportFile(name, stopping, { signal, saveEveryMs: 0 }).catch(() => undefined);
            if (stopped === undefined && existsSync(`${name}.part`)) {
              resumptions += 1;
              // What was written behind the last note, whole or not.
              await appendFile(`${name}.part`, torn);
            }
          }
          await exportFile(name, numberedWork(format), { signal, saveEveryMs: 0 });
          expect((await readFile(name)).equals(expected)).toBe(true);
          expect((await readdir(folder)).filter((left) => left.startsWith(`resumed.${format}.`))).toEqual([]);
        },
      ),
      // A part may have got to disk that is longer than all that is still to come.
      { numRuns: 8, examples: [[[9], new Uint8Array(expected.byteLength)]] },
    );
    expect(resumptions).toBeGreaterThan(0);
  });

  test('what another export left is not gone on from, nor what is damaged; afresh begins anew', async () => {
    const name = file('mine.csv');
    const stopping = numberedWork('csv', (page) => {
      if (page === 9) throw new Error('stopped');
    });
    const run = { signal, saveEveryMs: 0 };
    await expect(exportFile(name, stopping, run)).rejects.toThrow('stopped');
    const other = { ...numberedWork('csv'), request: 'of another account' };
    await expect(exportFile(name, other, run)).rejects.toMatchObject({ code: 'config-invalid', field: 'out' });
    const noted = await readFile(`${name}.part.state`, 'utf8');
    await writeFile(`${name}.part.state`, noted.replace('"rows":450', '"rows":451'));
    await expect(exportFile(name, numberedWork('csv'), run)).rejects.toThrow(/damaged.*--afresh/);
    await writeFile(`${name}.part.state`, noted);
    // A draft that is shorter than was noted, as after a copy of half of it: from the start.
    const draft = await readFile(`${name}.part`);
    await writeFile(`${name}.part`, draft.subarray(0, 100));
    expect(await exportFile(name, numberedWork('csv'), run)).toMatchObject({ rows: 600, resumedAt: 0 });
    await expect(exportFile(name, stopping, run)).rejects.toThrow('stopped');
    expect(await exportFile(name, other, { ...run, afresh: true })).toMatchObject({ rows: 600, resumedAt: 0 });
  });
});
