import { recordOf, type Json } from '#contracts/webhooks/json';
import { nothing, notUnderstood, type Meaning, type Update, type WebhookContext } from '#contracts/webhooks/updates';
import { callbackOf, type Callback } from './callback.js';
import { contactMerge } from './identities.js';
import { event, message } from './messages.js';
import { consent, deliveryReport, submitted } from './reports.js';
import { provisioningNews } from './templates.js';

/** `channel_event` stands in its notification, or at the top of the body: Sinch documents both (platforms §1c). */
const channelEvent = (item: Json): Meaning => {
  const { event_type: type } = recordOf(item['channel_event'] ?? item);
  // The rating of one of our numbers: no rule reads it.
  return type === 'WHATS_APP_QUALITY_RATING_CHANGED'
    ? nothing
    : notUnderstood('channel_event.event_type', 'The event is unknown.', 'Update Tidegate, or ignore this.');
};

const idle = (): Meaning => nothing;

/** What a callback says, by the key of its body that holds it: one of them is in each (platforms §1c). */
const callbacks: readonly (readonly [key: string, meaningOf: (item: Json, callback: Callback) => Meaning])[] = [
  ['message', message],
  ['message_redaction', message],
  ['message_delivery_report', deliveryReport],
  ['message_submit_notification', submitted],
  ['event', event],
  ['opt_in_notification', consent],
  ['opt_out_notification', consent],
  ['contact_merge_notification', contactMerge],
  ['channel_event_notification', channelEvent],
  ['channel_event', channelEvent],
  // Whether a contact can be reached, and what Sinch keeps of its own: no rule reads it.
  ['capability_notification', idle],
  ['event_delivery_report', idle],
  ['contact_create_notification', idle],
  ['contact_update_notification', idle],
  ['contact_delete_notification', idle],
  ['duplicated_contact_identities_notification', idle],
  ['conversation_start_notification', idle],
  ['conversation_stop_notification', idle],
  ['conversation_delete_notification', idle],
];

/** The update of one callback of the Conversation API, or of one webhook of the Provisioning API. */
export const sinchUpdates = (content: unknown, context: WebhookContext): readonly Update[] => {
  const body = recordOf(content);
  return [{ meaning: meaningOf(body, context), alone: () => JSON.stringify(content) }];
};

const meaningOf = (body: Json, context: WebhookContext): Meaning => {
  const news = provisioningNews(body, context);
  if (news !== undefined) return news;
  const known = callbacks.find(([key]) => typeof body[key] === 'object' && body[key] !== null);
  if (known === undefined) {
    return notUnderstood(
      '',
      'Nobody knows what this says.',
      'Remove the trigger from the webhook, or update Tidegate.',
    );
  }
  const [key, read] = known;
  return read(recordOf(body[key]), callbackOf(body, context));
};
