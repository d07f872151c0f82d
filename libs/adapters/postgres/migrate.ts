import type { Database } from './database.js';

/** A Postgres schema that one part of the adapter owns. */
export interface Schema {
  readonly name: string;
  /** In order, each applied once, the schema first in the search path. Never changed once released: add another one. */
  readonly scripts: readonly string[];
}

/** Brings the schema up to date. Any number of processes may do so at once. */
export const migrate = (database: Database, { name, scripts }: Schema): Promise<void> =>
  database.transaction(async (transaction) => {
    await transaction.query(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, [`${name} migrations`]);
    await transaction.script(`
      create schema if not exists ${name};
      set local search_path to ${name};
      create table if not exists applied_scripts (number int primary key);`);
    const applied = await transaction.query<{ number: number }>('select number from applied_scripts');
    const known = new Set(applied.map(({ number }) => number));
    for (const [index, script] of scripts.entries()) {
      if (known.has(index + 1)) continue;
      await transaction.script(script);
      await transaction.query('insert into applied_scripts values ($1)', [index + 1]);
    }
  });
