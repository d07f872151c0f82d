import type { DeliveryStatus } from '#contracts/inbound/delivery-reports';
import { listOf, recordOf, textOf, timeOfSeconds, type Json } from '#contracts/webhooks/json';
import { facts, nothing, notUnderstood, type Meaning } from '#contracts/webhooks/updates';
import { customerOf, isNamed, PROVIDER, type Change } from './change.js';

/** A voice message that was played was read. */
const statusOf: ReadonlyMap<unknown, DeliveryStatus> = new Map([
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['played', 'read'],
  ['failed', 'failed'],
]);

/** What has become of a message of ours. */
export const status = (item: Json, { context, sender }: Change): Meaning => {
  const { account } = context;
  // Of a call that the business began: no rule makes it open a window, accepted or not (rules §3).
  if (item['type'] === 'call') return nothing;
  if (item['recipient_type'] === 'group') {
    return notUnderstood(
      'recipient_type',
      'Groups are not gated.',
      'Take the number out of its groups, or ignore this.',
    );
  }
  const known = statusOf.get(item['status']);
  if (known === undefined) {
    return notUnderstood('status', 'The status is unknown.', 'Update Tidegate, or ignore this.');
  }
  const recipient = customerOf(item['recipient_id'], item['recipient_user_id']);
  const providerMessageId = textOf(item['id']);
  const error = known === 'failed' ? recordOf(listOf(item['errors'])[0]) : undefined;
  return facts({
    topic: 'delivery-reports',
    kind: 'report',
    id: `${account}/${PROVIDER}/status/${providerMessageId}/${known}`,
    about: `${providerMessageId}`,
    data: {
      account,
      provider: PROVIDER,
      sender,
      customer: isNamed(recipient) ? recipient : undefined,
      providerMessageId,
      status: known,
      at: timeOfSeconds(item['timestamp']),
      correlation: textOf(item['biz_opaque_callback_data']),
      error:
        error?.['code'] === undefined
          ? undefined
          : { code: String(error['code']), title: textOf(error['title'] ?? error['message'])?.slice(0, 1024) },
    },
  });
};

/** Marketing stopped or resumed in the app: the customer's word on one category (platforms §2a). */
export const preference = (item: Json, { context: { account } }: Change): Meaning => {
  const said = consentOf.get(item['value']);
  if (item['category'] !== 'marketing_messages' || said === undefined) {
    return notUnderstood('category', 'The preference is unknown.', 'Update Tidegate, or record the consent by hand.');
  }
  const at = timeOfSeconds(item['timestamp']);
  const customer = customerOf(item['wa_id'], item['user_id']);
  const reference = `user_preferences/${item['value']}/${at}`;
  return facts({
    topic: 'consents',
    kind: 'consent',
    id: `${account}/${PROVIDER}/${reference}`,
    about: reference,
    data: { account, customer, scope: 'marketing', status: said, at, source: PROVIDER, reference },
  });
};

const consentOf: ReadonlyMap<unknown, 'opted-in' | 'opted-out'> = new Map([
  ['stop', 'opted-out'],
  ['resume', 'opted-in'],
]);
