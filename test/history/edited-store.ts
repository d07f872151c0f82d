import {
  EventStore,
  type AppendOutcome,
  type EventBatch,
  type RecordedEvent,
  type StreamAppend,
  type StreamRead,
  type SubscriptionOptions,
} from '#application/ports/event-store';
import { readLog } from '#application/history/read-log';

export type Edit = (events: readonly RecordedEvent[]) => readonly RecordedEvent[];

/** A store whose log somebody has edited: what a tampered one looks like to its readers. */
export class EditedStore extends EventStore {
  constructor(
    private readonly store: EventStore,
    private readonly edit: Edit,
  ) {
    super();
  }

  async #events(): Promise<readonly RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    const categories = ['customer', 'template', 'account', 'mau'] as const;
    for await (const batch of readLog(this.store, { name: 'edited', categories })) events.push(...batch);
    return this.edit(events);
  }

  override append(appends: readonly StreamAppend[]): Promise<readonly AppendOutcome[]> {
    return this.store.append(appends);
  }
  override async readStreams(reads: readonly StreamRead[]): Promise<readonly (readonly RecordedEvent[])[]> {
    const events = await this.#events();
    return reads.map(({ stream, fromRevision, atMost }) =>
      events.filter((event) => event.stream === stream && event.revision >= fromRevision).slice(0, atMost),
    );
  }
  override async *subscribe({ after = 0, categories, batchSize }: SubscriptionOptions): AsyncGenerator<EventBatch> {
    const wanted = (await this.#events()).filter(
      ({ position, stream }) => position > after && categories.some((category) => stream.startsWith(`${category}-`)),
    );
    for (let from = 0; ; from += batchSize) {
      const events = wanted.slice(from, from + batchSize);
      const caughtUp = from + batchSize >= wanted.length;
      yield { events, caughtUp };
      if (caughtUp) return;
    }
  }
  override async gap(): Promise<number> {
    return (await this.#events()).length;
  }
  override ping(): Promise<void> {
    return this.store.ping();
  }
  override async close(): Promise<void> {}
}
