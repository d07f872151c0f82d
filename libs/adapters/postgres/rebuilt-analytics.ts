import {
  AnalyticsStore,
  type ActiveUserRow,
  type AnalyticsChanges,
  type AnalyticsCheckpoint,
  type DecidedRow,
  type MonthKey,
  type MonthRow,
  type SessionRow,
  type SessionSpan,
} from '#application/ports/analytics';
import type { Position } from '#application/ports/event-store';
import type { CustomerKey, IntentKey } from '#application/ports/read-model';
import type { AccountState } from '#domain/account';
import { REBUILT_ANALYTICS } from './analytics-rebuild.js';
import type { Database } from './database.js';
import { GatheredAnalytics } from './gathered-analytics.js';
import { PostgresAnalyticsStore } from './postgres-analytics-store.js';
import { WriteBehind } from './write-behind.js';

/** Rows of so many changes are written at once: about half a kilobyte each, and there are two of these. */
const GATHERED = 30_000;

/**
 * Analytics as a rebuild fills it: changes of many batches are gathered, so that a row is written once where it changed
 * many times. Who reads rows that are not written waits until they are.
 */
export class RebuiltAnalytics extends AnalyticsStore {
  readonly #tables: PostgresAnalyticsStore;
  readonly #behind: WriteBehind<AnalyticsCheckpoint, AnalyticsChanges, GatheredAnalytics>;

  constructor(database: Database, schema: string = REBUILT_ANALYTICS, atOnce = GATHERED) {
    super();
    this.#tables = new PostgresAnalyticsStore(database, schema);
    this.#behind = new WriteBehind(
      (from) => new GatheredAnalytics(from),
      async (part) => {
        if (part.to !== undefined) await this.#tables.apply(part.from, part.to, part.all());
      },
      atOnce,
    );
  }

  checkpoint(): Promise<AnalyticsCheckpoint | undefined> {
    return this.#tables.checkpoint();
  }

  accounts(): Promise<readonly AccountState[]> {
    return this.#tables.accounts();
  }

  async sessions(spans: readonly SessionSpan[]): Promise<readonly SessionRow[]> {
    await this.#behind.stored((part) => part.concerns(spans));
    return await this.#tables.sessions(spans);
  }

  async users(keys: readonly (MonthKey & CustomerKey)[]): Promise<readonly ActiveUserRow[]> {
    await this.#behind.stored((part) => part.concerns(keys));
    return await this.#tables.users(keys);
  }

  async usersOf(customers: readonly CustomerKey[]): Promise<readonly ActiveUserRow[]> {
    await this.#behind.stored((part) => part.concerns(customers));
    return await this.#tables.usersOf(customers);
  }

  async months(keys: readonly MonthKey[]): Promise<readonly MonthRow[]> {
    await this.#behind.stored((part) => part.hasMonth(keys));
    return await this.#tables.months(keys);
  }

  async authorised(keys: readonly IntentKey[]): Promise<readonly DecidedRow[]> {
    await this.#behind.stored((part) => part.concerns(keys));
    return await this.#tables.authorised(keys);
  }

  async apply(from: Position | undefined, to: AnalyticsCheckpoint, changes: AnalyticsChanges): Promise<void> {
    await this.#behind.apply(from, to, changes);
  }

  /** Writes all that was gathered. */
  async flush(): Promise<void> {
    await this.#behind.flush();
  }
}
