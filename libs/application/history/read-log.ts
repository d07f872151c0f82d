import type { Instant } from '#domain/time';
import { readAhead } from '../read-ahead.js';
import type { Category, EventStore, Position, RecordedEvent } from '../ports/event-store.js';

/** How far a reading of the log has come. */
export interface Progress {
  readonly events: number;
  /** When the last event was recorded. */
  readonly recordedAt: Instant;
}

/** Called after each batch, and waited for. */
export type Advanced = (progress: Progress) => Promise<void> | void;

export interface LogReading {
  readonly name: string;
  /** Exclusive; undefined from the start. */
  readonly after?: Position | undefined;
  readonly categories: readonly Category[];
  readonly batchSize?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Large, since nobody waits for a single event: what a batch costs apart from its events hardly counts. */
const BATCH = 5_000;

/** The log as it is now, once, in order; ends at its end instead of waiting for more. The next batch is read ahead. */
export async function* readLog(
  store: EventStore,
  { name, after, categories, batchSize = BATCH, signal }: LogReading,
): AsyncGenerator<readonly RecordedEvent[], void, void> {
  const end = new AbortController();
  const signals = signal === undefined ? end.signal : AbortSignal.any([signal, end.signal]);
  const subscription = store.subscribe({ name, after, categories, batchSize, signal: signals });
  try {
    for await (const { events, caughtUp } of readAhead(subscription)) {
      if (events.length > 0) yield events;
      if (caughtUp || signal?.aborted === true) return;
    }
  } finally {
    end.abort();
  }
}
