import type { DeliveryStatus } from '#contracts/inbound/delivery-reports';
import { recordOf, textOf, type Json } from '#contracts/webhooks/json';
import { facts, nothing, notUnderstood, type Meaning } from '#contracts/webhooks/updates';
import { customerOf, identityIn, isElsewhere, PROVIDER, senderIn, type Callback } from './callback.js';

/** Null: the channel is changed, and what becomes of the message is yet to come. */
const statusOf: ReadonlyMap<unknown, DeliveryStatus | null> = new Map([
  ['QUEUED_ON_CHANNEL', 'sent'],
  ['DELIVERED', 'delivered'],
  ['READ', 'read'],
  ['FAILED', 'failed'],
  ['SWITCHING_CHANNEL', null],
]);

/** MESSAGE_DELIVERY. */
export const deliveryReport = (item: Json, callback: Callback): Meaning => {
  const status = statusOf.get(item['status']);
  if (status === null) return nothing;
  return status === undefined
    ? notUnderstood('status', 'The status is unknown.', 'Update Tidegate, or ignore this.')
    : report(item, callback, status);
};

/** MESSAGE_SUBMIT: handed to the channel. It settles what became of a call that nobody answered (case 10). */
export const submitted = (item: Json, callback: Callback): Meaning => report(item, callback, 'sent');

const report = (item: Json, callback: Callback, status: DeliveryStatus): Meaning => {
  const { channel, identity } = identityIn(item);
  if (isElsewhere(channel)) return nothing;
  const { account } = callback.context;
  const providerMessageId = textOf(item['message_id']);
  const { code, description, channel_code: channelCode } = recordOf(item['reason']);
  return facts({
    topic: 'delivery-reports',
    kind: 'report',
    id: `${account}/${PROVIDER}/status/${providerMessageId}/${status}`,
    about: `${providerMessageId}`,
    data: {
      account,
      provider: PROVIDER,
      sender: senderIn(item['sender_id'], callback),
      customer: textOf(identity) === undefined ? undefined : customerOf(identity),
      providerMessageId,
      status,
      at: callback.at,
      correlation:
        textOf(item['metadata']) ??
        textOf(callback.body['message_metadata']) ??
        textOf(callback.body['correlation_id']),
      error:
        status === 'failed' && textOf(code) !== undefined
          ? { code, title: textOf(description)?.slice(0, 1024), channelCode: textOf(channelCode) }
          : undefined,
    },
  });
};

/**
 * OPT_IN and OPT_OUT. Who wants to leave leaves, even where Sinch failed to note it; who wants in is in only when Sinch
 * says so.
 */
const consentOf: ReadonlyMap<unknown, 'opted-in' | 'opted-out' | null> = new Map([
  ['OPT_IN_SUCCEEDED', 'opted-in'],
  ['OPT_IN_FAILED', null],
  ['OPT_OUT_SUCCEEDED', 'opted-out'],
  ['OPT_OUT_FAILED', 'opted-out'],
  ['OPT_OUT_STATUS_UNSPECIFIED', 'opted-out'],
]);

export const consent = (item: Json, callback: Callback): Meaning => {
  if (isElsewhere(item['channel'])) return nothing;
  const said = consentOf.get(item['status']);
  if (said === null) return nothing;
  if (said === undefined) {
    return notUnderstood('status', 'The status is unknown.', 'Update Tidegate, or record the consent by hand.');
  }
  const { account } = callback.context;
  // Made to tell repeats by (platforms §1c).
  const reference = textOf(item['request_id']) ?? `${said}/${textOf(callback.at)}`;
  return facts({
    topic: 'consents',
    kind: 'consent',
    id: `${account}/${PROVIDER}/consent/${said}/${reference}`,
    about: reference,
    data: {
      account,
      customer: customerOf(item['identity']),
      scope: 'all',
      status: said,
      at: callback.at,
      source: PROVIDER,
      reference,
    },
  });
};
