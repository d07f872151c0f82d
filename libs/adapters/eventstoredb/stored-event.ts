import type { EventData, ResolvedEvent } from '@eventstore/db-client';
import { InfrastructureError } from '#application/errors';
import { MAX_APPEND_BYTES, type Position, type RecordedEvent, type StreamAppend } from '#application/ports/event-store';
import { encodeEvent, eventOf, shapeOf } from '#contracts/events/codec';
import { instantOf } from '#domain/time';

/** An append as the client takes it. */
export interface PreparedAppend {
  readonly stream: string;
  readonly expectedRevision: number;
  readonly events: EventData[];
}

const utf8 = new TextEncoder();

/**
 * Serialises here and not in the client, which would hang on what is not JSON (engineering §2.3 a).
 * @throws InfrastructureError `event-unserialisable`, `event-too-large`
 */
export const prepareAppend = ({ stream, expectedRevision, events }: StreamAppend): PreparedAppend => {
  let bytes = 0;
  const prepared = events.map(({ id, event, metadata }): EventData => {
    const stored = encodeEvent(event, metadata);
    const metadataBytes = utf8.encode(stored.metadata);
    bytes += Buffer.byteLength(stored.data) + metadataBytes.length + 2 * stored.type.length;
    // The client writes it once more, to the same text.
    return {
      id,
      type: stored.type,
      contentType: 'application/json',
      data: { ...shapeOf(event) },
      metadata: metadataBytes,
    };
  });
  if (bytes > MAX_APPEND_BYTES) {
    throw new InfrastructureError(
      'event-too-large',
      `An append of ${events.length} events to ${stream} takes ${bytes} bytes; at most ${MAX_APPEND_BYTES} are possible.`,
    );
  }
  return { stream, expectedRevision, events: prepared };
};

/** @throws InfrastructureError `store-corrupt` when the number is not exact */
const exact = (number: bigint | undefined, what: string, stream: string): number => {
  if (number === undefined || number > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new InfrastructureError(
      'store-corrupt',
      `An event of ${stream} has the ${what} ${number}, which is no exact number.`,
    );
  }
  return Number(number);
};

const isRecord = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

/** Undefined for the server's own events, as the mark of a deleted stream: their types begin with `$`. */
export const recordedEvent = ({ event }: ResolvedEvent): RecordedEvent | undefined => {
  if (event === undefined || event.type.startsWith('$')) return undefined;
  const { streamId: stream, type, data, metadata } = event;
  // The client hands out what is not JSON as it is, instead of failing.
  if (!isRecord(data) || !isRecord(metadata)) {
    throw new InfrastructureError(
      'event-undecodable',
      `Event ${event.revision} of ${stream}, a ${type}, is not Tidegate's.`,
    );
  }
  return {
    id: event.id,
    ...eventOf(type, data, metadata),
    stream,
    revision: exact(event.revision, 'revision', stream),
    position: positionOf(event.position?.commit, stream),
    recordedAt: instantOf(event.created.getTime()),
  };
};

/** Events of gRPC appends commit themselves: their prepare position is the same (KurrentDB, ResolvedEvent.cs). */
const positionOf = (commit: bigint | undefined, stream: string): Position => exact(commit, 'position', stream);

export const logPosition = (position: Position): { commit: bigint; prepare: bigint } => ({
  commit: BigInt(position),
  prepare: BigInt(position),
});
