import { createHmac } from 'node:crypto';
import type { Update } from './book.js';

const seconds = (at: number): string => String(Math.floor(at / 1_000));

interface Known {
  readonly phoneNumberIds: { readonly [sender: string]: string };
  userIdOf(account: string, phone: string): string;
}

/** One POST with all the updates, as Meta batches them (platforms §2b, §2c). */
export const metaBody = (account: string, updates: readonly Update[], at: number, known: Known): object => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: `waba-${account}`,
      time: Math.floor(at / 1_000),
      changes: updates.map((update) => change(update, known)),
    },
  ],
});

const change = (update: Update, { phoneNumberIds, userIdOf }: Known): object => {
  const { account, at } = update;
  if (update.kind === 'template') {
    const { name, language, category, status } = update;
    return {
      field: 'message_template_status_update',
      value: {
        event: status,
        message_template_id: 1_000,
        message_template_name: name,
        message_template_language: language,
        message_template_category: category.toUpperCase(),
        reason: 'NONE',
      },
    };
  }
  const { sender, person } = update;
  const userId = userIdOf(account, person);
  const metadata = { display_phone_number: sender, phone_number_id: phoneNumberIds[sender] ?? sender };
  const field = (name: string, value: object) => ({
    field: name,
    value: { messaging_product: 'whatsapp', metadata, ...value },
  });
  switch (update.kind) {
    case 'wrote': {
      const from = update.hidden === true ? {} : { from: person };
      const contact = update.hidden === true ? {} : { wa_id: person };
      const content =
        update.type === 'text'
          ? { text: { body: update.text ?? '' } }
          : update.type === 'reaction'
            ? { reaction: { message_id: 'wamid.0', emoji: '👍' } }
            : update.type === 'location'
              ? { location: { latitude: 52.5, longitude: 13.4 } }
              : { image: { id: '1', mime_type: 'image/png' } };
      return field('messages', {
        contacts: [{ profile: { name: 'Zoë' }, ...contact, user_id: userId }],
        messages: [
          { ...from, from_user_id: userId, id: update.id, timestamp: seconds(at), type: update.type, ...content },
        ],
      });
    }
    case 'preferred':
      return field('user_preferences', {
        contacts: [{ wa_id: person, user_id: userId }],
        user_preferences: [
          {
            wa_id: person,
            user_id: userId,
            detail: `User requested to ${update.value} marketing messages`,
            category: 'marketing_messages',
            value: update.value,
            timestamp: Math.floor(at / 1_000),
          },
        ],
      });
    case 'report':
      return field('messages', {
        statuses: [
          {
            id: update.messageId,
            status: update.status,
            timestamp: seconds(at),
            recipient_id: person,
            recipient_user_id: userId,
            biz_opaque_callback_data: update.correlation,
          },
        ],
      });
  }
};

/** What goes over the wire: non-ASCII characters escaped, and the signature over exactly that (platforms §2b). */
export const metaRequest = (body: object, appSecret: string): { readonly body: string; readonly headers: object } => {
  const wire = JSON.stringify(body).replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const signature = createHmac('sha256', appSecret).update(wire).digest('hex');
  return { body: wire, headers: { 'x-hub-signature-256': `sha256=${signature}` } };
};
