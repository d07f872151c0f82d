import { setTimeout as pause } from 'node:timers/promises';

/** Others may be claiming: so long until it is looked again. */
const LOOK_EVERY_MS = 20;

/**
 * The calls of a process that are under way, of all runs together: with room for so many customers, since who holds a
 * claim is called at once, or others would give up on it (ADR 28).
 */
export class CallsUnderWay {
  readonly #calling = new Set<Promise<void>>();
  /** Streams of the customers that are called: their messages go one after the other. */
  readonly #busy = new Set<string>();
  #free: number;
  #failure: { readonly error: unknown } | undefined;

  /** @param customers that there is room for */
  constructor(customers: number) {
    this.#free = customers;
  }

  isBusy(stream: string): boolean {
    return this.#busy.has(stream);
  }

  /** How many customers may be claimed for now; waits until it is one at least. @throws what a call failed with */
  async room(): Promise<number> {
    while (this.#free <= 0) await Promise.race([...this.#calling, pause(LOOK_EVERY_MS)]);
    this.rethrow();
    return this.#free;
  }

  /** Keeps room for customers, and their next messages waiting, until the returned function is called. */
  take(streams: readonly string[]): () => void {
    this.#free -= streams.length;
    for (const stream of streams) this.#busy.add(stream);
    return () => {
      this.#free += streams.length;
      for (const stream of streams) this.#busy.delete(stream);
    };
  }

  /** Never rejects: the fault is what a later run rejects with. */
  add(calls: Promise<void>, done: () => void): Promise<void> {
    const work = calls
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#calling.delete(work);
        done();
      });
    this.#calling.add(work);
    return work;
  }

  /** @throws what a call failed with since the last time */
  rethrow(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
  }

  /** Resolves when no call is under way any more. */
  async idle(): Promise<void> {
    while (this.#calling.size > 0) await Promise.allSettled(this.#calling);
  }
}
