import { resolve } from 'node:path';
import { analyticsSchema, LIVE_ANALYTICS } from './analytics-schema.js';
import { Database, type Parameter, type Transaction } from './database.js';
import { eventSchema } from './event-schema.js';
import { queueSchema } from './queue-schema.js';
import { migrate } from './migrate.js';
import { parkingSchema } from './parking-schema.js';
import { accessSchema } from './postgres-api-keys.js';
import { PgliteDatabase } from './pglite-database.js';
import { prepareReports } from './reports.js';
import { ServerDatabase } from './server-database.js';
import { LIVE_VIEWS, viewSchema } from './view-schema.js';

interface Opened {
  readonly database: Promise<Database>;
  users: number;
}

/** One instance per database and process: PGlite allows no second one, and a server should not see our parts as strangers. */
const opened = new Map<string, Opened>();
const closing = new Map<string, Promise<void>>();

const LITE = 'pglite://';
const isServer = (url: string): boolean => /^postgres(ql)?:\/\//.test(url);

const folderOf = (url: string): string =>
  resolve(url.startsWith(LITE) ? decodeURIComponent(url.slice(LITE.length)) : url);

/** Brings the tables of all ports up to date. */
export const prepare = async (database: Database): Promise<void> => {
  await migrate(database, eventSchema);
  await migrate(database, queueSchema);
  await migrate(database, viewSchema(LIVE_VIEWS));
  await migrate(database, analyticsSchema(LIVE_ANALYTICS));
  await migrate(database, parkingSchema);
  await migrate(database, accessSchema);
  await prepareReports(database);
};

const open = async (name: string): Promise<Database> => {
  // The folder's lock is still held until then.
  await closing.get(name);
  const database = isServer(name) ? new ServerDatabase(name) : await PgliteDatabase.open(name);
  try {
    await prepare(database);
    // Whoever was a member of a group in this folder died with the process that held it.
    if (database instanceof PgliteDatabase) await database.query('delete from tidegate_queue.members');
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
};

/**
 * @param url `postgres://…`, `pglite:///absolute/folder`, or the path of a folder
 * @returns the database with its tables up to date; it is closed when all who opened it in this process have closed it
 * @throws InfrastructureError `database-locked`, `database-unavailable`, `config-invalid`, `store-corrupt`
 */
export const openDatabase = async (url: string): Promise<Database> => {
  const name = isServer(url) ? url : folderOf(url);
  const entry = opened.get(name) ?? { database: open(name), users: 0 };
  opened.set(name, entry);
  entry.users += 1;
  const close = async (): Promise<void> => {
    entry.users -= 1;
    if (entry.users > 0) return;
    opened.delete(name);
    const closed = entry.database.then((database) => database.close());
    closing.set(name, closed);
    await closed;
    closing.delete(name);
  };
  try {
    return new SharedDatabase(await entry.database, close);
  } catch (error) {
    opened.delete(name);
    throw error;
  }
};

class SharedDatabase extends Database {
  #closed: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly release: () => Promise<void>,
  ) {
    super();
  }

  query<Row>(sql: string, parameters?: readonly Parameter[]): Promise<readonly Row[]> {
    return this.database.query<Row>(sql, parameters);
  }

  script(sql: string): Promise<void> {
    return this.database.script(sql);
  }

  transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    return this.database.transaction(work);
  }

  listen(channel: string, heard: (payload: string | undefined) => void): () => void {
    return this.database.listen(channel, heard);
  }

  notify(channel: string, payload: string): void {
    this.database.notify(channel, payload);
  }

  close(): Promise<void> {
    this.#closed ??= this.release();
    return this.#closed;
  }
}
