import type { EventBatch } from './ports/event-store.js';

/**
 * A subscription whose next batch is read while the last one is worked on, as long as there is one: what comes after the
 * end of the log is asked for when its reader is ready for it.
 */
export async function* readAhead(subscription: AsyncIterable<EventBatch>): AsyncGenerator<EventBatch, void, void> {
  const batches = subscription[Symbol.asyncIterator]();
  try {
    for (let next = batches.next(); ;) {
      const { done, value } = await next;
      if (done === true) return;
      if (value.caughtUp) {
        yield value;
        next = batches.next();
      } else {
        next = batches.next();
        // Observed at the next turn; a failure meanwhile is not unhandled.
        next.catch(() => {});
        yield value;
      }
    }
  } finally {
    await batches.return?.(undefined);
  }
}
