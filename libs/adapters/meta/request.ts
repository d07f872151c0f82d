import type { ProviderContent, ProviderMessage } from '#application/ports/send-provider';
import { componentsOf } from './template-components.js';

export type Prepared =
  | { readonly kind: 'ready'; readonly request: object }
  | { readonly kind: 'impossible'; readonly code: string; readonly remedy: string };

/** Meta's limit of `biz_opaque_callback_data` in characters. */
const MAX_CALLBACK_DATA = 512;

const impossible = (remedy: string, code = 'content-unsupported') => ({ kind: 'impossible', code, remedy }) as const;

/** The body of `POST /{phone number id}/messages` (platforms §2). */
export const requestOf = ({ correlation, to, content }: ProviderMessage): Prepared => {
  const { phone, userId } = to;
  if (phone === undefined && userId === undefined)
    return impossible('give the customer a phone number or a user id', 'recipient-missing');
  // It is what leads a status back to the intent: without it an unknown outcome could never be settled.
  if (correlation.length > MAX_CALLBACK_DATA) return impossible('use a shorter intentId', 'correlation-too-long');
  const prepared = messageOf(content);
  if (prepared.kind === 'impossible') return prepared;
  return {
    kind: 'ready',
    request: {
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      // Without the plus Meta puts the business's own country code before it (platforms §2g).
      ...(phone === undefined ? {} : { to: `+${phone.replace(/^\+/u, '')}` }),
      ...(userId === undefined ? {} : { recipient: userId }),
      biz_opaque_callback_data: correlation,
      ...prepared.request,
    },
  };
};

const ready = (type: string, part: object): Prepared => ({ kind: 'ready', request: { type, [type]: part } });

const messageOf = (content: ProviderContent): Prepared => {
  if (content.kind === 'template') {
    const { name, language, parameters } = content;
    const prepared = componentsOf(parameters);
    if (prepared.kind === 'impossible') return impossible(prepared.remedy, 'parameters-unsupported');
    const { components } = prepared;
    return ready('template', {
      name,
      language: { code: language.replaceAll('-', '_') },
      ...(components.length === 0 ? {} : { components }),
    });
  }
  const { messageType, text, mediaUrl, body } = content;
  switch (messageType) {
    case 'text':
      return text === undefined ? impossible('give the text') : ready('text', { body: text });
    case 'location':
    case 'interactive':
      return body === undefined
        ? impossible(`give the ${messageType} object of the Cloud API as body`)
        : ready(messageType, body);
    default:
      if (mediaUrl === undefined) return impossible('give the mediaUrl');
      if (text === undefined || text === '') return ready(messageType, { link: mediaUrl });
      if (messageType === 'audio' || messageType === 'sticker')
        return impossible(`send the caption as a text message of its own: ${messageType} has none`);
      return ready(messageType, { link: mediaUrl, caption: text });
  }
};
