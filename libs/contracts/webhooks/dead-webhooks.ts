import { hash } from 'node:crypto';
import { IsString } from 'class-validator';
import { errorCodes, type ErrorCode } from '#application/errors';
import type { OutgoingMessage } from '#application/ports/message-queue';
import type { Instant } from '#domain/time';
import { Account, Count, Id, OneOf, Optional, Says, Time } from '../inbound/fields.js';
import type { Reason } from '../outbound/dead-letters.js';
import { outgoing, written } from '../outbound/outgoing.js';

/** JSON in JSON takes up to six bytes for one character, and each part has to fit in one message. */
const PART_LENGTH = 150_000;

/** A webhook that nobody understands, or one update of it, as it came. */
export class DeadWebhookDto {
  @Id(64) provider: string;
  @Account() account: string;
  @Time() receivedAt: string;
  @OneOf(errorCodes) code: ErrorCode;
  @Says('The path of the field at fault; empty for the body as a whole.') @Optional() @IsString() field?: string;
  @IsString() message: string;
  @Optional() @IsString() remedy?: string;
  @Says('A body that is larger than a message comes in several parts: join their `body` in this order.')
  @Count(1, Number.MAX_SAFE_INTEGER)
  part: number;
  @Count(1, Number.MAX_SAFE_INTEGER) parts: number;
  @Says('Of a body that is not UTF-8.') @Optional() @OneOf(['base64']) encoding?: 'base64';
  @Says('What can be posted again: the whole webhook, or one with the update at fault alone.')
  @IsString()
  body: string;
}

export interface DeadWebhook {
  readonly provider: string;
  readonly account: string;
  readonly receivedAt: Instant;
  /** Whole, or with the one update alone that could not be worked on. */
  readonly body: string;
  /** Base64 where the bytes are no text. */
  readonly encoding?: 'base64' | undefined;
}

/** What a provider sent, signed, and nobody understood: whole, in several parts where it is larger than a message. */
export const deadWebhookMessages = (
  { provider, account, receivedAt, body, encoding }: DeadWebhook,
  reason: Reason,
  source: string,
): readonly OutgoingMessage[] => {
  const parts = Math.max(1, Math.ceil(body.length / PART_LENGTH));
  const id = `${account}/${provider}/${hash('sha256', body, 'base64url').slice(0, 22)}`;
  return Array.from({ length: parts }, (_, part) =>
    outgoing('dead-letters', 'webhook', account, { id: `${id}/${part}`, source, at: receivedAt }, {
      provider,
      account,
      receivedAt: written(receivedAt),
      ...reason,
      part: part + 1,
      parts,
      encoding,
      body: body.slice(part * PART_LENGTH, (part + 1) * PART_LENGTH),
    } satisfies DeadWebhookDto),
  );
};
