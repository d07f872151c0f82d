import {
  StreamDeletedError,
  StreamNotFoundError,
  type EventStoreDBClient,
  type ResolvedEvent,
  type StreamingRead,
} from '@eventstore/db-client';
import { InfrastructureError } from '#application/errors';
import type { RecordedEvent, StreamRead } from '#application/ports/event-store';
import { DeadlineError } from './deadline.js';
import { deleted } from './append-connection.js';
import { recordedEvent } from './stored-event.js';

/** Never more at once: without a limit the server sends the whole stream, whatever its length (engineering §2.2). */
const PAGE = 500;

/**
 * One stream from a revision on; empty when there is none.
 * @throws InfrastructureError `store-unavailable`, `not-found` when the stream was deleted, `event-undecodable`, `store-corrupt`
 */
export const readOn = async (
  client: EventStoreDBClient,
  { stream, fromRevision, atMost = Infinity }: StreamRead,
  timeoutMs: number,
): Promise<readonly RecordedEvent[]> => {
  const events: RecordedEvent[] = [];
  let from = BigInt(fromRevision);
  for (;;) {
    const maxCount = Math.min(PAGE, atMost - events.length);
    const page = await readPage(client, stream, from, maxCount, timeoutMs);
    for (const resolved of page) {
      const event = recordedEvent(resolved);
      if (event !== undefined) events.push(event);
    }
    const last = page.at(-1)?.event;
    if (last === undefined || page.length < maxCount || events.length >= atMost) return events;
    // Not counted on from the first: a stream can have lost its beginning, and hold what is not ours.
    from = last.revision + 1n;
  }
};

const readPage = async (
  client: EventStoreDBClient,
  stream: string,
  fromRevision: bigint,
  maxCount: number,
  timeoutMs: number,
): Promise<readonly ResolvedEvent[]> => {
  try {
    return await collect(client.readStream(stream, { fromRevision, maxCount }), timeoutMs);
  } catch (cause) {
    if (cause instanceof StreamNotFoundError) return [];
    if (cause instanceof StreamDeletedError) throw deleted(stream, cause);
    throw new InfrastructureError('store-unavailable', `The stream ${stream} could not be read.`, { cause });
  }
};

/** All of a page, or a failure. The client knows no deadline for reads, and a call that it cancels merely ends. */
const collect = async (page: StreamingRead<ResolvedEvent>, timeoutMs: number): Promise<readonly ResolvedEvent[]> => {
  const events: ResolvedEvent[] = [];
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      page
        .on('data', (event: ResolvedEvent) => events.push(event))
        .on('error', reject)
        .on('end', resolve);
      timer = setTimeout(() => reject(new DeadlineError(timeoutMs)), timeoutMs);
    });
    return events;
  } catch (error) {
    page.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
};

/** Does the work for all items, at most so many at once; the results are in the order of the items. */
export const concurrently = async <T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> => {
  const results: R[] = [];
  const entries = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of entries) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
};
