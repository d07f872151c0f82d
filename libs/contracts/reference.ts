import { messageKinds, type Kind } from './inbound/kinds.js';
import { definitions } from './inbound/schemas.js';
import { topicName, type ReadTopic } from './topics.js';

const topics: readonly (readonly [ReadTopic, readonly Kind<string, unknown>[]])[] = [
  ['inbound-messages', messageKinds['inbound-messages']],
  ['consents', messageKinds.consents],
  ['template-approvals', messageKinds['template-approvals']],
  ['delivery-reports', messageKinds['delivery-reports']],
  ['accounts', messageKinds.accounts],
  ['send-intents', messageKinds['send-intents']],
  ['send-commands', messageKinds['send-commands']],
];

const referred = (schema: unknown): readonly string[] =>
  [...JSON.stringify(schema).matchAll(/"#\/definitions\/(\w+)"/g)].flatMap(([, name]) => name ?? []);

/** The class's schema with only the definitions that it needs. */
const published = (dto: { readonly name: string }, $id: string): object => {
  const all = definitions();
  const needed: Record<string, object> = {};
  const follow = (schema: object | undefined): void => {
    for (const name of referred(schema ?? {})) {
      const definition = all[name];
      if (definition === undefined || Object.hasOwn(needed, name)) continue;
      needed[name] = definition;
      follow(definition);
    }
  };
  follow(all[dto.name]);
  return { $schema: 'http://json-schema.org/draft-07/schema#', $id, ...all[dto.name], definitions: needed };
};

const asyncApi = (): object => ({
  asyncapi: '3.0.0',
  info: { title: 'Tidegate', version: '1', description: 'What Tidegate reads. Keys: account and customer.' },
  defaultContentType: 'application/json',
  channels: Object.fromEntries(
    topics.map(([topic, kinds]) => [
      topic,
      {
        address: topicName(topic),
        messages: Object.fromEntries(
          kinds.map(({ name }) => [
            name,
            {
              name: `tidegate.${topic}.${name}`,
              payload: {
                schemaFormat: 'application/schema+json;version=draft-07',
                schema: { $ref: `./schemas/tidegate.${topic}.${name}.json` },
              },
            },
          ]),
        ),
      },
    ]),
  ),
  operations: Object.fromEntries(
    topics.map(([topic]) => [`read-${topic}`, { action: 'receive', channel: { $ref: `#/channels/${topic}` } }]),
  ),
});

/** The generated reference: file name below docs/reference, and its JSON. */
export const referenceFiles = (): ReadonlyMap<string, object> => {
  const files = new Map<string, object>([['asyncapi.json', asyncApi()]]);
  for (const [topic, kinds] of topics) {
    for (const { name, dto } of kinds) {
      const file = `tidegate.${topic}.${name}.json`;
      files.set(`schemas/${file}`, published(dto, file));
    }
  }
  return files;
};
