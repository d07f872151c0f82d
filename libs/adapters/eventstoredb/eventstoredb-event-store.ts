import { setTimeout as delay } from 'node:timers/promises';
import { InfrastructureError } from '#application/errors';
import {
  EventStore,
  type AppendOutcome,
  type Category,
  type EventBatch,
  type Position,
  type RecordedEvent,
  type StreamAppend,
  type StreamRead,
  type SubscriptionOptions,
} from '#application/ports/event-store';
import { AppendConnection, type AppendConnectionOptions } from './append-connection.js';
import { closeClient, openClient } from './client.js';
import { concurrently, readOn } from './reading.js';
import { prepareAppend } from './stored-event.js';
import { follow, type FollowOptions } from './subscription.js';

export interface EventStoreDbOptions extends AppendConnectionOptions, FollowOptions {
  /** A page of a stream that is not read in this time counts as unavailable. */
  readonly readTimeoutMs: number;
  /** Streams read at once. */
  readonly readConcurrency: number;
  /** Pause before a dropped subscription is tried again; doubles with each failure in a row. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

const defaults: EventStoreDbOptions = {
  appendTimeoutMs: 10_000,
  appendConcurrency: 200,
  readTimeoutMs: 10_000,
  readConcurrency: 50,
  confirmTimeoutMs: 10_000,
  quietMs: 10_000,
  firstPauseMs: 100,
  longestPauseMs: 10_000,
  warn: (message, cause) => process.emitWarning(cause instanceof Error ? `${message} ${cause.message}` : message),
};

/**
 * The event store on EventStoreDB 23.10 or newer, or KurrentDB. `$all` may be read by admins only, so the user needs to
 * be one. Credentials are part of the URL (`esdb://user:password@host:2113`); with `tls=false` the client sends none.
 */
export class EventStoreDbEventStore extends EventStore {
  readonly #options: EventStoreDbOptions;
  readonly #appends: AppendConnection;
  /** Apart from the appends: a drop of a subscription closes the channel of its client. */
  readonly #reads: ReturnType<typeof openClient>;
  readonly #closed = new AbortController();

  /** Connects with the first call. @throws InfrastructureError `config-invalid` */
  constructor(url: string, options: Partial<EventStoreDbOptions> = {}) {
    super();
    this.#options = { ...defaults, ...options };
    this.#reads = openClient(url);
    this.#appends = AppendConnection.to(url, this.#options);
  }

  /** The cause of an unknown outcome is an InfrastructureError; its code tells what a repeat can achieve. */
  override async append(appends: readonly StreamAppend[]): Promise<readonly AppendOutcome[]> {
    const prepared = appends.map(prepareAppend);
    return Promise.all(prepared.map((append) => this.#appends.append(append)));
  }

  override async readStreams(reads: readonly StreamRead[]): Promise<readonly (readonly RecordedEvent[])[]> {
    const { readConcurrency, readTimeoutMs } = this.#options;
    const streams = await concurrently(reads, readConcurrency, (read) => readOn(this.#reads, read, readTimeoutMs));
    // Closing ends calls as if their streams ended there.
    if (this.#closed.signal.aborted) throw new InfrastructureError('store-unavailable', 'The event store was closed.');
    return streams;
  }

  override async *subscribe(options: SubscriptionOptions): AsyncGenerator<EventBatch, void, void> {
    const { firstPauseMs, longestPauseMs, warn } = this.#options;
    const signal = AbortSignal.any([options.signal, this.#closed.signal]);
    let { after } = options;
    let pauseMs = firstPauseMs;
    while (!signal.aborted) {
      try {
        for await (const batch of follow(this.#reads, { ...options, after, signal }, this.#options)) {
          pauseMs = firstPauseMs;
          after = batch.events.at(-1)?.position ?? after;
          yield batch;
        }
      } catch (error) {
        if (error instanceof InfrastructureError) throw error;
        warn(`The subscription ${options.name} dropped; it is tried again in ${pauseMs} ms.`, error);
        await delay(pauseMs, undefined, { signal }).catch(() => {});
        pauseMs = Math.min(2 * pauseMs, longestPauseMs);
      }
    }
  }

  /** Reads them: the server cannot count what a filter lets through. */
  override async gap(after: Position | undefined, categories: readonly Category[], atMost: number): Promise<number> {
    const counted = new AbortController();
    let count = 0;
    const options = { name: 'gap', after, categories, batchSize: 500, signal: counted.signal };
    for await (const { events, caughtUp } of this.subscribe(options)) {
      count += events.length;
      if (caughtUp || count >= atMost) counted.abort();
    }
    return Math.min(count, atMost);
  }

  override async ping(): Promise<void> {
    await this.readStreams([{ stream: 'tidegate-ping', fromRevision: 0 }]);
  }

  override async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    await Promise.all([this.#appends.close(), closeClient(this.#reads)]);
  }
}
