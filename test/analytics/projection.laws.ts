import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import {
  decidedOf,
  monthRowOf,
  sessionOf,
  userOf,
  type StoredDecided,
  type StoredMonth,
  type StoredSession,
  type StoredUser,
} from '#adapters/postgres/analytics-rows';
import type { Database } from '#adapters/postgres/database';
import { prepare } from '#adapters/postgres/open-database';
import { PostgresAnalyticsStore } from '#adapters/postgres/postgres-analytics-store';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { analyticsCategories, ProjectAnalytics } from '#application/analytics/project-analytics';
import { readLog } from '#application/history/read-log';
import type { EventStore, RecordedEvent } from '#application/ports/event-store';
import { instantOf, type Instant } from '#domain/time';
import { MemoryAnalytics } from '#testing/memory-analytics';
import { appended, happenings, T0, type Happening } from './happenings.js';

class TestClock {
  at: Instant = T0;
  now(): Instant {
    return this.at;
  }
}

const logged = async (store: EventStore, after?: number): Promise<readonly RecordedEvent[]> => {
  const events: RecordedEvent[] = [];
  for await (const batch of readLog(store, { name: 'test', after, categories: analyticsCategories }))
    events.push(...batch);
  return events;
};

// In one order of rows and fields; what is undefined and what is absent is the same to a table.
const ordered = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a.localeCompare(b)))
    : value;
const sorted = (rows: readonly unknown[]): readonly string[] =>
  rows.map((row) => JSON.stringify(row, ordered)).toSorted();

const nothing = { account: 0, customer: 0, other: 0, sender: 0, intent: 0, afterHours: 0, agoHours: 0 };
const happening = (kind: Happening['kind'], of: Partial<Happening> = {}): Happening => ({ ...nothing, kind, ...of });
const writesFor = (days: number): readonly Happening[] =>
  Array.from({ length: days }, () => happening('message', { afterHours: 23 }));
/** What chance found, or seldom finds. */
const courses: readonly (readonly Happening[])[] = [
  // The merge speaks of an opener a day before the session that the loser has.
  [happening('message', { afterHours: 24 }), happening('merged', { customer: 1, afterHours: 1, agoHours: 25 })],
  // What is taken over began before a session of the survivor that has long been closed, and joins it.
  [...writesFor(1), happening('message', { customer: 1 }), ...writesFor(4), happening('merged', { customer: 1 })],
];

/** What holds of the projection on an engine. @param open an empty database of its own */
export const projectionLaws = (engine: string, open: () => Promise<Database>): void => {
  let database: Database;
  let store: PostgresEventStore;
  const clock = new TestClock();
  beforeAll(async () => {
    database = await open();
    await prepare(database);
    store = new PostgresEventStore(database, clock);
  });
  afterAll(() => database.close());

  const tables = async () => {
    const all = <Row>(table: string) => database.query<Row>(`select * from tidegate_analytics.${table}`);
    return {
      sessions: (await all<StoredSession>('sessions')).map(sessionOf),
      gone: (await all<{ id: string }>('removed_sessions')).map(({ id }) => id),
      users: (await all<StoredUser>('users')).map(userOf),
      months: (await all<StoredMonth>('months')).map(monthRowOf),
      decided: (await all<StoredDecided>('decided')).map(decidedOf),
      changes: await all<object>('month_changes'),
      hours: await all<object>('hours'),
    };
  };

  describe(`analytics on ${engine}`, () => {
    test('law: the tables, filled in batches of any size, are a fresh fold of the log, row for row', async () => {
      let from: number | undefined;
      await fc.assert(
        fc.asyncProperty(happenings, fc.integer({ min: 1, max: 9 }), async (steps, batchSize) => {
          clock.at = T0;
          await appended(store, clock, steps);
          const inTables = new ProjectAnalytics(store, new PostgresAnalyticsStore(database));
          const stored = new PostgresAnalyticsStore(database);
          await inTables.begin();
          const news = await logged(store, from);
          for (let index = 0; index < news.length; index += batchSize) {
            const batch = news.slice(index, index + batchSize);
            const last = batch.at(-1);
            if (last === undefined) continue;
            const to = { position: last.position, recordedAt: last.recordedAt };
            await stored.apply(from, to, await inTables.changes(batch));
            from = to.position;
          }
          const memory = new MemoryAnalytics();
          const atOnce = new ProjectAnalytics(store, memory);
          const all = await logged(store);
          await memory.apply(undefined, { position: 0, recordedAt: T0 }, await atOnce.changes(all));

          const { sessions, gone, users, months, decided, changes, hours } = await tables();
          expect(sorted(sessions)).toEqual(sorted([...memory.sessionRows.values()]));
          const living = new Set(sessions.map(({ id }) => id));
          expect(gone.filter((id) => living.has(id))).toEqual([]);
          expect(sorted(users)).toEqual(sorted([...memory.userRows.values()]));
          expect(sorted(months)).toEqual(sorted([...memory.monthRows.values()]));
          expect(sorted(decided)).toEqual(sorted([...memory.decidedRows.values()]));
          expect(changes.length).toBe(memory.changeRows.size);
          expect(
            changes
              .map((row) => ('settled' in row ? row.settled : 0))
              .reduce((sum: number, one) => sum + Number(one), 0),
          ).toBe([...memory.changeRows.values()].filter(({ settled }) => settled).length);
          expect(hours.length).toBe(memory.hourRows.size);
          for (const row of memory.hourRows.values())
            expect(hours).toContainEqual({
              account: row.account,
              hour: row.hour,
              outcome: row.outcome,
              reason: row.reason ?? 'none',
              decisions: row.decisions,
            });
          // The sum of a month is that of its users, and of its days.
          for (const { account, month, users: count, days } of months) {
            const own = users.filter((user) => user.account === account && user.month === month);
            expect([month, own.length]).toEqual([month, count]);
            expect(Object.values(days).reduce((sum, one) => sum + one, 0)).toBe(count);
          }
        }),
        { numRuns: 20, endOnFailure: true, examples: courses.map((steps): [typeof steps, number] => [steps, 1]) },
      );
    });

    test('two projectors: one goes on, and a batch that lost leaves nothing behind', async () => {
      const stored = new PostgresAnalyticsStore(database);
      const at = await stored.checkpoint();
      const before = await tables();
      const changes = await new ProjectAnalytics(store, new MemoryAnalytics()).changes(await logged(store));
      for (const from of [undefined, 1])
        await expect(
          stored.apply(from, { position: 9_000_000, recordedAt: instantOf(0) }, changes),
        ).rejects.toMatchObject({ code: 'checkpoint-taken' });
      expect(await tables()).toEqual(before);
      expect(await stored.checkpoint()).toEqual(at);
    });

    test('another version finds that the tables are not its own', async () => {
      const other = new PostgresAnalyticsStore(database, 'tidegate_analytics', 'analytics@0');
      await expect(other.checkpoint()).rejects.toMatchObject({ code: 'checkpoint-taken' });
      const nothing = await new ProjectAnalytics(store, new MemoryAnalytics()).changes([]);
      await expect(other.apply(undefined, { position: 1, recordedAt: T0 }, nothing)).rejects.toMatchObject({
        code: 'checkpoint-taken',
      });
    });
  });
};
