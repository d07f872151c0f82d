import type { ProviderContent, ProviderMessage } from '#application/ports/send-provider';

export type Prepared =
  | { readonly kind: 'ready'; readonly request: object }
  | { readonly kind: 'impossible'; readonly code: string; readonly remedy: string };

/** Sinch's limits in characters (platforms §1b). */
const MAX_METADATA = 1_024;
const MAX_CORRELATION_ID = 128;

/** The generic messages that stand for WhatsApp's interactive ones. */
const interactiveKinds = ['choice_message', 'card_message', 'carousel_message', 'list_message'] as const;

/** Keys of another form are left out on the way, and the message fails later without a reason. */
const PARAMETER_KEY = /^(?:header|body|button|carousel)\[\d+\]\S+$/u;

type Content =
  | { readonly kind: 'ready'; readonly message: object }
  | { readonly kind: 'impossible'; readonly code: string; readonly remedy: string };

const impossible = (remedy: string, code = 'content-unsupported') => ({ kind: 'impossible', code, remedy }) as const;

/** The body of `messages:send`, without `ttl`, which depends on when it is sent. */
export const requestOf = ({ correlation, to, content }: ProviderMessage, appId: string): Prepared => {
  const identity = to.phone?.replace(/^\+/u, '') ?? to.userId;
  if (identity === undefined) return impossible('give the customer a phone number or a user id', 'recipient-missing');
  // It is what leads a report back to the intent: without it an unknown outcome could never be settled.
  if (correlation.length > MAX_METADATA) return impossible('use a shorter intentId', 'correlation-too-long');
  const prepared = messageOf(content);
  if (prepared.kind === 'impossible') return prepared;
  return {
    kind: 'ready',
    request: {
      app_id: appId,
      recipient: { identified_by: { channel_identities: [{ channel: 'WHATSAPP', identity }] } },
      channel_priority_order: ['WHATSAPP'],
      message: prepared.message,
      message_metadata: correlation,
      ...(correlation.length <= MAX_CORRELATION_ID ? { correlation_id: correlation } : {}),
      processing_strategy: 'DISPATCH_ONLY',
    },
  };
};

const messageOf = (content: ProviderContent): Content => {
  if (content.kind === 'template') {
    const { name, language, parameters } = content;
    const misnamed = Object.keys(parameters).find((key) => !PARAMETER_KEY.test(key));
    if (misnamed !== undefined) {
      const remedy = 'name parameters as Sinch does: body[1]text, header[1]image.link, button[0]url[1]text';
      return impossible(remedy, 'parameters-unsupported');
    }
    const template = { template_id: name, language_code: language.replaceAll('-', '_'), parameters };
    return { kind: 'ready', message: { template_message: { channel_template: { WHATSAPP: template } } } };
  }
  switch (content.messageType) {
    case 'text':
      return content.text === undefined
        ? impossible('give the text')
        : { kind: 'ready', message: { text_message: { text: content.text } } };
    case 'location':
      return content.body === undefined
        ? impossible('give the location_message of the Conversation API as body')
        : { kind: 'ready', message: { location_message: content.body } };
    case 'interactive':
      return interactiveOf(content.body ?? {});
    default:
      if (content.mediaUrl === undefined) return impossible('give the mediaUrl');
      // Sinch's media message has no caption, and a part of what was asked for is not what was asked for.
      if (content.text !== undefined && content.text !== '')
        return impossible('send the caption as a text message of its own');
      return { kind: 'ready', message: { media_message: { url: content.mediaUrl } } };
  }
};

const interactiveOf = (body: { readonly [key: string]: unknown }): Content => {
  const [kind, ...others] = Object.keys(body);
  return others.length === 0 && interactiveKinds.some((known) => known === kind)
    ? { kind: 'ready', message: body }
    : impossible(`give as body exactly one of ${interactiveKinds.join(', ')} of the Conversation API`);
};
