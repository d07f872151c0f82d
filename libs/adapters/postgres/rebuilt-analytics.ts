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

/** Rows of so many changes are written at once: about half a kilobyte each, and there are two of these. */
const GATHERED = 30_000;

/**
 * Analytics as a rebuild fills it: changes of many batches are gathered, so that a row is written once where it changed
 * many times. The checkpoint moves with what is written, never with what is gathered: a process that dies has lost
 * folding. While one part is written the next one is gathered. Who reads rows that are not written waits until they are.
 */
export class RebuiltAnalytics extends AnalyticsStore {
  readonly #tables: PostgresAnalyticsStore;
  #gathered: GatheredAnalytics | undefined;
  #written: GatheredAnalytics | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    database: Database,
    schema: string = REBUILT_ANALYTICS,
    private readonly atOnce = GATHERED,
  ) {
    super();
    this.#tables = new PostgresAnalyticsStore(database, schema);
  }

  checkpoint(): Promise<AnalyticsCheckpoint | undefined> {
    return this.#tables.checkpoint();
  }

  accounts(): Promise<readonly AccountState[]> {
    return this.#tables.accounts();
  }

  async sessions(spans: readonly SessionSpan[]): Promise<readonly SessionRow[]> {
    await this.#standing((part) => part.concerns(spans));
    return await this.#tables.sessions(spans);
  }

  async users(keys: readonly (MonthKey & CustomerKey)[]): Promise<readonly ActiveUserRow[]> {
    await this.#standing((part) => part.concerns(keys));
    return await this.#tables.users(keys);
  }

  async usersOf(customers: readonly CustomerKey[]): Promise<readonly ActiveUserRow[]> {
    await this.#standing((part) => part.concerns(customers));
    return await this.#tables.usersOf(customers);
  }

  async months(keys: readonly MonthKey[]): Promise<readonly MonthRow[]> {
    await this.#standing((part) => part.hasMonth(keys));
    return await this.#tables.months(keys);
  }

  async authorised(keys: readonly IntentKey[]): Promise<readonly DecidedRow[]> {
    await this.#standing((part) => part.concerns(keys));
    return await this.#tables.authorised(keys);
  }

  async apply(from: Position | undefined, to: AnalyticsCheckpoint, changes: AnalyticsChanges): Promise<void> {
    if (this.#gathered?.canTake(changes) === false) await this.#write();
    this.#gathered ??= new GatheredAnalytics(from);
    this.#gathered.take(to, changes);
    if (this.#gathered.weight >= this.atOnce) await this.#write();
  }

  /** Writes all that was gathered. */
  async flush(): Promise<void> {
    await this.#write();
    await this.#writing;
  }

  /** Once what is asked for is written, if it is not. */
  async #standing(isAskedFor: (part: GatheredAnalytics) => boolean): Promise<void> {
    if (this.#gathered !== undefined && isAskedFor(this.#gathered)) await this.flush();
    else if (this.#written !== undefined && isAskedFor(this.#written)) await this.#writing;
  }

  /** Begins to write what was gathered, after what is being written. @throws what the last write failed with */
  async #write(): Promise<void> {
    await this.#writing;
    const changes = this.#gathered;
    if (changes?.to === undefined) return;
    this.#gathered = undefined;
    this.#written = changes;
    this.#writing = this.#put(changes.from, changes.to, changes);
    // Observed before the next write; a failure meanwhile is not unhandled.
    this.#writing.catch(() => {});
  }

  async #put(from: Position | undefined, to: AnalyticsCheckpoint, changes: GatheredAnalytics): Promise<void> {
    await this.#tables.apply(from, to, changes.all());
    this.#written = undefined;
  }
}
