import { createHmac } from 'node:crypto';
import type { Refusal, Update } from './book.js';

/** Sinch's reason, and WhatsApp's own code where the reason says less (platforms §1b). */
const reasons: { readonly [refusal in Refusal]: { readonly code: string; readonly channel_code?: string } } = {
  'window-closed': { code: 'OUTSIDE_ALLOWED_SENDING_WINDOW', channel_code: '131047' },
  'opted-out': { code: 'CHANNEL_REJECT', channel_code: '131050' },
  'template-unknown': { code: 'TEMPLATE_NON_EXISTING_LANGUAGE_OR_VERSION' },
  'template-paused': { code: 'CHANNEL_REJECT', channel_code: '132015' },
  'template-disabled': { code: 'CHANNEL_REJECT', channel_code: '132016' },
  'pair-limit': { code: 'RATE_LIMITED', channel_code: '131056' },
  overloaded: { code: 'RATE_LIMITED' },
};

const statuses = { sent: 'QUEUED_ON_CHANNEL', delivered: 'DELIVERED', read: 'READ', failed: 'FAILED' } as const;

interface Known {
  readonly projectId: string;
  readonly apps: { readonly [sender: string]: string };
  userIdOf(account: string, phone: string): string;
}

/** One POST tells one thing (platforms §1c). Undefined: Sinch tells nothing of it. */
export const sinchBody = (update: Update, at: number, { projectId, apps, userIdOf }: Known): object | undefined => {
  if (update.kind === 'template' || update.kind === 'preferred') return undefined;
  const { account, sender, person } = update;
  const envelope = {
    app_id: apps[sender] ?? sender,
    project_id: projectId,
    accepted_time: new Date(at).toISOString(),
    event_time: new Date(update.at).toISOString(),
  };
  const channel_identity = { channel: 'WHATSAPP', identity: person, app_id: '' };
  if (update.kind === 'report') {
    return {
      ...envelope,
      message_delivery_report: {
        message_id: update.messageId,
        conversation_id: '',
        status: statuses[update.status],
        channel_identity,
        contact_id: '',
        ...(update.refusal === undefined ? {} : { reason: { description: '', ...reasons[update.refusal] } }),
        metadata: update.correlation,
        processing_mode: 'DISPATCH',
      },
      message_metadata: update.correlation,
      ...(update.correlation.length > 128 ? {} : { correlation_id: update.correlation }),
    };
  }
  const identity = update.hidden === true ? userIdOf(account, person) : person;
  return {
    ...envelope,
    message: {
      id: update.id,
      direction: 'TO_APP',
      contact_message:
        update.type === 'text'
          ? { text_message: { text: update.text ?? '' } }
          : update.type === 'location'
            ? { location_message: { title: 'Here', coordinates: { latitude: 52.5, longitude: 13.4 } } }
            : { media_message: { url: 'https://media.invalid/1.png' } },
      channel_identity: { ...channel_identity, identity },
      conversation_id: '',
      contact_id: '',
      metadata: '',
      accept_time: new Date(at).toISOString(),
      sender_id: sender,
      processing_mode: 'DISPATCH',
      injected: false,
    },
    message_metadata: '',
  };
};

/** The signature is over the raw body, a nonce and the time in seconds (platforms §1c). */
export const sinchRequest = (
  body: object,
  secret: string,
  nonce: string,
  at: number,
): { readonly body: string; readonly headers: object } => {
  const wire = JSON.stringify(body);
  const timestamp = String(Math.floor(at / 1_000));
  const signature = createHmac('sha256', secret).update(`${wire}.${nonce}.${timestamp}`).digest('base64');
  return {
    body: wire,
    headers: {
      'x-sinch-webhook-signature': signature,
      'x-sinch-webhook-signature-nonce': nonce,
      'x-sinch-webhook-signature-timestamp': timestamp,
      'x-sinch-webhook-signature-algorithm': 'HmacSHA256',
    },
  };
};
