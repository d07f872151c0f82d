import { EventEmitter } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PGlite, type PGliteOptions, type Transaction as LiteTransaction } from '@electric-sql/pglite';
import { InfrastructureError } from '#application/errors';
import { Database, plannerSettings, type CopiedTable, type Parameter, type Transaction } from './database.js';
import { FolderLock } from './folder-lock.js';
import { makeFolder } from './new-folder.js';

const INT8 = 20;
const JSON_TEXT = 114;
const parsers = { [INT8]: Number, [JSON_TEXT]: String };
const planner = Object.entries(plannerSettings)
  .map(([name, value]) => `set ${name} = ${value};`)
  .join(' ');
/** By default PGlite sets 128 MB of the process's memory aside; the pages are in the system's cache anyway. */
const configuration = ['shared_buffers=32MB'];
const VACUUM_EVERY_MS = 10 * 60_000;

const started = async (options: PGliteOptions): Promise<PGlite> => {
  const lite = await PGlite.create({ ...options, parsers, postgresqlconf: configuration });
  await lite.exec(planner);
  return lite;
};

const queryable = (lite: PGlite | LiteTransaction): Transaction => ({
  async query<Row>(sql: string, parameters: readonly Parameter[] = []) {
    const { rows } = await lite.query<Row>(sql, [...parameters]);
    return rows;
  },
  async script(sql: string) {
    await lite.exec(sql);
  },
  async copy(tables: readonly CopiedTable[]) {
    for (const { into, rows } of tables)
      await lite.query(`copy ${into} from '/dev/blob'`, [], { blob: new Blob([rows]) });
  },
});

/**
 * Postgres within this process, in a folder. One connection: transactions run one after the other.
 * A commit survives the death of the process, but not always a power cut: PGlite never calls fsync.
 */
export class PgliteDatabase extends Database {
  readonly #lite: PGlite;
  readonly #lock: FolderLock | undefined;
  readonly #queryable: Transaction;
  readonly #notices = new EventEmitter().setMaxListeners(0);
  readonly #vacuuming: NodeJS.Timeout;

  private constructor(lite: PGlite, lock?: FolderLock) {
    super();
    this.#lite = lite;
    this.#lock = lock;
    this.#queryable = queryable(lite);
    this.#vacuuming = setInterval(() => void this.vacuum().catch(() => {}), VACUUM_EVERY_MS).unref();
  }

  /** @throws InfrastructureError `database-locked` while another process has it, `store-corrupt` when it does not open */
  static async open(folder: string): Promise<PgliteDatabase> {
    await mkdir(dirname(folder), { recursive: true });
    const lock = await FolderLock.take(`${folder}.lock`);
    try {
      await makeFolder(folder, configuration);
      return new PgliteDatabase(await started({ dataDir: folder }), lock);
    } catch (cause) {
      await lock.release();
      throw new InfrastructureError(
        'store-corrupt',
        `The database in ${folder} does not open. Restore the folder from a backup, or start with an empty one.`,
        { cause },
      );
    }
  }

  /** Gone with the process: for tests. @param template a data folder of PGlite to start with, as a tar */
  static async inMemory(template?: Blob): Promise<PgliteDatabase> {
    return new PgliteDatabase(await started(template === undefined ? {} : { loadDataDir: template }));
  }

  async query<Row>(sql: string, parameters?: readonly Parameter[]): Promise<readonly Row[]> {
    await this.#turn();
    return await this.#queryable.query<Row>(sql, parameters);
  }

  async script(sql: string): Promise<void> {
    await this.#turn();
    await this.#queryable.script(sql);
  }

  async transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    await this.#turn();
    return await this.#lite.transaction((transaction) => work(queryable(transaction)));
  }

  listen(channel: string, heard: (payload: string | undefined) => void): () => void {
    this.#notices.on(channel, heard);
    return () => void this.#notices.off(channel, heard);
  }

  /** There is no other process to tell. */
  notify(channel: string, payload: string): void {
    this.#notices.emit(channel, payload);
  }

  async close(): Promise<void> {
    if (this.#lite.closed) return;
    clearInterval(this.#vacuuming);
    await this.#lite.close();
    await this.#lock?.release();
  }

  /**
   * PGlite has no autovacuum: without this, the space of replaced and deleted rows would never be used again, and the
   * planner would know nothing of the tables. A small sample keeps the pauses short.
   */
  async vacuum(): Promise<void> {
    const tables = await this.query<{ name: string }>(
      `select format('%I.%I', schemaname, relname) as name from pg_stat_user_tables where schemaname like 'tidegate%'`,
    );
    await this.script('set default_statistics_target = 10');
    // One at a time, so that the work of the gate goes on in between.
    for (const { name } of tables) await this.script(`vacuum (analyze) ${name}`);
  }

  /**
   * PGlite works within our own turn and answers by promises alone: under load one statement would follow the other for
   * seconds, and no timer, no request and no signal would be heard. So each waits for the next turn of the event loop.
   */
  async #turn(): Promise<void> {
    this.#checkUsable();
    await nextTurn();
    this.#checkUsable();
  }

  #checkUsable(): void {
    if (this.#lite.closed) throw new InfrastructureError('database-unavailable', 'The database was closed.');
    if (this.#lock?.lost === true)
      throw new InfrastructureError('database-locked', 'The lock of the data folder was taken from this process.');
  }
}
