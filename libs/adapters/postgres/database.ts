/** What a statement takes. Lists go as one text, a value a line (lines.ts). */
export type Parameter = string | number | null;

/**
 * Every statement of ours is meant to walk an index. Without statistics, as in a new table and in PGlite, the planner
 * would now and then rather read a whole table, for each batch.
 */
export const plannerSettings = {
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
} as const;

export interface Queryable {
  /**
   * Rows as the statement names their columns: int8 as a number, json and uuid as text.
   * @throws InfrastructureError `database-unavailable`; a mistake in the statement stays the driver's own error
   */
  query<Row>(sql: string, parameters?: readonly Parameter[]): Promise<readonly Row[]>;
  /** Several statements without parameters. */
  script(sql: string): Promise<void>;
}

export interface Transaction extends Queryable {
  /** Adds many rows at half of what an insert costs the server; all of them are new, or all fail. */
  copy(tables: readonly CopiedTable[]): Promise<void>;
}

export interface CopiedTable {
  /** The table and its columns, `t (a, b)`. */
  readonly into: string;
  /** As `copied` writes them (lines.ts). */
  readonly rows: string;
}

/** One Postgres database: PGlite in a folder, or a server. The statements are the same. */
export abstract class Database implements Queryable {
  abstract query<Row>(sql: string, parameters?: readonly Parameter[]): Promise<readonly Row[]>;
  abstract script(sql: string): Promise<void>;

  /** Commits when the work resolves, rolls back when it rejects. After `database-unavailable` it may have committed. */
  abstract transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;

  /**
   * Calls back soon after each `notify` on the channel by any process, and with no payload when notices may have been
   * missed. Only a wake-up: who listens looks from time to time anyway. Returns what ends it.
   */
  abstract listen(channel: string, heard: (payload: string | undefined) => void): () => void;

  /** Tells all listeners, after the commit. Never fails: a notice may get lost. */
  abstract notify(channel: string, payload: string): void;

  /** Waits for running statements. */
  abstract close(): Promise<void>;
}
