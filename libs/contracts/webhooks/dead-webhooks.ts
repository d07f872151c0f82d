import { hash } from 'node:crypto';
import type { OutgoingMessage } from '#application/ports/message-queue';
import type { Instant } from '#domain/time';
import type { Reason } from '../outbound/dead-letters.js';
import { outgoing, written } from '../outbound/outgoing.js';

/** JSON in JSON takes up to six bytes for one character, and each part has to fit in one message. */
const PART_LENGTH = 150_000;

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
    outgoing(
      'dead-letters',
      'webhook',
      account,
      { id: `${id}/${part}`, source, at: receivedAt },
      {
        provider,
        account,
        receivedAt: written(receivedAt),
        ...reason,
        part: part + 1,
        parts,
        encoding,
        body: body.slice(part * PART_LENGTH, (part + 1) * PART_LENGTH),
      },
    ),
  );
};
