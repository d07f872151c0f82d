import type { CustomerEvent } from '#domain/gate/events';
import { fold } from '#domain/gate/evolve';
import { initialCustomer } from '#domain/gate/state';
import type { EventStore, RecordedEvent } from '../ports/event-store.js';
import type { CustomerKey } from '../ports/read-model.js';
import { customerStream } from '../streams.js';

/** One of the streams that tell of a person. */
export interface PersonStream {
  readonly customer: string;
  readonly events: readonly RecordedEvent[];
}

/**
 * All streams of the person that an alias names (rules §11): from the alias along its links to the stream that goes on,
 * then those that this one took over. Each is a history of its own: their events are never folded together.
 */
export const streamsOfPerson = async (
  store: EventStore,
  { account, customer }: CustomerKey,
): Promise<readonly PersonStream[]> => {
  const streams: PersonStream[] = [];
  const isRead = (id: string): boolean => streams.some((stream) => stream.customer === id);
  let aliases: readonly string[] = [];
  for (let id: string | undefined = customer; id !== undefined && !isRead(id);) {
    const [events = []] = await store.readStreams([{ stream: customerStream(account, id), fromRevision: 0 }]);
    streams.push({ customer: id, events });
    const state = fold(
      events.map(({ event }) => event as CustomerEvent),
      initialCustomer,
    );
    id = state.survivor;
    aliases = state.aliases ?? [];
  }
  const others = aliases.filter((id) => !isRead(id));
  if (others.length === 0) return streams;
  const read = await store.readStreams(others.map((id) => ({ stream: customerStream(account, id), fromRevision: 0 })));
  return [...streams, ...others.map((id, index) => ({ customer: id, events: read[index] ?? [] }))];
};
