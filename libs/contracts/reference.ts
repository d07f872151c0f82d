import { messageKinds } from './inbound/kinds.js';
import { definitions, definitionsFor } from './inbound/schemas.js';
import { writtenKinds } from './outbound/kinds.js';
import { inboundTopics, outboundTopics, topicName, type ReadTopic, type Topic } from './topics.js';

interface PublishedKind {
  readonly name: string;
  readonly dto: { readonly name: string };
}

const kinds: Readonly<Record<Topic, readonly PublishedKind[]>> = { ...messageKinds, ...writtenKinds };

const topics: readonly Topic[] = [...inboundTopics, ...outboundTopics];
const readTopics: readonly ReadTopic[] = [...inboundTopics, 'send-commands'];
const isWritten = (topic: Topic): boolean => outboundTopics.some((written) => written === topic);

/** The class's schema with only the definitions that it needs. */
const published = (dto: { readonly name: string }, $id: string): object => {
  const schema = definitions()[dto.name];
  return { $schema: 'http://json-schema.org/draft-07/schema#', $id, ...schema, definitions: definitionsFor(schema) };
};

const typeOf = (topic: Topic, { name }: PublishedKind): string => `tidegate.${topic}.${name}`;
const schemaFile = (topic: Topic, kind: PublishedKind): string => `schemas/${typeOf(topic, kind)}.json`;
const text = { type: 'string', minLength: 1 };

/** The whole value of a message that Tidegate writes: a CloudEvent in structured mode. */
const writtenPayload = (topic: Topic, kind: PublishedKind): object => ({
  type: 'object',
  required: ['specversion', 'id', 'source', 'type', 'time', 'datacontenttype', 'data'],
  properties: {
    specversion: { const: '1.0' },
    id: { ...text, description: 'The same for a repeat: drop what has been seen.' },
    source: { ...text, description: 'Which app says so, for example /tidegate/dispatcher.' },
    type: { const: typeOf(topic, kind) },
    time: { type: 'string', format: 'date-time' },
    datacontenttype: { const: 'application/json' },
    traceparent: { ...text, description: 'W3C trace context.' },
    data: { $ref: `./${schemaFile(topic, kind)}` },
  },
});

const message = (topic: Topic, kind: PublishedKind): object => {
  const schemaFormat = 'application/schema+json;version=draft-07';
  const name = typeOf(topic, kind);
  if (isWritten(topic)) {
    return {
      name,
      contentType: 'application/cloudevents+json',
      payload: { schemaFormat, schema: writtenPayload(topic, kind) },
      bindings: { $ref: '#/components/messageBindings/keyed' },
    };
  }
  return {
    name,
    traits: [{ $ref: '#/components/messageTraits/cloudEvent' }],
    payload: { schemaFormat, schema: { $ref: `./${schemaFile(topic, kind)}` } },
    bindings: { $ref: '#/components/messageBindings/keyed' },
  };
};

const operation = (action: 'receive' | 'send', topic: Topic): object => ({
  action,
  channel: { $ref: `#/channels/${topic}` },
});

const asyncApi = (): object => ({
  asyncapi: '3.0.0',
  info: {
    title: 'Tidegate',
    version: '1',
    description:
      'The topics that Tidegate reads (`receive`) and writes (`send`). Messages are CloudEvents 1.0. It reads binary mode (headers `ce_*`), structured mode, and plain JSON, which is taken for the first kind of its topic. It writes structured mode.',
    license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
  },
  defaultContentType: 'application/json',
  channels: Object.fromEntries(
    topics.map((topic) => [
      topic,
      {
        address: topicName(topic),
        messages: Object.fromEntries(kinds[topic].map((kind) => [kind.name, message(topic, kind)])),
      },
    ]),
  ),
  operations: Object.fromEntries([
    ...readTopics.map((topic) => [`read-${topic}`, operation('receive', topic)]),
    ...outboundTopics.map((topic) => [`write-${topic}`, operation('send', topic)]),
  ]),
  components: {
    messageTraits: {
      cloudEvent: {
        contentType: 'application/json',
        headers: {
          type: 'object',
          description: 'CloudEvents in binary mode: all of the first four, or none.',
          properties: {
            ce_specversion: { const: '1.0' },
            ce_id: { ...text, description: 'Correlates all that follows.' },
            ce_source: text,
            ce_type: { ...text, description: 'The name of the message, tidegate.<topic>.<kind>.' },
            traceparent: { ...text, description: 'W3C trace context.' },
          },
        },
      },
    },
    messageBindings: {
      keyed: {
        kafka: {
          key: {
            type: 'string',
            description:
              'Messages of one key keep their order: `<account>.<customer>` where a customer is meant, `<account>.<id>` for a session, `<account>.<month>` for a month. Of the topics session-windows and mau the last message of each key is kept.',
          },
          bindingVersion: '0.5.0',
        },
      },
    },
  },
});

/** The generated reference: file name below docs/reference, and its JSON. */
export const referenceFiles = (): ReadonlyMap<string, object> => {
  const files = new Map<string, object>([['asyncapi.json', asyncApi()]]);
  for (const topic of topics) {
    for (const kind of kinds[topic]) {
      const file = schemaFile(topic, kind);
      files.set(file, published(kind.dto, file.slice('schemas/'.length)));
    }
  }
  return files;
};
