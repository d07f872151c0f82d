import type { ReceivedMessage } from '#application/ports/message-queue';
import { openEnvelope, type Envelope } from './envelope.js';
import { messageKinds, type Parsed } from './inbound/kinds.js';
import type { Fault } from './inbound/schemas.js';
import type { ReadTopic } from './topics.js';

/** `{ kind: 'valid', type, data, envelope }`, or what is wrong with the message and how to mend it. */
export type Reading<T extends ReadTopic> = Parsed<T> | Fault;

interface TopicKind<T extends ReadTopic> {
  readonly name: string;
  readonly parse: (content: unknown, envelope: Envelope) => Parsed<T>;
}
type TopicReader<T extends ReadTopic> = (message: ReceivedMessage) => Reading<T>;

const readerOf = <T extends ReadTopic>(
  topic: T,
  [main, ...others]: readonly [TopicKind<T>, ...TopicKind<T>[]],
): TopicReader<T> => {
  const kinds = new Map([main, ...others].map((kind) => [`tidegate.${topic}.${kind.name}`, kind]));
  const known = [...kinds.keys()].join(', ');
  return (message) => {
    const opened = openEnvelope(message);
    if (opened.kind === 'invalid') return opened;
    const { envelope, content } = opened;
    const kind = envelope.type === undefined ? main : kinds.get(envelope.type);
    if (kind === undefined) {
      return {
        kind: 'invalid',
        field: 'type',
        message: `The topic ${topic} has no messages of type ${envelope.type}.`,
        remedy: `Send one of ${known}.`,
      };
    }
    return kind.parse(content, envelope);
  };
};

const readers: { readonly [T in ReadTopic]: TopicReader<T> } = {
  'inbound-messages': readerOf('inbound-messages', messageKinds['inbound-messages']),
  consents: readerOf('consents', messageKinds.consents),
  'template-approvals': readerOf('template-approvals', messageKinds['template-approvals']),
  'delivery-reports': readerOf('delivery-reports', messageKinds['delivery-reports']),
  accounts: readerOf('accounts', messageKinds.accounts),
  'send-intents': readerOf('send-intents', messageKinds['send-intents']),
  'send-commands': readerOf('send-commands', messageKinds['send-commands']),
};

/** Reads one message of a topic. Never throws: what the outside sent can only be valid or invalid. */
export const readMessage = <T extends ReadTopic>(topic: T, message: ReceivedMessage): Reading<T> =>
  readers[topic](message);
