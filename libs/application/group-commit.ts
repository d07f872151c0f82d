interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupLimits<Item> {
  /** What one group may weigh; a heavier item goes alone. */
  readonly weight: number;
  readonly weigh: (item: Item) => number;
  /** Two items of the same key never share a group: the second one waits for the first one's outcome. */
  readonly keyOf?: (item: Item) => string;
  /** How many groups may be written at a time: more than one only where their order makes no difference. Default 1. */
  readonly atOnce?: number;
}

/**
 * Writes one group at a time, or few; what arrives meanwhile becomes the next group. So many small writers share a round trip
 * and a commit, and a lone one waits for nobody. Items are written in the order in which they came.
 */
export class GroupCommit<Item, Result> {
  #waiting: Waiting<Item, Result>[] = [];
  readonly #running = new Set<Promise<void>>();

  constructor(
    private readonly write: (items: readonly Item[]) => Promise<readonly Result[]>,
    private readonly limits: GroupLimits<Item>,
  ) {}

  /** The outcomes in the order of the items; rejects when the group of any of them was rejected. */
  add(items: readonly Item[]): Promise<readonly Result[]> {
    const outcomes = items.map(
      (item) => new Promise<Result>((resolve, reject) => void this.#waiting.push({ item, resolve, reject })),
    );
    if (this.#running.size < (this.limits.atOnce ?? 1)) this.#start();
    return Promise.all(outcomes);
  }

  /** Resolves when nothing is left to write. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #start(): void {
    // Taken out in the turn in which it finds nothing left: what comes a turn later would wait for nobody.
    const run: Promise<void> = this.#run(() => void this.#running.delete(run));
    this.#running.add(run);
  }

  async #run(ended: () => void): Promise<void> {
    // Callers of the same tick go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      try {
        const results = await this.write(group.map(({ item }) => item));
        group.forEach(({ resolve, reject }, index) => {
          const result = results[index];
          if (result === undefined) reject(new Error('A group was answered in part.'));
          else resolve(result);
        });
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    ended();
  }

  #nextGroup(): readonly Waiting<Item, Result>[] {
    const keys = new Set<string>();
    let weight = 0;
    let count = 0;
    for (const { item } of this.#waiting) {
      weight += this.limits.weigh(item);
      if (count > 0 && weight > this.limits.weight) break;
      const key = this.limits.keyOf?.(item);
      if (key !== undefined && keys.has(key)) break;
      if (key !== undefined) keys.add(key);
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
