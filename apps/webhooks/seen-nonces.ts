import { plus, type Instant } from '#domain/time';

/** The nonces of the signatures that were taken lately, so that none is taken twice; of this process only. */
export class SeenNonces {
  /** Until when each counts, in the order of taking. */
  readonly #seen = new Map<string, Instant>();

  /** @param limit how many at most: then the oldest are forgotten, which repeats of them would survive by their ids */
  constructor(private readonly limit = 500_000) {}

  /** @returns whether it is new. @param forMs how long its signature can still count as fresh */
  take(nonce: string, now: Instant, forMs: number): boolean {
    for (const [old, until] of this.#seen) {
      if (until >= now) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(nonce)) return false;
    const { value: oldest } = this.#seen.keys().next();
    if (this.#seen.size >= this.limit && oldest !== undefined) this.#seen.delete(oldest);
    this.#seen.set(nonce, plus(now, forMs));
    return true;
  }

  /** What it signed could not be stored: the provider may send it again. */
  giveBack(nonce: string): void {
    this.#seen.delete(nonce);
  }
}
