import { LRUCache } from 'lru-cache';
import { plus, type Instant } from '#domain/time';
import type { DecideIntents } from './decide-intents.js';
import type { Clock } from './ports/clock.js';
import type { IntentKey, ReadModel } from './ports/read-model.js';

const AT_ONCE = 500;
/** A hold that a look did not change is not looked at again before, unless something else happens to its customer. */
const LOOK_AGAIN_MS = 5_000;
const REMEMBERED = 50_000;

/**
 * Looks at the held intents that are due. Level-triggered: whoever is due is looked at until the projection shows that
 * nothing is left to do (ADR 0006).
 */
export class ReleaseHolds {
  /** When to look again at holds that were looked at in vain; by intent and by the instant at which they were due. */
  readonly #lookAgainAt = new LRUCache<string, Instant>({ max: REMEMBERED });

  constructor(
    private readonly decideIntents: Pick<DecideIntents, 'release'>,
    private readonly readModel: Pick<ReadModel, 'awake'>,
    private readonly clock: Clock,
  ) {}

  /** One look. Resolves with true when there may be more to release at once. */
  async run(): Promise<boolean> {
    const now = this.clock.now();
    const rested = [...this.#lookAgainAt.entries()].filter(([, lookAgainAt]) => lookAgainAt <= now);
    for (const [key] of rested) this.#lookAgainAt.delete(key);
    // Those that rest are due too: they must not take the places of those that can go.
    const due = await this.readModel.awake(['held'], now, AT_ONCE + this.#lookAgainAt.size);
    const wanted = due.filter((row) => !this.#lookAgainAt.has(keyOf(row, row.wakeAt))).slice(0, AT_ONCE);
    if (wanted.length === 0) return false;
    const released = await this.decideIntents.release(wanted);
    const changed = new Set(released.map((intent) => keyOf(intent)));
    for (const row of wanted) {
      if (!changed.has(keyOf(row))) this.#lookAgainAt.set(keyOf(row, row.wakeAt), plus(now, LOOK_AGAIN_MS));
    }
    return wanted.length === AT_ONCE && released.length > 0;
  }
}

const keyOf = ({ account, customer, intentId }: IntentKey, wakeAt?: number): string =>
  `${account}/${customer}/${intentId}/${wakeAt ?? ''}`;
