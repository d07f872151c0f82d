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

/** Rows of so many changes are written at once: about a kilobyte each, and there are two of these. */
const GATHERED = 30_000;

/**
 * The read model as a rebuild fills it: changes of many batches are gathered, so that a row is written once where it
 * changed many times, and those of which none can be stored are copied. The checkpoint moves with what is written, never
 * with what is gathered: a process that dies has lost folding. While one part is written the next one is gathered.
 */
export class RebuiltViews extends ProjectionStore {
  readonly #tables: PostgresProjectionStore;
  #gathered: GatheredChanges | undefined;
  #written: GatheredChanges | undefined;
  #writing: Promise<void> = Promise.resolve();
  #projection = '';

  constructor(
    database: Database,
    schema: string = REBUILT_VIEWS,
    private readonly atOnce = GATHERED,
  ) {
    super();
    this.#tables = new PostgresProjectionStore(database, schema);
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
    if (keys.some((key) => this.#gathered?.moves(key) === true)) await this.#write();
    // What moves at the end of a write is read once it has.
    if (keys.some((key) => this.#written?.moves(key) === true)) await this.#standing();
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
    if (this.#gathered?.canTake(changes) === false) await this.#write();
    this.#gathered ??= new GatheredChanges(from);
    this.#gathered.take(to, changes);
    if (this.#gathered.weight >= this.atOnce) await this.#write();
  }

  /** Writes all that was gathered. */
  async flush(): Promise<void> {
    await this.#write();
    await this.#standing();
  }

  async moveCheckpoint(name: string, from: Position | undefined, to: Position): Promise<void> {
    await this.#tables.moveCheckpoint(name, from, to);
  }

  async #known<Key, Row>(
    keys: readonly Key[],
    rowOf: (changes: GatheredChanges, key: Key) => Row | undefined,
    read: (missing: readonly Key[]) => Promise<readonly Row[]>,
  ): Promise<readonly Row[]> {
    const rows: Row[] = [];
    const missing: Key[] = [];
    for (const key of keys) {
      const row = (this.#gathered && rowOf(this.#gathered, key)) ?? (this.#written && rowOf(this.#written, key));
      if (row === undefined) missing.push(key);
      else rows.push(row);
    }
    return missing.length === 0 ? rows : [...rows, ...(await read(missing))];
  }

  /** Once nothing is being written. @throws what the last write failed with */
  async #standing(): Promise<void> {
    await this.#writing;
    this.#written = undefined;
  }

  /** Begins to write what was gathered, after what is being written. */
  async #write(): Promise<void> {
    await this.#standing();
    const changes = this.#gathered;
    if (changes === undefined) return;
    this.#gathered = undefined;
    this.#written = changes;
    this.#writing = this.#put(changes);
    // Observed before the next write; a failure meanwhile is not unhandled.
    this.#writing.catch(() => {});
  }

  async #put(changes: GatheredChanges): Promise<void> {
    const { from, to } = changes;
    if (to === undefined) return;
    await this.#tables.apply(this.#projection, from, to, changes.all());
  }
}
