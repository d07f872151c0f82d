import { randomUUID } from 'node:crypto';
import type { AppendOutcome, EventStore, NewEvent, Position, RecordedEvent } from '#application/ports/event-store';
import { NO_STREAM } from '#application/ports/event-store';
import { customerStream } from '#application/streams';

/**
 * Failures that some engines can be made to show.
 * `lost-reply`: the next append is stored, but its reply gets lost.
 * `cut-connections`: all connections are cut; new ones are accepted at once.
 */
export type Disruption = 'lost-reply' | 'cut-connections';

/** What an adapter's spec gives to the contract suite. */
export interface EventStoreHarness {
  readonly store: EventStore;
  /** Another writer of the same log, over connections of its own. Without one, `store` plays both. */
  readonly other?: EventStore;
  disrupt?(disruption: Disruption): Promise<void> | void;
  close(): Promise<void>;
}

/** The harness of the running suite: opened before its tests. */
export type Opened = () => EventStoreHarness;

/** Shows as skipped what an engine cannot be made to do. */
export const testIf = (possible: boolean): typeof test => (possible ? test : test.skip);

/** Names that no other test has, so that the suite can run against a shared server. */
export const freshAccount = (): string => `t${randomUUID().replaceAll('-', '')}`;
export const freshStream = (account: string = freshAccount()): string => customerStream(account, randomUUID());

export const readStream = async (
  store: EventStore,
  stream: string,
  fromRevision = 0,
): Promise<readonly RecordedEvent[]> => {
  const [events = []] = await store.readStreams([{ stream, fromRevision }]);
  return events;
};

export const appendTo = async (
  store: EventStore,
  stream: string,
  expectedRevision: number,
  events: readonly NewEvent[],
): Promise<AppendOutcome | undefined> => (await store.append([{ stream, expectedRevision, events }]))[0];

/** The position of an event appended now: where a subscription starts that is not to read a shared server's past. */
export const markPosition = async (store: EventStore, mark: NewEvent): Promise<Position> => {
  const stream = freshStream();
  await appendTo(store, stream, NO_STREAM, [mark]);
  const [event] = await readStream(store, stream);
  if (event === undefined) throw new Error('The mark was not stored.');
  return event.position;
};
