import type { Database } from './database.js';

/** A Postgres schema that one part of the adapter owns. */
export interface Schema {
  readonly name: string;
  /** In order, each applied once, the schema first in the search path. Never changed once released: add another one. */
  readonly scripts: readonly string[];
  /** Indexes that only readers need, applied once after the first script. Who fills the tables anew makes them last. */
  readonly indexes?: string | undefined;
}

/** Brings the schema up to date. Any number of processes may do so at once. */
export const migrate = async (database: Database, schema: Schema): Promise<void> => {
  await makeTables(database, schema);
  await makeIndexes(database, schema);
};

/** What there is to fill. */
export const makeTables = (database: Database, { name, scripts }: Schema): Promise<void> =>
  apply(
    database,
    name,
    scripts.map((script, index) => ({ number: index + 1, script })),
  );

/** What only readers need. On full tables it takes its time. */
export const makeIndexes = async (database: Database, { name, indexes }: Schema): Promise<void> => {
  if (indexes !== undefined) await apply(database, name, [{ number: 0, script: indexes }]);
};

const apply = (
  database: Database,
  name: string,
  scripts: readonly { readonly number: number; readonly script: string }[],
): Promise<void> =>
  database.transaction(async (transaction) => {
    await transaction.query(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, [`${name} migrations`]);
    await transaction.script(`
      create schema if not exists ${name};
      set local search_path to ${name};
      set local statement_timeout = 0;
      create table if not exists applied_scripts (number int primary key);`);
    const applied = await transaction.query<{ number: number }>('select number from applied_scripts');
    const known = new Set(applied.map(({ number }) => number));
    for (const { number, script } of scripts) {
      if (known.has(number)) continue;
      await transaction.script(script);
      await transaction.query('insert into applied_scripts values ($1)', [number]);
    }
  });
