import type { Instant } from '#domain/time';
import type { IntentKey } from './ports/read-model.js';

interface Waiting extends IntentKey {
  readonly sender: string;
  readonly notBefore: Instant;
}

/** Beyond these the read model remembers alone: whoever has room asks it again. */
const REMEMBERED = 10_000;
/** So many of one account: one that is halted must not take the places of the others. */
const OF_ONE_ACCOUNT = 2_500;

/**
 * Authorised messages whose turn is yet to come: paced ones, and those that wait for another attempt. A memory only: each
 * keeps its permit, and the read model wakes it if this process dies (ADR 0022).
 */
export class WaitingSends {
  readonly #waiting = new Map<string, Waiting>();
  /** Of each sender and customer the last turn, and how many wait. */
  readonly #pairs = new Map<string, { readonly count: number; readonly last: Instant }>();

  /** How many wait of each account. */
  readonly #accounts = new Map<string, number>();

  get size(): number {
    return this.#waiting.size;
  }

  get hasRoom(): boolean {
    return this.#waiting.size < REMEMBERED;
  }

  has(key: IntentKey): boolean {
    return this.turnOf(key) !== undefined;
  }

  /** Undefined: it does not wait here. */
  turnOf(key: IntentKey): Instant | undefined {
    return this.#waiting.get(keyOf(key))?.notBefore;
  }

  /** When the last of those that wait for the same sender and customer goes: whoever comes later stands behind it. */
  behind(sending: Omit<Waiting, 'notBefore' | 'intentId'>): Instant | undefined {
    return this.#pairs.get(pairOf(sending))?.last;
  }

  add(waiting: Waiting): void {
    const key = keyOf(waiting);
    const ofAccount = this.#accounts.get(waiting.account) ?? 0;
    if ((!this.hasRoom || ofAccount >= OF_ONE_ACCOUNT) && !this.#waiting.has(key)) return;
    this.#remove(key);
    this.#waiting.set(key, waiting);
    this.#accounts.set(waiting.account, (this.#accounts.get(waiting.account) ?? 0) + 1);
    const pair = this.#pairs.get(pairOf(waiting));
    const last = pair === undefined || waiting.notBefore > pair.last ? waiting.notBefore : pair.last;
    this.#pairs.set(pairOf(waiting), { count: (pair?.count ?? 0) + 1, last });
  }

  /** Those whose turn has come, in the order in which they began to wait; they wait no more. */
  take(now: Instant, limit: number): readonly IntentKey[] {
    const due: IntentKey[] = [];
    for (const [key, { account, customer, intentId, notBefore }] of this.#waiting) {
      if (due.length >= limit) break;
      if (notBefore > now) continue;
      due.push({ account, customer, intentId });
      this.#remove(key);
    }
    return due;
  }

  #remove(key: string): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    const ofAccount = this.#accounts.get(waiting.account) ?? 0;
    if (ofAccount <= 1) this.#accounts.delete(waiting.account);
    else this.#accounts.set(waiting.account, ofAccount - 1);
    const pair = this.#pairs.get(pairOf(waiting));
    if (pair === undefined || pair.count === 1) this.#pairs.delete(pairOf(waiting));
    else this.#pairs.set(pairOf(waiting), { ...pair, count: pair.count - 1 });
  }
}

const keyOf = ({ account, customer, intentId }: IntentKey): string => JSON.stringify([account, customer, intentId]);

const pairOf = ({ account, customer, sender }: Omit<Waiting, 'notBefore' | 'intentId'>): string =>
  JSON.stringify([account, customer, sender]);
