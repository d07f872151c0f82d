import type { DomainEvent, EventMetadata } from '#application/ports/event-store';
import { InfrastructureError } from '#application/errors';
import type { Trace } from '#domain/gate/events';
import { lettersIn, traceIn } from '#domain/gate/trace';
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

/** The version of each stored shape: raised, with an upcaster from the one before, when it changes. */
const schemaVersions: { readonly [type in DomainEvent['type']]?: number } = {
  // A trace was an object in version 1, and has a letter for each rule since (ADR 33).
  SendAuthorised: 2,
  SendRefused: 2,
  SendHeld: 2,
  SendExpired: 2,
};
const FIRST = 1;
export const schemaVersionOf = (type: DomainEvent['type']): number => schemaVersions[type] ?? FIRST;

/** @throws InfrastructureError `event-unserialisable` */
export const encodeEvent = (event: DomainEvent, metadata: EventMetadata): StoredEvent => {
  try {
    return {
      type: event.type,
      data: JSON.stringify(shapeOf(event)),
      metadata: JSON.stringify({
        schemaVersion: schemaVersionOf(event.type),
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

/** An event as its `data` says it. */
export const shapeOf = (event: DomainEvent): object =>
  'trace' in event
    ? // A new decision has both fields: a spread that adds to what it copies takes V8 far longer.
      { ...event, trace: lettersIn(event.trace), fallbackTrace: event.fallbackTrace && lettersIn(event.fallbackTrace) }
    : event;

/**
 * Looks at the top level only: this process, or an earlier version of it, wrote the rest, and golden files hold that
 * earlier versions still decode.
 * @throws InfrastructureError `event-undecodable`
 */
export const decodeEvent = ({ type, data, metadata }: StoredEvent): DecodedEvent =>
  eventOf(type, parsed(type, data), parsed(type, metadata));

/** The same of what was parsed already, and is the caller's no more. @throws InfrastructureError `event-undecodable` */
export const eventOf = (type: string, data: unknown, metadata: unknown): DecodedEvent => {
  if (!isDomainEvent(data) || data.type !== type) throw undecodable(type, 'is no event of Tidegate');
  if (!isVersioned(metadata)) throw undecodable(type, 'has no metadata of Tidegate');
  const { schemaVersion, correlationId, causationId, traceparent } = metadata;
  if (!(schemaVersion >= FIRST && schemaVersion <= schemaVersionOf(data.type))) {
    throw undecodable(type, `has schema version ${schemaVersion}, which a later Tidegate wrote: upgrade`);
  }
  if (schemaVersion > FIRST) {
    if (!('trace' in data)) throw undecodable(type, 'has no trace');
    readLetters(type, data);
  }
  return {
    event: data,
    metadata: traceparent === undefined ? { correlationId, causationId } : { correlationId, causationId, traceparent },
  };
};

/** In place: a copy of what was just parsed would cost more than the trace. */
const readLetters = (type: string, decision: { trace: unknown; fallbackTrace?: unknown }): void => {
  const read = (letters: unknown): Trace => {
    const trace = typeof letters === 'string' ? traceIn(letters) : undefined;
    if (trace === undefined) throw undecodable(type, 'has a trace that is none');
    return trace;
  };
  decision.trace = read(decision.trace);
  if (decision.fallbackTrace !== undefined) decision.fallbackTrace = read(decision.fallbackTrace);
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
  Number.isInteger(value['schemaVersion']) &&
  typeof value['correlationId'] === 'string' &&
  typeof value['causationId'] === 'string';
