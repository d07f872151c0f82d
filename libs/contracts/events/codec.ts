import type { DomainEvent, EventMetadata } from '#application/ports/event-store';
import { InfrastructureError } from '#application/errors';
import { isEventType } from './event-types.js';

/** What a store keeps of an event beside its id and place. */
export interface StoredEvent {
  readonly type: string;
  /** JSON. */
  readonly data: string;
  /** JSON. */
  readonly metadata: string;
}

export interface DecodedEvent {
  readonly event: DomainEvent;
  readonly metadata: EventMetadata;
}

/** The version of the stored shapes: raised, with an upcaster from the one before, when a shape changes. */
const SCHEMA_VERSION = 1;

/** @throws InfrastructureError `event-unserialisable` */
export const encodeEvent = (event: DomainEvent, metadata: EventMetadata): StoredEvent => {
  try {
    return {
      type: event.type,
      data: JSON.stringify(event),
      metadata: JSON.stringify({
        schemaVersion: SCHEMA_VERSION,
        correlationId: metadata.correlationId,
        causationId: metadata.causationId,
        traceparent: metadata.traceparent,
      }),
    };
  } catch (cause) {
    throw new InfrastructureError('event-unserialisable', `The event ${event.type} cannot be written as JSON.`, {
      cause,
    });
  }
};

/**
 * Looks at the top level only: this process, or an earlier version of it, wrote the rest, and golden files hold that
 * earlier versions still decode.
 * @throws InfrastructureError `event-undecodable`
 */
export const decodeEvent = ({ type, data, metadata }: StoredEvent): DecodedEvent =>
  eventOf(type, parsed(type, data), parsed(type, metadata));

/** The same of what was parsed already. @throws InfrastructureError `event-undecodable` */
export const eventOf = (type: string, data: unknown, metadata: unknown): DecodedEvent => {
  if (!isDomainEvent(data) || data.type !== type) throw undecodable(type, 'is no event of Tidegate');
  if (!isVersioned(metadata)) throw undecodable(type, 'has no metadata of Tidegate');
  const { schemaVersion, correlationId, causationId, traceparent } = metadata;
  if (schemaVersion !== SCHEMA_VERSION) {
    throw undecodable(type, `has schema version ${schemaVersion}, which a later Tidegate wrote: upgrade`);
  }
  return {
    event: data,
    metadata: traceparent === undefined ? { correlationId, causationId } : { correlationId, causationId, traceparent },
  };
};

const undecodable = (type: string, what: string, cause?: unknown): InfrastructureError =>
  new InfrastructureError('event-undecodable', `A stored ${type} ${what}.`, { cause });

const parsed = (type: string, json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw undecodable(type, 'is not JSON', cause);
  }
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isDomainEvent = (value: unknown): value is DomainEvent =>
  isRecord(value) && typeof value['type'] === 'string' && isEventType(value['type']) && Number.isInteger(value['at']);

const isVersioned = (value: unknown): value is EventMetadata & { readonly schemaVersion: number } =>
  isRecord(value) &&
  typeof value['schemaVersion'] === 'number' &&
  typeof value['correlationId'] === 'string' &&
  typeof value['causationId'] === 'string';
