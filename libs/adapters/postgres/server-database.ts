import { Pool, types, type PoolClient, type PoolConfig, type QueryConfig } from 'pg';
import { InfrastructureError } from '#application/errors';
import { Database, plannerSettings, type Parameter, type Queryable, type Transaction } from './database.js';
import { CopyIn } from './copy-in.js';
import { driverFailure, isUnavailable } from './failures.js';
import { ServerNotices } from './server-notices.js';

const INT8 = 20;
const JSON_TEXT = 114;

/**
 * Statements that each connection keeps as the server has parsed and planned them: that costs as much as to run one for
 * a few rows. Ours are constants; those with a report's filters are few.
 */
const MAX_PREPARED = 500;

/** Scripts make and move tables, which may be large: they say themselves how long the server may take. */
const SCRIPT_TIMEOUT_MS = 6 * 3_600_000;

const typeParsers = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    if (oid === INT8) return Number;
    if (oid === JSON_TEXT) return String;
    return format === 'binary' ? types.getTypeParser(oid, format) : types.getTypeParser(oid, 'text');
  },
};

export interface ServerOptions {
  /** Connections at most, beside the one that listens. */
  readonly connections?: number;
}

const answered = async <Result>(call: Promise<Result>): Promise<Result> => {
  try {
    return await call;
  } catch (error) {
    throw driverFailure(error);
  }
};

const names = new Map<string, string>();
let named = 0;

/** Undefined where there are too many already. */
const nameOf = (sql: string): string | undefined => {
  const known = names.get(sql);
  if (known !== undefined || names.size >= MAX_PREPARED) return known;
  named += 1;
  const name = `tidegate_${named}`;
  names.set(sql, name);
  return name;
};

/** A rebuild of another version put a table with other columns in the place of the one that was read (feature_not_supported). */
const isStale = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '0A000' && error.message.startsWith('cached plan');

const queryable = (client: Pool | PoolClient): Queryable => ({
  async query<Row>(sql: string, parameters: readonly Parameter[] = []) {
    const name = parameters.length === 0 ? undefined : nameOf(sql);
    const statement = { text: sql, values: [...parameters] };
    try {
      const { rows } = await client.query(name === undefined ? statement : { name, ...statement });
      return rows as readonly Row[];
    } catch (error) {
      if (name === undefined || !isStale(error)) throw driverFailure(error);
      // From now on under another name, which has to be parsed; a transaction is lost.
      if (names.get(sql) === name) names.delete(sql);
      if (!(client instanceof Pool)) throw driverFailure(error);
      const { rows } = await answered(client.query(statement));
      return rows as readonly Row[];
    }
  },
  async script(sql: string) {
    const script: QueryConfig & { readonly query_timeout: number } = { text: sql, query_timeout: SCRIPT_TIMEOUT_MS };
    await answered(client.query(script));
  },
});

/** A Postgres server, reached through a pool of connections. */
export class ServerDatabase extends Database {
  readonly #pool: Pool;
  readonly #notices: ServerNotices;
  readonly #queryable: Queryable;
  #closed = false;

  constructor(url: string, options: ServerOptions = {}) {
    super();
    const config: PoolConfig = {
      connectionString: url,
      application_name: 'tidegate',
      types: typeParsers,
      options: Object.entries(plannerSettings)
        .map(([name, value]) => `-c ${name}=${value}`)
        .join(' '),
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
      // The server gives up before we do, so that a statement we gave up on rarely commits behind our back.
      statement_timeout: 30_000,
      idle_in_transaction_session_timeout: 30_000,
      query_timeout: 35_000,
    };
    this.#pool = new Pool({ ...config, max: options.connections ?? 10 });
    // An idle connection that breaks is replaced at the next use; without a listener it would end the process.
    this.#pool.on('error', () => {});
    this.#queryable = queryable(this.#pool);
    this.#notices = new ServerNotices(config, this.#queryable);
  }

  async query<Row>(sql: string, parameters?: readonly Parameter[]): Promise<readonly Row[]> {
    this.#checkOpen();
    return await this.#queryable.query<Row>(sql, parameters);
  }

  async script(sql: string): Promise<void> {
    this.#checkOpen();
    await this.#queryable.script(sql);
  }

  async transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    this.#checkOpen();
    const client = await answered(this.#pool.connect());
    // A connection that breaks between two statements says so by an event as well as by the next statement.
    const broken = (): void => {};
    client.on('error', broken);
    const transaction: Transaction = {
      ...queryable(client),
      copy: async (tables) => {
        if (tables.length === 0) return;
        const copy = new CopyIn(tables);
        client.query(copy);
        await answered(copy.done);
      },
    };
    let unusable: Error | undefined;
    try {
      await transaction.query('begin');
      const result = await work(transaction);
      await transaction.query('commit');
      return result;
    } catch (error) {
      // The server rolls back by itself when the connection is gone.
      const lost = isUnavailable(error) ? error : await transaction.query('rollback').catch(() => error);
      unusable = lost instanceof Error ? lost : undefined;
      throw error;
    } finally {
      client.off('error', broken);
      client.release(unusable);
    }
  }

  listen(channel: string, heard: (payload: string | undefined) => void): () => void {
    return this.#notices.listen(channel, heard);
  }

  notify(channel: string, payload: string): void {
    if (!this.#closed) this.#notices.notify(channel, payload);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#notices.close();
    await this.#pool.end();
  }

  #checkOpen(): void {
    if (this.#closed) throw new InfrastructureError('database-unavailable', 'The database was closed.');
  }
}
