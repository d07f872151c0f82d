import { NO_STREAM, type EventStore, type RecordedEvent, type StreamAppend } from '#application/ports/event-store';
import { factId } from '#application/event-ids';

const AT_ONCE = 500;

/** Events in the order of the log as appends of so many streams at a time, under the name of another account. */
const batchesOf = (events: readonly RecordedEvent[], account: string): readonly (readonly StreamAppend[])[] => {
  const revisions = new Map<string, number>();
  const batches: StreamAppend[][] = [];
  let batch = new Map<string, StreamAppend>();
  for (const { stream: original, event, metadata, id } of events) {
    const stream = original.replace(/-[^.]+/, `-${account}`);
    // A batch names a stream once.
    if (batch.size === AT_ONCE || batch.has(stream)) {
      batches.push([...batch.values()]);
      batch = new Map();
    }
    const expectedRevision = revisions.get(stream) ?? NO_STREAM;
    revisions.set(stream, expectedRevision + 1);
    batch.set(stream, { stream, expectedRevision, events: [{ id: factId(stream, id), event, metadata }] });
  }
  batches.push([...batch.values()]);
  return batches;
};

/** Appends the same events once more, batch after batch and with nothing around it. Resolves with the seconds it took. */
export const bareAppends = async (
  store: EventStore,
  events: readonly RecordedEvent[],
  account: string,
): Promise<number> => {
  const batches = batchesOf(events, account);
  const startedAt = performance.now();
  for (const batch of batches) {
    const outcomes = await store.append(batch);
    if (outcomes.some(({ kind }) => kind !== 'appended')) throw new Error('A bare append failed.');
  }
  return (performance.now() - startedAt) / 1_000;
};
