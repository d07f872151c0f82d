import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Database } from '#adapters/postgres/database';
import { migrate } from '#adapters/postgres/migrate';
import { PostgresProjectionStore } from '#adapters/postgres/postgres-projection-store';
import { RebuiltViews } from '#adapters/postgres/rebuilt-views';
import { indexRebuild, prepareRebuild, putInPlace, REBUILT_VIEWS } from '#adapters/postgres/view-rebuild';
import { LIVE_VIEWS, viewSchema } from '#adapters/postgres/view-schema';
import { Project, VIEWS, viewCategories } from '#application/project';
import { rebuild, type Rebuild } from '#application/rebuild';
import { canonical } from '#domain/history/compare';
import { plus, DAY_MS } from '#domain/time';
import { openStage, type Stage } from '../gate/stage.js';
import { Course, steps } from './course.js';

const tables = [
  'customers',
  'decisions',
  'facts',
  'open_intents',
  'active_users',
  'active_months',
  'late_facts',
  'accounts',
  'templates',
];

/** What holds of the gate's views on an engine. @param open an empty database of its own */
export const readModelLaws = (engine: string, open: () => Promise<Database>): void => {
  describe(`the read model on ${engine}`, () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await openStage(await open());
      await stage.registerAccount();
    });
    afterAll(() => stage.close());

    /** A state is the same whatever the order of its fields, which hangs on whether it was read back in between. */
    const rowsIn = async (schema: string, table: string): Promise<readonly string[]> =>
      (await stage.database.query<{ state?: string }>(`select * from ${schema}.${table}`))
        .map(({ state, ...row }) => canonical({ ...row, state: state === undefined ? undefined : JSON.parse(state) }))
        .toSorted();

    /** Folds the whole log into tables of their own. */
    const folded = async (
      schema: string,
      batchSize: number,
      remembered: number,
      gathered: number | undefined,
    ): Promise<void> => {
      await migrate(stage.database, viewSchema(schema));
      const rebuilt = gathered === undefined ? undefined : new RebuiltViews(stage.database, schema, gathered);
      const views = rebuilt ?? new PostgresProjectionStore(stage.database, schema);
      const end = new AbortController();
      const [{ last } = { last: 0 }] = await stage.database.query<{ last: number }>(
        `select max(position) as last from tidegate_log.events where category in ('customer', 'template', 'account')`,
      );
      const seen = (position: number): void => {
        if (position >= last) end.abort();
      };
      await new Project(stage.store, views, seen, remembered).follow(end.signal, batchSize);
      await rebuilt?.flush();
      expect(await views.checkpoint(VIEWS)).toBe(last);
    };

    test('case 23: is what a fresh fold makes of any history, in batches of whatever size', async () => {
      let run = 0;
      let takeovers = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(steps, { minLength: 20, maxLength: 40 }),
          fc.constantFrom(1, 3, 1_000),
          fc.constantFrom(1, 8, 50_000),
          async (course, batchSize, remembered) => {
            run += 1;
            stage.clock.at = plus(stage.clock.at, 20 * DAY_MS);
            await new Course(stage, `v${run}-`).play([
              { kind: 'write', customer: 0, agoMs: 0, text: 'hello' },
              ...course,
            ]);
            await stage.project();
            const schema = `fresh_${run}`;
            // Written batch by batch; gathered, and written at each batch, now and then, and once.
            for (const gathered of [undefined, 1, 12, 1_000_000]) {
              await folded(schema, batchSize, remembered, gathered);
              for (const table of tables)
                expect({ gathered, table, rows: await rowsIn(schema, table) }).toEqual({
                  gathered,
                  table,
                  rows: await rowsIn(LIVE_VIEWS, table),
                });
              takeovers = (await rowsIn(schema, 'customers')).filter((row) => row.includes('survivor')).length;
              await stage.database.query(`drop schema ${schema} cascade`);
            }
          },
        ),
        { numRuns: 12 },
      );
      expect(takeovers).toBeGreaterThan(0);
    });

    test('a rebuild, interrupted and taken up, puts the same rows in the place of the live ones', async () => {
      const { database, store } = stage;
      await stage.project();
      const before = await Promise.all(tables.map((table) => rowsIn(LIVE_VIEWS, table)));
      const tablesOf = (batchSize: number, applied: () => void = () => undefined): Rebuild => {
        const views = new RebuiltViews(database, REBUILT_VIEWS, 15);
        return {
          categories: viewCategories,
          batchSize,
          prepare: () => prepareRebuild(database),
          checkpoint: () => views.checkpoint(VIEWS),
          follow: async (signal, advanced) => {
            await new Project(store, views, (_, recordedAt, events) => {
              applied();
              advanced(recordedAt, events);
            }).follow(signal, batchSize);
            await views.flush();
          },
          index: () => indexRebuild(database),
          putInPlace: () => putInPlace(database),
        };
      };
      const interrupt = new AbortController();
      let batches = 0;
      const first = tablesOf(20, () => void ((batches += 1) === 3 && interrupt.abort()));
      expect(await rebuild(store, first, interrupt.signal, () => undefined)).toMatchObject({ isDone: false });
      expect(await Promise.all(tables.map((table) => rowsIn(LIVE_VIEWS, table)))).toEqual(before);
      const done = await rebuild(store, tablesOf(50), new AbortController().signal, () => undefined);
      expect(done.isDone).toBe(true);
      // It took up where the first one stopped.
      expect(done.events).toBeLessThan(await store.gap(undefined, viewCategories, 100_000));
      for (const [index, table] of tables.entries()) {
        const rows = await rowsIn(LIVE_VIEWS, table);
        expect({ table, rows }).toEqual({ table, rows: before[index] });
        expect([table, rows.length > 0]).toEqual([table, true]);
      }
      // The next events go into the new tables.
      await new Course(stage, 'next-').play([{ kind: 'write', customer: 0, agoMs: 0, text: 'hello' }]);
      await stage.project();
      expect(await rowsIn(LIVE_VIEWS, 'customers')).toHaveLength((before[0]?.length ?? 0) + 1);
    });
  });
};
