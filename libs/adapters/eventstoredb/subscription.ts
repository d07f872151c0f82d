import { setImmediate as endOfTurn } from 'node:timers/promises';
import { START, streamNameFilter, type AllStreamSubscription, type EventStoreDBClient } from '@eventstore/db-client';
import type { EventBatch, RecordedEvent, SubscriptionOptions } from '#application/ports/event-store';
import { DeadlineError } from './deadline.js';
import { logPosition, recordedEvent } from './stored-event.js';

export interface FollowOptions {
  /** A subscription that is not confirmed in this time counts as dropped. */
  readonly confirmTimeoutMs: number;
  /** Servers before 23.10 do not say when a subscription has caught up: so much silence counts as that. */
  readonly quietMs: number;
}

type Followed = Pick<SubscriptionOptions, 'after' | 'categories' | 'batchSize' | 'signal'>;

/**
 * The batches of one subscription on the server, until the signal aborts. A batch is what has arrived, at most
 * `batchSize`: large while history comes in, small when live, and never waited for.
 * @throws whatever the client reports when the subscription drops
 * @throws InfrastructureError `event-undecodable`, `store-corrupt`, after all events before the one at fault
 */
export async function* follow(
  client: EventStoreDBClient,
  followed: Followed,
  options: FollowOptions,
): AsyncGenerator<EventBatch, void, void> {
  const { batchSize, signal } = followed;
  const arrivals = new Arrivals(client, followed, options);
  const close = (): void => arrivals.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    let told = false;
    while (!signal.aborted) {
      const events = arrivals.take(batchSize);
      const caughtUp = arrivals.areAll;
      if (events.length > 0 || (caughtUp && !told)) {
        told = caughtUp;
        yield { events, caughtUp };
      } else {
        await arrivals.next();
      }
    }
  } finally {
    signal.removeEventListener('abort', close);
    arrivals.close();
  }
}

/** What one subscription brought and nobody took yet; the client stops taking in more when `batchSize` events wait. */
class Arrivals {
  readonly #subscription: AllStreamSubscription;
  readonly #options: FollowOptions;
  #isConfirmed = false;
  #isLive = false;
  #isClosed = false;
  #undecodable: { readonly error: unknown } | undefined;
  #dropped: { readonly error: unknown } | undefined;
  #wake = (): void => {};

  constructor(client: EventStoreDBClient, { after, categories, batchSize }: Followed, options: FollowOptions) {
    this.#options = options;
    this.#subscription = client.subscribeToAll(
      {
        fromPosition: after === undefined ? START : logPosition(after),
        filter: streamNameFilter({
          prefixes: categories.map((category) => `${category}-`),
          // Only a sign of life: its position can lie behind an event that was not sent yet (KurrentDB #4970).
          checkpointReached: async () => this.#wake(),
        }),
      },
      { highWaterMark: batchSize },
    );
    const drop = (error: unknown): void => {
      this.#dropped ??= { error };
      this.#wake();
    };
    this.#subscription
      .on('confirmation', () => {
        this.#isConfirmed = true;
        this.#wake();
      })
      .on('caughtUp', () => {
        this.#isLive = true;
        this.#wake();
      })
      .on('fellBehind', () => {
        this.#isLive = false;
      })
      .on('readable', () => this.#wake())
      .on('error', drop)
      .on('end', () => drop(new Error('The server ended the subscription.')));
  }

  /** Whether nothing is left of what was in the log a moment ago. */
  get areAll(): boolean {
    return this.#isLive && this.#subscription.readableLength === 0;
  }

  take(atMost: number): RecordedEvent[] {
    const events: RecordedEvent[] = [];
    while (events.length < atMost && this.#undecodable === undefined) {
      const arrived = this.#subscription.read();
      if (arrived === null) break;
      try {
        const event = recordedEvent(arrived);
        if (event !== undefined) events.push(event);
      } catch (error) {
        this.#undecodable = { error };
      }
    }
    return events;
  }

  /** Resolves when there may be something to take or to tell. @throws what ended the subscription */
  async next(): Promise<void> {
    const failure = this.#undecodable ?? this.#dropped;
    if (failure !== undefined) throw failure.error;
    const patience = this.#isConfirmed ? this.#options.quietMs : this.#options.confirmTimeoutMs;
    const isQuiet = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(resolve, patience, true);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(false);
      };
    });
    // What else came in by the same packet goes into the same batch.
    if (!isQuiet) return endOfTurn();
    if (this.#isConfirmed) this.#isLive = true;
    else this.#dropped ??= { error: new DeadlineError(patience) };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wake();
    // The listener for errors stays: the call may still fail, and nobody has to know.
    this.#subscription.unsubscribe().catch(() => {});
  }
}
