interface Asked<Item, Result> {
  readonly items: readonly Item[];
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Does one piece of work at a time, and all that is asked for meanwhile in the next one: so the small batches of many
 * partitions share their reads and appends when there is much to do, and a lone one waits for nobody.
 */
export class Gathered<Item, Result> {
  #waiting: Asked<Item, Result>[] = [];
  #isRunning = false;

  constructor(
    /** Answers in the order of the items. */
    private readonly work: (items: readonly Item[]) => Promise<readonly Result[]>,
    /** Items of one piece of work; one batch that has more goes alone. */
    private readonly most: number,
  ) {}

  /** The answers in the order of the items; rejects when the work that they were part of does. */
  run(items: readonly Item[]): Promise<readonly Result[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ items, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // Those of the same tick go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batches = this.#next();
      try {
        const results = await this.work(batches.flatMap(({ items }) => items));
        let from = 0;
        for (const { items, resolve } of batches) resolve(results.slice(from, (from += items.length)));
      } catch (error) {
        for (const { reject } of batches) reject(error);
      }
    }
    this.#isRunning = false;
  }

  #next(): readonly Asked<Item, Result>[] {
    let count = 0;
    let items = 0;
    for (const one of this.#waiting) {
      items += one.items.length;
      if (count > 0 && items > this.most) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
