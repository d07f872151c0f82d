import type { MessageOrigin, MessageType } from '#domain/message';
import { recordOf, textOf, type Json } from '#contracts/webhooks/json';
import { facts, nothing, notUnderstood, type Fact, type Meaning } from '#contracts/webhooks/updates';
import { customerOf, identityIn, isElsewhere, PROVIDER, senderIn, type Callback } from './callback.js';

interface Content {
  readonly type: MessageType;
  readonly text?: unknown;
  readonly caption?: unknown;
}

/** Sinch says only that it is media: the kind is in the name of the file. Each of them opens the window alike. */
const mediaTypes: ReadonlyMap<string | undefined, MessageType> = new Map([
  ...['jpg', 'jpeg', 'png', 'gif'].map((ending) => [ending, 'image'] as const),
  ['webp', 'sticker'],
  ...['mp4', '3gp', '3gpp', 'mov'].map((ending) => [ending, 'video'] as const),
  ...['ogg', 'oga', 'opus', 'mp3', 'm4a', 'aac', 'amr'].map((ending) => [ending, 'audio'] as const),
]);

const mediaType = (url: unknown): MessageType => {
  const [, ending] = /\.(\w{2,5})(?:$|[?#])/.exec(textOf(url) ?? '') ?? [];
  return mediaTypes.get(ending?.toLowerCase()) ?? 'document';
};

/** What each content of a message is. A content that is not listed goes on under its own name: it opens nothing. */
const contents: ReadonlyMap<string, (content: Json) => Content> = new Map(
  Object.entries<(content: Json) => Content>({
    text_message: ({ text }) => ({ type: 'text', text }),
    media_message: ({ url }) => ({ type: mediaType(url) }),
    media_card_message: ({ url, caption }) => ({ type: mediaType(url), caption }),
    location_message: () => ({ type: 'location' }),
    choice_response_message: (choice) => ({ type: 'interactive', text: choice['postback_data'] }),
    product_response_message: () => ({ type: 'order' }),
    // What the channel has and Sinch does not.
    fallback_message: () => ({ type: 'unsupported' }),
  }),
);

const contentOf = (message: Json): { readonly type: unknown } & Omit<Content, 'type'> => {
  const content = recordOf(message['contact_message'] ?? message['app_message']);
  for (const [name, read] of contents) if (content[name] !== undefined) return read(recordOf(content[name]));
  return { type: Object.keys(content)[0] };
};

const originOf = ({ injected, direction }: Json): MessageOrigin => {
  // Written by an API client, whatever it says of its direction.
  if (injected === true) return 'injected';
  return direction === 'TO_CONTACT' ? 'echo' : 'customer';
};

const messageFact = (
  item: Json,
  callback: Callback,
  { type, text, caption }: { readonly type: unknown; readonly text?: unknown; readonly caption?: unknown },
): Fact => {
  const { account, receivedAt } = callback.context;
  const sender = senderIn(item['sender_id'], callback);
  const messageId = textOf(item['id']);
  return {
    topic: 'inbound-messages',
    kind: 'message',
    id: `${account}/${PROVIDER}/message/${sender}/${messageId}`,
    about: `${messageId}`,
    data: {
      account,
      provider: PROVIDER,
      sender,
      customer: customerOf(identityIn(item)['identity']),
      messageId,
      type,
      origin: originOf(item),
      sentAt: callback.at,
      receivedAt,
      estimated: callback.isEstimated ? true : undefined,
      text: textOf(text),
      caption: textOf(caption),
    },
  };
};

/** MESSAGE_INBOUND, also with its content redacted. */
export const message = (item: Json, callback: Callback): Meaning =>
  isElsewhere(identityIn(item)['channel']) ? nothing : facts(messageFact(item, callback, contentOf(item)));

/** EVENT_INBOUND: what a customer does besides writing. Only a reaction is anything to the gate. */
export const event = (item: Json, callback: Callback): Meaning => {
  if (isElsewhere(identityIn(item)['channel'])) return nothing;
  const [name, content] =
    Object.entries({ ...recordOf(item['contact_event']), ...recordOf(item['contact_message_event']) })[0] ?? [];
  if (name === 'reaction_event') {
    return facts(messageFact(item, callback, { type: 'reaction', text: recordOf(content)['emoji'] }));
  }
  return name !== undefined && idleEvents.has(name)
    ? nothing
    : notUnderstood('event', 'The event is unknown.', 'Update Tidegate, or ignore this.');
};

const idleEvents: ReadonlySet<string> = new Set([
  'composing_event',
  'composing_end_event',
  'payment_status_update_event',
]);
