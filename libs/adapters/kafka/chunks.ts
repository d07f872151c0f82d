import { MAX_MESSAGE_BYTES, type OutgoingMessage } from '#application/ports/message-queue';

/** Bytes of UTF-8 of key, value and headers, as `MAX_MESSAGE_BYTES` counts them. */
export function sizeOf({ key, value, headers }: OutgoingMessage): number {
  let size = Buffer.byteLength(key) + (value === null ? 0 : Buffer.byteLength(value));
  for (const name in headers) size += Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? '');
  return size;
}

/** What a record takes beside its bytes: lengths, attributes, time and offset, all variable; a header has two lengths. */
const recordOverhead = 32;
const headerOverhead = 6;

/**
 * Cuts messages, in their order, into chunks that fit one produce request: should all of a chunk go to one partition,
 * they still stay below the 1,048,588 bytes that a broker takes per batch by default (message.max.bytes).
 */
export function* chunksOf(messages: readonly OutgoingMessage[]): Generator<readonly OutgoingMessage[]> {
  let start = 0;
  let size = 0;
  for (const [index, message] of messages.entries()) {
    const more = sizeOf(message) + recordOverhead + headerOverhead * Object.keys(message.headers).length;
    if (index > start && size + more > MAX_MESSAGE_BYTES) {
      yield messages.slice(start, index);
      start = index;
      size = 0;
    }
    size += more;
  }
  if (start < messages.length) yield messages.slice(start);
}
