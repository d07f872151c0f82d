import type { Position } from '#application/ports/event-store';

/** Changes of consecutive batches as one. */
export interface Gathered<To, Changes> {
  /** Rows to write. */
  readonly weight: number;
  /** Whether they can be written with what is here. */
  canTake(changes: Changes): boolean;
  take(to: To, changes: Changes): void;
}

/**
 * Gathers changes and writes them in parts: while one part is written the next one is gathered. A process that dies has
 * lost what was gathered, so a checkpoint moves with what is written.
 */
export class WriteBehind<To, Changes, Part extends Gathered<To, Changes>> {
  #gathered: Part | undefined;
  #written: Part | undefined;
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param begin a part of what comes after a position
   * @param write stores a part
   * @param atOnce a part of so many rows is written
   */
  constructor(
    private readonly begin: (from: Position | undefined) => Part,
    private readonly write: (part: Part) => Promise<void>,
    private readonly atOnce: number,
  ) {}

  /** What may not be stored yet, the latest first. */
  get parts(): readonly Part[] {
    return [this.#gathered, this.#written].filter((part) => part !== undefined);
  }

  /** @throws what an earlier part could not be stored for */
  async apply(from: Position | undefined, to: To, changes: Changes): Promise<void> {
    if (this.#gathered?.canTake(changes) === false) await this.#write();
    this.#gathered ??= this.begin(from);
    this.#gathered.take(to, changes);
    if (this.#gathered.weight >= this.atOnce) await this.#write();
  }

  /** Once all is stored. @throws what it could not be stored for */
  async flush(): Promise<void> {
    await this.#write();
    await this.#writing;
  }

  /** Once those parts are stored of which it is true. @throws what they could not be stored for */
  async stored(isAskedFor: (part: Part) => boolean): Promise<void> {
    if (this.#gathered !== undefined && isAskedFor(this.#gathered)) await this.flush();
    else if (this.#written !== undefined && isAskedFor(this.#written)) await this.#writing;
  }

  /** Begins to write what was gathered, after what is being written. */
  async #write(): Promise<void> {
    await this.#writing;
    if (this.#gathered === undefined) return;
    this.#written = this.#gathered;
    this.#gathered = undefined;
    this.#writing = this.#put(this.#written);
    // Observed before the next write; a failure meanwhile is not unhandled.
    this.#writing.catch(() => {});
  }

  async #put(part: Part): Promise<void> {
    await this.write(part);
    this.#written = undefined;
  }
}
