import type { EventBatch, EventStore, RecordedEvent, SubscriptionOptions } from '#application/ports/event-store';

/** Runs one subscription and keeps what it hands out, so that a test can wait for what it expects. */
export class Follower {
  readonly batches: EventBatch[] = [];
  readonly events: RecordedEvent[] = [];
  readonly #abort = new AbortController();
  readonly #ended: Promise<void>;
  #failure: unknown;
  #notify = (): void => {};

  constructor(
    store: EventStore,
    options: Partial<Omit<SubscriptionOptions, 'signal'>>,
    private readonly onBatch: (batch: EventBatch) => Promise<void> | void = () => {},
  ) {
    const subscription = store.subscribe({
      name: 'test',
      after: undefined,
      categories: ['customer'],
      batchSize: 100,
      ...options,
      signal: this.#abort.signal,
    });
    this.#ended = this.#run(subscription).catch((error: unknown) => {
      this.#failure = error;
      this.#notify();
    });
  }

  async #run(subscription: AsyncIterable<EventBatch>): Promise<void> {
    for await (const batch of subscription) {
      await this.onBatch(batch);
      this.batches.push(batch);
      this.events.push(...batch.events);
      this.#notify();
    }
  }

  get caughtUp(): boolean {
    return this.batches.some((batch) => batch.caughtUp);
  }

  /** Waits until the condition holds. @throws when the subscription failed or the time is over */
  async until(condition: (follower: this) => boolean, withinMs = 15_000): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (!condition(this)) {
      if (this.#failure !== undefined) throw this.#failure;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`Waited in vain: ${this.events.length} events came, caught up: ${this.caughtUp}.`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#notify = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Ends the subscription and waits for that. @throws what the subscription failed with */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#ended;
    if (this.#failure !== undefined) throw this.#failure;
  }
}
