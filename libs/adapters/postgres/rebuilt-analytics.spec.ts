import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ActiveUserRow, AnalyticsChanges, MonthChange, SessionRow } from '#application/ports/analytics';
import { instantOf } from '#domain/time';
import { eventually } from '#testing/eventually';
import { dropAnalyticsRebuild, prepareAnalyticsRebuild, REBUILT_ANALYTICS } from './analytics-rebuild.js';
import { memoryDatabase } from './memory-database.js';
import { prepare } from './open-database.js';
import type { PgliteDatabase } from './pglite-database.js';
import { PostgresAnalyticsStore } from './postgres-analytics-store.js';
import { RebuiltAnalytics } from './rebuilt-analytics.js';

const NONE: AnalyticsChanges = {
  sessions: [],
  removedSessions: [],
  users: [],
  removedUsers: [],
  begun: [],
  months: [],
  monthChanges: [],
  settled: [],
  decided: [],
  revised: [],
  hours: [],
  accounts: [],
};
const uuid = (last: number): string => `00000000-0000-4000-8000-00000000000${last}`;
const to = (position: number) => ({ position, recordedAt: instantOf(position) });
const customer = { account: 'acme', customer: 'a' };
const other = { account: 'acme', customer: 'b' };
const session = (openedAt: number, position: number, id = 1): SessionRow => ({
  ...customer,
  sender: '15550001111',
  id: uuid(id),
  openedAt: instantOf(openedAt),
  openerAt: instantOf(openedAt),
  restarts: 0,
  received: { text: position },
  sent: { session: 0, template: 0, echo: 0 },
  position,
});
const user = (position: number): ActiveUserRow => ({
  ...customer,
  month: '2026-01',
  firstAt: instantOf(position),
  firstEventId: uuid(position),
  rule: 'sent-or-received-v1',
  zone: 'UTC',
  position,
});
const hour = { account: 'acme', hour: instantOf(0), outcome: 'refused', reason: 'opted-out' } as const;
const month = { account: 'acme', month: '2026-01' };
const change: MonthChange = { ...month, customer: 'a', change: 1, because: uuid(1), position: 1 };
const span = { ...customer, sender: '15550001111', from: instantOf(-1), until: instantOf(1_000) };

describe('analytics as a rebuild fills it', () => {
  let database: PgliteDatabase;
  beforeAll(async () => {
    database = await memoryDatabase();
    await prepare(database);
  });
  beforeEach(async () => {
    await dropAnalyticsRebuild(database);
    await prepareAnalyticsRebuild(database);
  });
  afterAll(() => database.close());

  const gathering = (atOnce = 1_000) => new RebuiltAnalytics(database, REBUILT_ANALYTICS, atOnce);
  const stored = async () => {
    const tables = new PostgresAnalyticsStore(database, REBUILT_ANALYTICS);
    return { sessions: await tables.sessions([span]), at: (await tables.checkpoint())?.position };
  };
  const all = (table: string) => database.query<object>(`select * from ${REBUILT_ANALYTICS}.${table}`);

  test('what changes many times is written once, with the checkpoint, and a process that dies before has lost folding alone', async () => {
    const dies = gathering();
    await dies.apply(undefined, to(1), { ...NONE, sessions: [session(5, 1)] });
    expect(await stored()).toEqual({ sessions: [], at: undefined });

    const goesOn = gathering();
    await goesOn.apply(undefined, to(1), { ...NONE, sessions: [session(5, 1)], hours: [{ ...hour, decisions: 2 }] });
    await goesOn.apply(1, to(2), { ...NONE, sessions: [session(5, 2)], hours: [{ ...hour, decisions: 3 }] });
    await goesOn.flush();
    expect(await stored()).toEqual({ sessions: [session(5, 2)], at: 2 });
    expect(await all('hours')).toMatchObject([{ decisions: 5 }]);
  });

  test('so many rows are written without being asked, while more is gathered', async () => {
    const tables = gathering(2);
    await tables.apply(undefined, to(1), { ...NONE, sessions: [session(5, 1), session(6, 1, 2)] });
    await tables.apply(1, to(2), { ...NONE, sessions: [session(5, 2)] });
    await eventually(async () => (await stored()).at === 1);
    await tables.flush();
    expect(await stored()).toEqual({ sessions: [session(5, 2), session(6, 1, 2)], at: 2 });
  });

  test('who reads rows that are not written waits until they are; who reads others does not', async () => {
    const tables = gathering();
    await tables.apply(undefined, to(1), { ...NONE, sessions: [session(5, 1)], users: [user(1)] });
    const [sessions, users, ofCustomer] = await Promise.all([
      tables.sessions([span]),
      tables.users([{ ...month, ...customer }]),
      tables.usersOf([customer]),
    ]);
    expect([sessions, users, ofCustomer]).toEqual([[session(5, 1)], [user(1)], [user(1)]]);
    expect((await stored()).at).toBe(1);
    await tables.apply(1, to(2), { ...NONE, sessions: [session(5, 2)] });
    expect(await tables.sessions([{ ...span, ...other }])).toEqual([]);
    expect(await tables.months([month])).toEqual([]);
    expect((await stored()).at).toBe(1);
    const row = {
      ...month,
      zone: 'UTC',
      rule: 'sent-or-received-v1',
      users: 1,
      days: {},
      adjusted: 0,
      position: 3,
    } as const;
    await tables.apply(2, to(3), { ...NONE, months: [row] });
    expect(await tables.months([month])).toEqual([row]);
  });

  test('a row that is taken away and put again is there, and one that is put and taken away is not', async () => {
    const tables = gathering();
    const removed = (row: SessionRow, position: number) => ({ ...row, position, isGone: true });
    await tables.apply(undefined, to(1), { ...NONE, sessions: [session(5, 1), session(6, 1, 2)], users: [user(1)] });
    await tables.flush();
    await tables.apply(1, to(2), {
      ...NONE,
      removedSessions: [removed(session(5, 1), 2)],
      sessions: [session(7, 2, 3)],
      removedUsers: [{ ...month, ...customer }],
      users: [{ ...user(2), ...other }],
    });
    await tables.apply(2, to(3), {
      ...NONE,
      removedSessions: [removed(session(7, 2, 3), 3)],
      sessions: [session(5, 3, 4)],
      removedUsers: [{ ...month, ...other }],
      users: [user(3)],
    });
    await tables.flush();
    expect((await stored()).sessions.toSorted((a, b) => a.openedAt - b.openedAt)).toEqual([
      session(5, 3, 4),
      session(6, 1, 2),
    ]);
    expect(await all('removed_sessions')).toMatchObject([
      { id: uuid(1), position: 2 },
      { id: uuid(3), position: 3 },
    ]);
    expect(await tables.usersOf([customer, other])).toEqual([user(3)]);
  });

  test('a change of a month that comes after its adjustment was told is not settled by it', async () => {
    const tables = gathering();
    await tables.apply(undefined, to(1), { ...NONE, settled: [{ ...month, customer: 'a', because: uuid(1) }] });
    await tables.apply(1, to(2), { ...NONE, monthChanges: [change] });
    await tables.flush();
    expect(await all('month_changes')).toMatchObject([{ settled: 0 }]);
    await tables.apply(2, to(3), { ...NONE, settled: [{ ...month, customer: 'a', because: uuid(1) }] });
    await tables.flush();
    expect(await all('month_changes')).toMatchObject([{ settled: 1 }]);
  });

  test('a write that fails is told at the next one, and the checkpoint stays', async () => {
    const tables = gathering(1);
    await database.query(
      `insert into ${REBUILT_ANALYTICS}.checkpoint (name, position, recorded_at) values ('other', 9, 9)`,
    );
    await tables.apply(undefined, to(1), { ...NONE, sessions: [session(5, 1)] });
    await expect(tables.flush()).rejects.toMatchObject({ code: 'checkpoint-taken' });
    expect(await all('checkpoint')).toMatchObject([{ name: 'other', position: 9 }]);
    expect(await all('sessions')).toEqual([]);
  });
});
