import { listOf, recordOf, type Json } from '#contracts/webhooks/json';
import { notUnderstood, type Meaning, type Update, type WebhookContext } from '#contracts/webhooks/updates';
import { Contacts, senderIn, type Change } from './change.js';
import { call, echo, message, userIdUpdate } from './messages.js';
import { preference, status } from './reports.js';
import { template } from './templates.js';

/** What the items of each list in a change's value say. By the lists, not by `field` (platforms §2c). */
const lists: readonly (readonly [name: string, meaningOf: (item: Json, change: Change) => Meaning])[] = [
  ['messages', message],
  ['message_echoes', echo],
  ['statuses', status],
  ['calls', call],
  ['user_preferences', preference],
  ['user_id_update', userIdUpdate],
];

/** All updates of one webhook of the Cloud API, up to 1,000, in their order. */
export const metaUpdates = (body: unknown, context: WebhookContext): readonly Update[] => {
  const { object, entry } = recordOf(body);
  if (object !== 'whatsapp_business_account' || !Array.isArray(entry)) {
    const meaning = notUnderstood(
      'object',
      'This is no webhook of a WhatsApp Business account.',
      'Subscribe this address to WhatsApp Business accounts only.',
    );
    return [{ meaning, alone: () => JSON.stringify(body) }];
  }
  return entry.flatMap((one: unknown) => {
    const { changes, ...rest } = recordOf(one);
    if (!Array.isArray(changes)) {
      return [{ meaning: unknownUpdate('entry.changes'), alone: () => JSON.stringify({ object, entry: [one] }) }];
    }
    return changes.flatMap((change: unknown) => {
      const alone = (part: unknown): string => JSON.stringify({ object, entry: [{ ...rest, changes: [part] }] });
      return updatesOf(change, rest['time'], context, alone);
    });
  });
};

const unknownUpdate = (field: string): Meaning =>
  notUnderstood(field, 'Nobody knows what this says.', 'Unsubscribe from the field, or update Tidegate.');

const updatesOf = (
  whole: unknown,
  entryTime: unknown,
  context: WebhookContext,
  alone: (part: unknown) => string,
): readonly Update[] => {
  const { field, value: given } = recordOf(whole);
  const value = recordOf(given);
  const contacts = new Contacts(listOf(value['contacts']));
  const change: Change = { context, value, entryTime, sender: senderIn(value, context), contacts };
  const found = lists.filter(([name]) => Array.isArray(value[name]));
  if (found.length > 0) {
    return found.flatMap(([name, meaningOf]) =>
      listOf(value[name]).map((item) => ({
        meaning: meaningOf(recordOf(item), change),
        // The contacts of all the others stay out, and with them up to a thousand names.
        alone: () => {
          const author = contacts.authorOf(recordOf(item));
          return alone({ field, value: { ...value, ...noLists, contacts: author && [author], [name]: [item] } });
        },
      })),
    );
  }
  const isTemplate = value['message_template_id'] !== undefined || value['message_template_name'] !== undefined;
  return [{ meaning: isTemplate ? template(change) : unknownUpdate('entry.changes.value'), alone: () => alone(whole) }];
};

const noLists = Object.fromEntries(lists.map(([name]) => [name, undefined]));
