import type { AccountEvent, MauEvent } from '#domain/account';
import type { CustomerEvent } from '#domain/gate/events';
import type { TemplateEvent } from '#domain/template';
import type { Instant } from '#domain/time';

/** Every event that Tidegate stores. */
export type DomainEvent = CustomerEvent | TemplateEvent | AccountEvent | MauEvent;

/** The part of a stream's name before its first dash: `customer`, `template`, `account`, `mau`. */
export type Category = 'customer' | 'template' | 'account' | 'mau';

/** The expected revision of a stream that does not exist yet; the revision of an empty stream. */
export const NO_STREAM = -1;

/**
 * What the events of one `StreamAppend` may take together: for each its data and metadata in bytes of UTF-8,
 * and two bytes per character of its type. Below the 1 MiB that EventStoreDB, which counts so, takes by default.
 */
export const MAX_APPEND_BYTES = 1_000_000;

/** A place in the whole log; only comparable within one store. Later events have greater positions, with gaps. */
export type Position = number;

export interface EventMetadata {
  /** Id of the message or request that started it all. */
  readonly correlationId: string;
  /** Id of the event or message directly before. */
  readonly causationId: string;
  /** W3C trace context. */
  readonly traceparent?: string | undefined;
}

export interface NewEvent {
  /** UUID. Deterministic for facts, so that a repeat is the same event. */
  readonly id: string;
  readonly event: DomainEvent;
  readonly metadata: EventMetadata;
}

export interface RecordedEvent extends NewEvent {
  readonly stream: string;
  /** 0 for the first event of the stream, without gaps. */
  readonly revision: number;
  readonly position: Position;
  readonly recordedAt: Instant;
}

export interface StreamAppend {
  readonly stream: string;
  /** Exact: the revision of the stream's last event, or NO_STREAM. */
  readonly expectedRevision: number;
  /** One to many; appended together or not at all. */
  readonly events: readonly NewEvent[];
}

export type AppendOutcome =
  /** Stored, now or by an earlier identical append (same ids, same order, same expected revision). */
  | { readonly kind: 'appended'; readonly revision: number }
  | { readonly kind: 'conflict'; readonly actualRevision: number }
  /** Nobody can tell (time-out, broken connection): append the same again, or read the stream. */
  | { readonly kind: 'unknown'; readonly cause: Error };

export interface StreamRead {
  readonly stream: string;
  /** The first revision wanted. */
  readonly fromRevision: number;
  /** How many events, at least one; undefined: to the end of the stream. */
  readonly atMost?: number | undefined;
}

export interface SubscriptionOptions {
  /** For logs and metrics. */
  readonly name: string;
  /** Exclusive: the position of the last event that was applied; undefined from the start of the log. */
  readonly after: Position | undefined;
  readonly categories: readonly Category[];
  /** Events per batch at most. */
  readonly batchSize: number;
  /** Aborting ends the iteration normally. */
  readonly signal: AbortSignal;
}

export interface EventBatch {
  /** In the order of the log. May be empty when only `caughtUp` is news. */
  readonly events: readonly RecordedEvent[];
  /** True when the subscription had reached the end of the log after these events. */
  readonly caughtUp: boolean;
}

/** The append-only log of all streams: the only truth. */
export abstract class EventStore {
  /**
   * Appends to many streams at once; each stream of the call succeeds or fails alone, and is named at most once.
   * Outcomes come in the order of the appends. Idempotent: the same ids at the same expected revision are stored once.
   * @throws InfrastructureError `event-unserialisable`, `event-too-large` before anything is stored
   */
  abstract append(appends: readonly StreamAppend[]): Promise<readonly AppendOutcome[]>;

  /**
   * The events of many streams from the given revisions on, in the order of the requests; a missing stream is empty.
   * @throws InfrastructureError `store-unavailable`
   */
  abstract readStreams(reads: readonly StreamRead[]): Promise<readonly (readonly RecordedEvent[])[]>;

  /**
   * A catch-up subscription: history first, then live, until the signal aborts. Backpressure is the consumer's pace.
   * Re-subscribes by itself after a dropped connection, from the last event handed out; each event once, in order.
   */
  abstract subscribe(options: SubscriptionOptions): AsyncIterable<EventBatch>;

  /**
   * How many events of the categories come after the position, counted up to `atMost`.
   * @throws InfrastructureError `store-unavailable`
   */
  abstract gap(after: Position | undefined, categories: readonly Category[], atMost: number): Promise<number>;

  /** Resolves when the store answers. @throws InfrastructureError `store-unavailable` */
  abstract ping(): Promise<void>;

  abstract close(): Promise<void>;
}
