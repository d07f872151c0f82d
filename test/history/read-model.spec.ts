import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { migrate } from '#adapters/postgres/migrate';
import { PostgresProjectionStore } from '#adapters/postgres/postgres-projection-store';
import { LIVE_VIEWS, viewSchema } from '#adapters/postgres/view-schema';
import { Project, segmentsOf, VIEWS, viewCategories } from '#application/project';
import { plus, DAY_MS } from '#domain/time';
import { openStage, type Stage } from '../gate/stage.js';
import { Course, steps } from './course.js';

const tables = ['customers', 'decisions', 'facts', 'wakes', 'active_users', 'active_months', 'accounts', 'templates'];

describe('the read model', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
  });
  afterAll(() => stage.close());

  const rowsIn = async (schema: string, table: string): Promise<readonly string[]> =>
    (await stage.database.query<object>(`select * from ${schema}.${table}`))
      .map((row) => JSON.stringify(row))
      .toSorted();

  /** Folds the whole log into tables of their own. */
  const folded = async (schema: string, batchSize: number): Promise<void> => {
    await migrate(stage.database, viewSchema(schema));
    const views = new PostgresProjectionStore(stage.database, schema);
    const project = new Project(stage.store, views);
    const end = new AbortController();
    let checkpoint: number | undefined;
    const options = { name: schema, after: undefined, categories: viewCategories, batchSize, signal: end.signal };
    for await (const { events, caughtUp } of stage.store.subscribe(options)) {
      for (const segment of events.length === 0 ? [] : segmentsOf(events)) {
        const to = segment.at(-1)?.position ?? 0;
        await views.apply(VIEWS, checkpoint, to, await project.changes(segment));
        checkpoint = to;
      }
      if (caughtUp) end.abort();
    }
  };

  test('case 23: is what a fresh fold makes of any history, in batches of whatever size', async () => {
    let run = 0;
    let takeovers = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(steps, { minLength: 20, maxLength: 40 }),
        fc.constantFrom(1, 3, 1_000),
        async (course, batchSize) => {
          run += 1;
          stage.clock.at = plus(stage.clock.at, 20 * DAY_MS);
          await new Course(stage, `v${run}-`).play([
            { kind: 'write', customer: 0, agoMs: 0, text: 'hello' },
            ...course,
          ]);
          await stage.project();
          const schema = `fresh_${run}`;
          await folded(schema, batchSize);
          for (const table of tables)
            expect({ table, rows: await rowsIn(schema, table) }).toEqual({
              table,
              rows: await rowsIn(LIVE_VIEWS, table),
            });
          takeovers = (await rowsIn(schema, 'customers')).filter((row) => row.includes('survivor')).length;
          await stage.database.query(`drop schema ${schema} cascade`);
        },
      ),
      { numRuns: 12 },
    );
    expect(takeovers).toBeGreaterThan(3);
  });
});
