import type { Database } from './database.js';
import { makeIndexes, makeTables } from './migrate.js';
import { LIVE_VIEWS, viewSchema } from './view-schema.js';

/** Where a rebuild puts its tables, with a checkpoint of its own, while the live ones are read and kept up. */
export const REBUILT_VIEWS = 'tidegate_views_next';

/**
 * Makes the tables of a rebuild; those of one that was interrupted go on from their checkpoint. Facts are not looked up
 * meanwhile, and their ids come in no order: their key is made at the end.
 */
export const prepareRebuild = async (database: Database): Promise<void> => {
  await makeTables(database, viewSchema(REBUILT_VIEWS));
  await database.transaction(async (transaction) => {
    const begun = await transaction.query(`select 1 from ${REBUILT_VIEWS}.checkpoints limit 1`);
    if (begun.length === 0) {
      await transaction.script(`alter table ${REBUILT_VIEWS}.facts drop constraint if exists ${FACTS_KEY}`);
    }
  });
};

const FACTS_KEY = 'facts_pkey';

/** The indexes that only readers need, once the tables are full. */
export const indexRebuild = async (database: Database): Promise<void> => {
  await database.transaction(async (transaction) => {
    const known = await transaction.query(
      `select 1 from pg_constraint where conname = $1 and conrelid = '${REBUILT_VIEWS}.facts'::regclass`,
      [FACTS_KEY],
    );
    if (known.length > 0) return;
    const key = `alter table ${REBUILT_VIEWS}.facts add constraint ${FACTS_KEY} primary key (id)`;
    await transaction.script(`
      set local statement_timeout = 0;
      do $$ begin
        ${key};
      exception when unique_violation then
        -- A fact counts once, however often the log has it.
        set local enable_hashjoin = on;
        delete from ${REBUILT_VIEWS}.facts a using ${REBUILT_VIEWS}.facts b where a.id = b.id and a.ctid > b.ctid;
        ${key};
      end $$;`);
  });
  await makeIndexes(database, viewSchema(REBUILT_VIEWS));
};

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
