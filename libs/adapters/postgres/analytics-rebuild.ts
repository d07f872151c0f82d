import { ANALYTICS_PUBLISHER } from '#application/analytics/publish-analytics';
import { analyticsSchema, LIVE_ANALYTICS } from './analytics-schema.js';
import type { Database } from './database.js';
import { makeIndexes, makeTables } from './migrate.js';
import { placeReports } from './reports.js';
import { LIVE_VIEWS } from './view-schema.js';

/** Where a rebuild puts its tables, with a checkpoint of its own, while the live ones are read and kept up. */
export const REBUILT_ANALYTICS = 'tidegate_analytics_next';
const OLD = 'tidegate_analytics_old';

/** Makes the tables of a rebuild; those of one that was interrupted go on from their checkpoint. */
export const prepareAnalyticsRebuild = (database: Database): Promise<void> =>
  makeTables(database, analyticsSchema(REBUILT_ANALYTICS));

/** The indexes that only readers need, once the tables are full. */
export const indexAnalyticsRebuild = (database: Database): Promise<void> =>
  makeIndexes(database, analyticsSchema(REBUILT_ANALYTICS));

/** Gives up what an interrupted rebuild has done. */
export const dropAnalyticsRebuild = (database: Database): Promise<void> =>
  database.script(`drop schema if exists ${REBUILT_ANALYTICS} cascade`);

/**
 * Puts the rebuilt tables in the place of the live ones, at once for all readers. The projector of the live ones then
 * finds its checkpoint taken, and goes on from the new one. All is told anew to the topics, and what is no more is told.
 */
export const putAnalyticsInPlace = (database: Database): Promise<void> =>
  database.transaction(async (transaction) => {
    await transaction.script(`
      lock table ${LIVE_ANALYTICS}.checkpoint in access exclusive mode;
      -- All of both tables: this once the planner may do as it likes.
      set local enable_hashjoin = on;
      set local enable_seqscan = on;
      set local statement_timeout = 0;
      insert into ${REBUILT_ANALYTICS}.removed_sessions (id, account, position)
        select told.id, told.account, c.position
        from (
          select id, account from ${LIVE_ANALYTICS}.sessions
          union all select id, account from ${LIVE_ANALYTICS}.removed_sessions
        ) told cross join ${REBUILT_ANALYTICS}.checkpoint c
        where not exists (select from ${REBUILT_ANALYTICS}.sessions s where s.id = told.id)
        on conflict (id) do nothing;
      delete from ${LIVE_VIEWS}.checkpoints where name = '${ANALYTICS_PUBLISHER}';
      alter schema ${LIVE_ANALYTICS} rename to ${OLD};
      alter schema ${REBUILT_ANALYTICS} rename to ${LIVE_ANALYTICS};`);
    await placeReports(transaction);
    await transaction.script(`drop schema ${OLD} cascade`);
  });
