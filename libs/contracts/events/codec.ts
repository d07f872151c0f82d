import type { DomainEvent, EventMetadata } from '#application/ports/event-store';
import { InfrastructureError } from '#application/errors';

/** What a store keeps of an event beside its id and place. */
export interface StoredEvent {
  readonly type: string;
  /** JSON. */
  readonly data: string;
  /** JSON. */
  readonly metadata: string;
}

/** @throws InfrastructureError `event-unserialisable` */
export const encodeEvent = (event: DomainEvent, metadata: EventMetadata): StoredEvent => {
  try {
    return { type: event.type, data: JSON.stringify(event), metadata: JSON.stringify(metadata) };
  } catch (cause) {
    throw new InfrastructureError('event-unserialisable', `The event ${event.type} cannot be written as JSON.`, {
      cause,
    });
  }
};

/** @throws InfrastructureError `event-undecodable` */
export const decodeEvent = (stored: StoredEvent): { readonly event: DomainEvent; readonly metadata: EventMetadata } => {
  try {
    return { event: JSON.parse(stored.data) as DomainEvent, metadata: JSON.parse(stored.metadata) as EventMetadata };
  } catch (cause) {
    throw new InfrastructureError('event-undecodable', `A stored ${stored.type} is not JSON.`, { cause });
  }
};
