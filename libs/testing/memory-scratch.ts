import { Scratch } from '#application/ports/scratch';

/** Scratch in memory. */
export class MemoryScratch extends Scratch {
  readonly #values = new Map<string, string>();

  override async get(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    return keys.map((key) => this.#values.get(key));
  }

  override async put(entries: readonly (readonly [key: string, value: string])[]): Promise<void> {
    for (const [key, value] of entries) this.#values.set(key, value);
  }

  override async *entries(): AsyncGenerator<readonly [key: string, value: string], void, void> {
    yield* new Map(this.#values);
  }

  override async close(): Promise<void> {
    this.#values.clear();
  }
}
