import type { Database } from './database.js';
import { makeIndexes, makeTables } from './migrate.js';
import { LIVE_VIEWS, viewSchema } from './view-schema.js';

/** Where a rebuild puts its tables, with a checkpoint of its own, while the live ones are read and kept up. */
export const REBUILT_VIEWS = 'tidegate_views_next';

/** Makes the tables of a rebuild; those of one that was interrupted go on from their checkpoint. */
export const prepareRebuild = (database: Database): Promise<void> => makeTables(database, viewSchema(REBUILT_VIEWS));

/** The indexes that only readers need, once the tables are full. */
export const indexRebuild = (database: Database): Promise<void> => makeIndexes(database, viewSchema(REBUILT_VIEWS));

/**
 * Puts the rebuilt tables in the place of the live ones, at once for all readers. A projector of the live ones then
 * finds its checkpoint taken, and goes on from the new one after its restart.
 */
export const putInPlace = (database: Database): Promise<void> =>
  database.transaction(async (transaction) => {
    await transaction.script(`
      lock table ${LIVE_VIEWS}.checkpoints in access exclusive mode;
      insert into ${REBUILT_VIEWS}.checkpoints select * from ${LIVE_VIEWS}.checkpoints where not owns_rows
        on conflict (name) do update set position = excluded.position;
      drop schema ${LIVE_VIEWS} cascade;
      alter schema ${REBUILT_VIEWS} rename to ${LIVE_VIEWS};`);
  });

/** Gives up what an interrupted rebuild has done. */
export const dropRebuild = (database: Database): Promise<void> =>
  database.script(`drop schema if exists ${REBUILT_VIEWS} cascade`);
