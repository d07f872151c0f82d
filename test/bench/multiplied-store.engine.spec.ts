import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { rebuildOf } from '#apps/cli/commands/rebuild';
import { openDatabase } from '#adapters/postgres/open-database';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { CustomerIdentity } from '#application/customer-identity';
import { rebuild } from '#application/rebuild';
import { SystemClock } from '#platform/clock';
import { startPostgres, type PostgresServer } from '#testing/postgres';
import { multipliedStore } from './multiplied-store.js';

const identity = new CustomerIdentity(Buffer.from('7'.repeat(64), 'hex'));

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(() => server.stop());

test('the rows that Postgres multiplied are those that a rebuild folds from the events that it multiplied', async () => {
  const url = await server.createDatabase();
  await multipliedStore(url, identity, 3, 2);
  const database = await openDatabase(url);
  const store = new PostgresEventStore(database, new SystemClock());
  const rows = () =>
    Promise.all(
      ['customers', 'decisions', 'open_intents', 'active_users', 'active_months', 'facts', 'checkpoints'].map((table) =>
        database.query(`select to_json(t)::text as row from tidegate_views.${table} t order by 1`),
      ),
    );
  const multiplied = await rows();
  const { isDone } = await rebuild(store, rebuildOf('views', store, database), new AbortController().signal, () => {});
  const folded = await rows();
  await database.close();
  expect(isDone).toBe(true);
  expect(multiplied).toEqual(folded);
  expect(multiplied.map(({ length }) => length)).toEqual([4, 8, 0, 4, 1, 24, 1]);
}, 60_000);
