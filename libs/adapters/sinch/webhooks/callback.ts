import type { CustomerDto } from '#contracts/inbound/customer';
import { recordOf, textOf, type Json } from '#contracts/webhooks/json';
import { senderOf, type Unchecked, type WebhookContext } from '#contracts/webhooks/updates';

export const PROVIDER = 'sinch';

/** What the envelope of every callback says (platforms §1c). */
export interface Callback {
  readonly context: WebhookContext;
  readonly body: Json;
  /** From the channel; where it is missing, when Sinch took it, which is later. */
  readonly at: unknown;
  readonly isEstimated: boolean;
}

export const callbackOf = (body: Json, context: WebhookContext): Callback => {
  // Given but not a time: it goes to quarantine, not into the past by another time (rules §3).
  const isEstimated = body['event_time'] === undefined || body['event_time'] === null || body['event_time'] === '';
  return { context, body, at: isEstimated ? body['accepted_time'] : body['event_time'], isEstimated };
};

/** Which sender of the account a message came to: the one it names, else the one of its app. */
export const senderIn = (senderId: unknown, { body, context: { senders, sender } }: Callback): string | undefined => {
  const named = textOf(senderId);
  if (named !== undefined) return senders.get(named) ?? senderOf(named);
  return senders.get(textOf(body['app_id']) ?? '') ?? sender;
};

/** A number or, since usernames, a user id such as `US.13491208655302741918`; as given either way (platforms §2g). */
export const customerOf = (identity: unknown): Unchecked<CustomerDto> =>
  typeof identity === 'string' && /^\+?[1-9]\d{5,14}$/.test(identity)
    ? { phone: identity }
    : { userId: textOf(identity) };

/** Whether it concerns another channel than WhatsApp, such as SMS: none of the gate's business. */
export const isElsewhere = (channel: unknown): boolean => textOf(channel) !== undefined && channel !== 'WHATSAPP';

export const identityIn = (item: Json): Json => recordOf(item['channel_identity']);
