import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { prepareAnalyticsRebuild, putAnalyticsInPlace } from './analytics-rebuild.js';
import { analyticsSchema, LIVE_ANALYTICS } from './analytics-schema.js';
import type { Database } from './database.js';
import { memoryDatabase } from './memory-database.js';
import { migrate } from './migrate.js';
import { prepareReports, REPORTS } from './reports.js';
import { LIVE_VIEWS, viewSchema } from './view-schema.js';

describe('views for SQL clients', () => {
  let database: Database;
  beforeEach(async () => {
    database = await memoryDatabase();
    await migrate(database, viewSchema(LIVE_VIEWS));
  });
  afterEach(() => database.close());

  /** Tables as they were before names compared by their bytes. */
  const madeBefore = async (): Promise<void> => {
    const { scripts, ...schema } = analyticsSchema(LIVE_ANALYTICS);
    await migrate(database, { ...schema, scripts: scripts.map((script) => script.replaceAll(' collate "C"', '')) });
    await prepareReports(database);
    await database.script(`create role analyst; grant select on ${REPORTS}.sessions to analyst`);
  };

  const rights = (): Promise<readonly unknown[]> =>
    database.query(
      `select grantee, table_name, privilege_type from information_schema.table_privileges
       where table_schema = '${REPORTS}' and grantee <> grantor`,
    );

  test('are replaced where their columns compare otherwise, and rights on them stay', async () => {
    await madeBefore();
    await prepareAnalyticsRebuild(database);
    await putAnalyticsInPlace(database);

    const collations = await database.query(
      `select distinct collation_name as name from information_schema.columns
       where table_schema = '${REPORTS}' and column_name = 'customer'`,
    );
    expect(collations).toEqual([{ name: 'C' }]);
    expect(await rights()).toEqual([{ grantee: 'analyst', table_name: 'sessions', privilege_type: 'SELECT' }]);
  });

  test('on which others made theirs are left as they are, and those are named', async () => {
    await madeBefore();
    await database.script(`create view of_acme as select * from ${REPORTS}.sessions where account = 'acme'`);
    await prepareAnalyticsRebuild(database);

    await expect(putAnalyticsInPlace(database)).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining(`view of_acme depends on view ${REPORTS}.sessions`),
    });
    expect(await database.query('select * from of_acme')).toEqual([]);
    expect(await rights()).toHaveLength(1);
  });
});
