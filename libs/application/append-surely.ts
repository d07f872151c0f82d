import { setTimeout as pause } from 'node:timers/promises';
import { InfrastructureError } from './errors.js';
import type { AppendOutcome, EventStore, StreamAppend } from './ports/event-store.js';

const PAUSES_MS = [50, 200, 1_000, 3_000];

type Settled = Exclude<AppendOutcome, { kind: 'unknown' }>;

/**
 * Appends until every outcome is known: an unknown one is asked again with the same ids, in the same order, at the same
 * expected revision, which the store recognises (engineering §2.1). One call for all streams.
 * @throws InfrastructureError `store-unavailable` when an outcome stays unknown; replaying the message is then safe
 */
export const appendSurely = async (
  store: EventStore,
  appends: readonly StreamAppend[],
): Promise<readonly Settled[]> => {
  if (appends.length === 0) return [];
  const outcomes = [...(await store.append(appends))];
  for (const pauseMs of PAUSES_MS) {
    const unknown = outcomes.flatMap((outcome, index) => (outcome.kind === 'unknown' ? [index] : []));
    if (unknown.length === 0) break;
    await pause(pauseMs);
    const again = await store.append(unknown.flatMap((index) => appends[index] ?? []));
    unknown.forEach((index, place) => {
      const outcome = again[place];
      if (outcome !== undefined) outcomes[index] = outcome;
    });
  }
  return outcomes.map((outcome) => {
    if (outcome.kind !== 'unknown') return outcome;
    throw new InfrastructureError('store-unavailable', 'The event store did not say whether events were stored.', {
      cause: outcome.cause,
    });
  });
};
