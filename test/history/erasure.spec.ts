import { afterAll, beforeAll, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { migrate } from '#adapters/postgres/migrate';
import { PostgresProjectionStore } from '#adapters/postgres/postgres-projection-store';
import { PostgresReadModel } from '#adapters/postgres/postgres-read-model';
import { viewSchema } from '#adapters/postgres/view-schema';
import { Customers } from '#application/customers';
import { DecideIntents } from '#application/decide-intents';
import { Directory } from '#application/directory';
import type { EventStore, RecordedEvent } from '#application/ports/event-store';
import { Project, segmentsOf, VIEWS, viewCategories } from '#application/project';
import { HOUR_MS, plus, DAY_MS } from '#domain/time';
import { ACCOUNT, intent, openStage, T0, wrote, type Stage } from '../gate/stage.js';
import { Course, steps } from './course.js';
import { EditedStore } from './edited-store.js';

let stage: Stage;
let schemas = 0;
beforeAll(async () => {
  stage = await openStage();
  await stage.registerAccount();
});
afterAll(() => stage.close());

/** What is left of an event once its customer's key is destroyed: what identifies or quotes a person is unreadable. */
const erased = (recorded: RecordedEvent): RecordedEvent => {
  const { event } = recorded;
  if (!('personal' in event)) return recorded;
  const { personal: _, ...rest } = event;
  // A decision has its field always: nobody's.
  return { ...recorded, event: 'intent' in rest ? { ...rest, personal: { to: {} } } : rest } as RecordedEvent;
};
const isGone = (events: readonly RecordedEvent[]): readonly RecordedEvent[] => events.map(erased);

/** Rows of a table of the read model, folded anew from a log. */
const folded = async (
  store: EventStore,
  tables: readonly string[],
): Promise<Readonly<Record<string, readonly string[]>>> => {
  const schema = `erasure_${(schemas += 1)}`;
  await migrate(stage.database, viewSchema(schema));
  const views = new PostgresProjectionStore(stage.database, schema);
  const project = new Project(store, views);
  const end = new AbortController();
  let checkpoint: number | undefined;
  const options = { name: schema, after: undefined, categories: viewCategories, batchSize: 1_000, signal: end.signal };
  for await (const { events, caughtUp } of store.subscribe(options)) {
    for (const segment of events.length === 0 ? [] : segmentsOf(events)) {
      const to = segment.at(-1)?.position ?? 0;
      await views.apply(VIEWS, checkpoint, to, await project.changes(segment));
      checkpoint = to;
    }
    if (caughtUp) end.abort();
  }
  const rows: Record<string, readonly string[]> = {};
  for (const table of tables)
    rows[table] = (await stage.database.query<object>(`select * from ${schema}.${table}`))
      // What an open intent says is in its state.
      .map((row) =>
        JSON.stringify({ ...row, state: table === 'open_intents' ? undefined : 'state' in row && row.state }),
      )
      .toSorted();
  await stage.database.query(`drop schema ${schema} cascade`);
  return rows;
};

/** The gate then knows customers by the log alone. */
class NothingProjected extends PostgresReadModel {
  override customers = async (): Promise<readonly never[]> => [];
  override decisions = async (): Promise<readonly never[]> => [];
}

test('case 41: with all that is personal gone from the log, decisions, sums, templates and accounts come out the same', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 20, maxLength: 40 }), async (course) => {
      run += 1;
      stage.clock.at = plus(stage.clock.at, 20 * DAY_MS);
      await new Course(stage, `e${run}-`).play([{ kind: 'write', customer: 0, agoMs: 0, text: 'hello' }, ...course]);
      const tables = ['decisions', 'facts', 'open_intents', 'active_users', 'active_months', 'accounts', 'templates'];
      expect(await folded(new EditedStore(stage.store, isGone), tables)).toEqual(await folded(stage.store, tables));
    }),
    { numRuns: 8 },
  );
});

test('case 41: an opt-out, said in words that are gone, holds for whoever is known by the same id', async () => {
  stage.clock.at = T0;
  const customer = 'erased';
  await stage.recorder().run([wrote(customer, 'm1', T0, 'hello'), wrote(customer, 'm2', plus(T0, HOUR_MS), 'STOP')]);
  const log = new EditedStore(stage.store, isGone);
  const [left = []] = await log.readStreams([{ stream: `customer-${ACCOUNT}.${customer}`, fromRevision: 0 }]);
  expect(left.map(({ event }) => event.type)).toContain('CustomerOptedOut');
  expect(JSON.stringify(left)).not.toMatch(/hello|STOP/);
  const nothing = new NothingProjected(stage.database);
  const directory = new Directory(log, stage.readModel);
  await directory.refreshAccounts([ACCOUNT]);
  stage.clock.at = plus(T0, 2 * HOUR_MS);
  const dispatcher = new DecideIntents(new Customers(log, nothing), directory, nothing, stage.clock);
  await dispatcher.run([intent(customer, 'after')]);
  expect((await stage.events(customer)).at(-1)?.event).toMatchObject({ type: 'SendRefused', reason: 'opted-out' });
});
