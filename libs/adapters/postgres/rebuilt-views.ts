import { customerId, intentKeyId } from '#application/keys';
import type { Position } from '#application/ports/event-store';
import {
  ProjectionStore,
  type AccountRow,
  type CustomerKey,
  type CustomerRow,
  type DecisionRow,
  type IntentKey,
  type ProjectionChanges,
  type TemplateRow,
} from '#application/ports/read-model';
import type { Database } from './database.js';
import { GatheredChanges } from './gathered-changes.js';
import { PostgresProjectionStore } from './postgres-projection-store.js';
import { REBUILT_VIEWS } from './view-rebuild.js';
import { WriteBehind } from './write-behind.js';

/** Rows of so many changes are written at once: about a kilobyte each, and there are two of these. */
const GATHERED = 30_000;

/**
 * The read model as a rebuild fills it: changes of many batches are gathered, so that a row is written once where it
 * changed many times, and those of which none can be stored are copied. What is gathered is read as if it were stored.
 */
export class RebuiltViews extends ProjectionStore {
  readonly #tables: PostgresProjectionStore;
  readonly #behind: WriteBehind<Position, ProjectionChanges, GatheredChanges>;
  #projection = '';

  constructor(database: Database, schema: string = REBUILT_VIEWS, atOnce = GATHERED) {
    super();
    this.#tables = new PostgresProjectionStore(database, schema);
    this.#behind = new WriteBehind(
      (from) => new GatheredChanges(from),
      async (part) => {
        if (part.to !== undefined) await this.#tables.apply(this.#projection, part.from, part.to, part.all());
      },
      atOnce,
    );
  }

  checkpoint(projection: string): Promise<Position | undefined> {
    return this.#tables.checkpoint(projection);
  }

  /** As of the last changes, like all reads. */
  async customers(keys: readonly CustomerKey[]): Promise<readonly CustomerRow[]> {
    return await this.#known(
      keys,
      (changes, key) => changes.customers.get(customerId(key)),
      (missing) => this.#tables.customers(missing),
    );
  }

  async decisions(keys: readonly IntentKey[]): Promise<readonly DecisionRow[]> {
    // What moves at the end of a write is read once it has.
    await this.#behind.stored((part) => keys.some((key) => part.moves(key)));
    return await this.#known(
      keys,
      (changes, key) => changes.decisions.get(intentKeyId(key)),
      (missing) => this.#tables.decisions(missing),
    );
  }

  async accounts(): Promise<readonly AccountRow[]> {
    return await this.#tables.accounts();
  }

  async templates(): Promise<readonly TemplateRow[]> {
    return await this.#tables.templates();
  }

  async apply(projection: string, from: Position | undefined, to: Position, changes: ProjectionChanges): Promise<void> {
    this.#projection = projection;
    await this.#behind.apply(from, to, changes);
  }

  /** Writes all that was gathered. */
  async flush(): Promise<void> {
    await this.#behind.flush();
  }

  async moveCheckpoint(name: string, from: Position | undefined, to: Position): Promise<void> {
    await this.#tables.moveCheckpoint(name, from, to);
  }

  async #known<Key, Row>(
    keys: readonly Key[],
    rowOf: (changes: GatheredChanges, key: Key) => Row | undefined,
    read: (missing: readonly Key[]) => Promise<readonly Row[]>,
  ): Promise<readonly Row[]> {
    const { parts } = this.#behind;
    const rows: Row[] = [];
    const missing: Key[] = [];
    for (const key of keys) {
      let row: Row | undefined;
      for (const part of parts) row ??= rowOf(part, key);
      if (row === undefined) missing.push(key);
      else rows.push(row);
    }
    return missing.length === 0 ? rows : [...rows, ...(await read(missing))];
  }
}
