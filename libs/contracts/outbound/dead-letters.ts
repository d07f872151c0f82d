import { IsString } from 'class-validator';
import { errorCodes, type ErrorCode } from '#application/errors';
import { MAX_MESSAGE_BYTES, type OutgoingMessage, type ReceivedMessage } from '#application/ports/message-queue';
import { Count, Flag, OneOf, Optional, Says, Shown, StringMap, Time } from '../inbound/fields.js';
import { outgoing, written, type Attributes } from './outgoing.js';

/** A message that could not be worked on, as it came. */
export class DeadLetterDto {
  @Says('Where the message stood.') @IsString() topic: string;
  @Count(0, Number.MAX_SAFE_INTEGER) partition: number;
  @Count(0, Number.MAX_SAFE_INTEGER) offset: number;
  @Says('When the queue took it.') @Time() receivedAt: string;
  @OneOf(errorCodes) code: ErrorCode;
  @Says('The path of the field at fault; empty for the message as a whole.') @Optional() @IsString() field?: string;
  @IsString() message: string;
  @Optional() @IsString() remedy?: string;
  @IsString() key: string;
  @Says('Null for a tombstone.') @Shown({ type: ['string', 'null'] }) value: string | null;
  @Says('Absent when the letter is cut.') @Optional() @StringMap() headers?: Record<string, string>;
  @Says('The original was too large for a letter: see it at its place.') @Optional() @Flag() cut?: boolean;
}

/** Why a message could not be worked on. */
export interface Reason {
  readonly code: ErrorCode;
  /** The path of the field at fault. */
  readonly field?: string | undefined;
  readonly message: string;
  readonly remedy?: string | undefined;
}

// JSON in JSON grows, at worst six bytes for one character, and no dead letter may itself be too large.
const CUT_VALUE = 100_000;
const CUT_KEY = 1_000;

/** The whole message and where it stood; one that would be too large is cut and names the place of the original. */
export const deadLetterMessage = (
  { topic, partition, offset, key, value, headers, at }: ReceivedMessage,
  reason: Reason,
  attributes: Omit<Attributes, 'id'>,
): OutgoingMessage => {
  const id = `${topic}/${partition}/${offset}`;
  const place = { topic, partition, offset, receivedAt: written(at) };
  const whole = outgoing('dead-letters', 'dead-letter', key, { ...attributes, id }, {
    ...place,
    ...reason,
    key,
    value,
    headers,
  } satisfies DeadLetterDto);
  if (2 * Buffer.byteLength(key) + Buffer.byteLength(whole.value ?? '') <= MAX_MESSAGE_BYTES) return whole;
  const shortKey = key.slice(0, CUT_KEY);
  return outgoing('dead-letters', 'dead-letter', shortKey, { ...attributes, id }, {
    ...place,
    ...reason,
    message: reason.message.slice(0, CUT_KEY),
    field: reason.field?.slice(0, CUT_KEY),
    key: shortKey,
    value: value?.slice(0, CUT_VALUE) ?? null,
    cut: true,
  } satisfies DeadLetterDto);
};
