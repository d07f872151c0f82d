/** Topics that Tidegate reads. */
export const inboundTopics = [
  'inbound-messages',
  'consents',
  'template-approvals',
  'delivery-reports',
  'accounts',
  'send-intents',
] as const;
export type InboundTopic = (typeof inboundTopics)[number];

/** Topics that Tidegate writes. */
export const outboundTopics = ['send-decisions', 'send-commands', 'dead-letters', 'session-windows', 'mau'] as const;
export type OutboundTopic = (typeof outboundTopics)[number];

/** Of each key the queue keeps the last message for ever: who reads from the start ends with what there is. */
export const compactedTopics: readonly OutboundTopic[] = ['session-windows', 'mau'];

/** Topics whose messages Tidegate reads: the provider app reads our own commands. */
export type ReadTopic = InboundTopic | 'send-commands';

export type Topic = InboundTopic | OutboundTopic;

/** The topic's name in the queue; a breaking change of its contract is a new version beside the old one. */
export const topicName = <T extends Topic>(topic: T): `tidegate.${T}.v1` => `tidegate.${topic}.v1`;

/** Messages about one customer keep their order by this key. `customer` is a customer's id, or an alias upstream. */
export const partitionKey = (account: string, customer: string): string => `${account}.${customer}`;
