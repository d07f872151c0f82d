import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { referenceFiles } from './reference.js';
import { inboundTopics, outboundTopics, topicName } from './topics.js';

const files = referenceFiles();
const jsonAt = (path: string | URL): unknown => JSON.parse(readFileSync(path, 'utf8'));

test.each([...files])('docs/reference/%s is what the contracts say', (name, content) => {
  const written = jsonAt(new URL(`../../docs/reference/${name}`, import.meta.url));
  expect(written).toEqual(JSON.parse(JSON.stringify(content)));
});

const schemas = [...files].filter(([name]) => name.startsWith('schemas/'));

describe('each published schema stands alone', () => {
  test.each(schemas)('%s', (_, schema) => {
    const ajv = new Ajv({ discriminator: true, strict: false, validateFormats: false });
    expect(ajv.compile(schema)({})).toBe(false);
  });
});

describe('the AsyncAPI document', () => {
  const document: unknown = JSON.parse(JSON.stringify(files.get('asyncapi.json')));
  const specification = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json');
  const isAsyncApi = new Ajv({ strict: false, validateFormats: false }).compile(Object(jsonAt(specification)));

  test('is one by the rules of AsyncAPI 3.0', () => {
    expect([isAsyncApi(document), isAsyncApi.errors]).toEqual([true, null]);
  });

  test('those rules notice what is wrong', () => {
    const wrong = JSON.stringify(document).replace('"action":"send"', '"action":"shout"');
    expect(isAsyncApi(JSON.parse(wrong))).toBe(false);
  });

  test('has every topic', () => {
    const addresses = [...JSON.stringify(document).matchAll(/"address":"([^"]+)"/g)].map(([, address]) => address);
    expect(addresses.toSorted()).toEqual([...inboundTopics, ...outboundTopics].map(topicName).toSorted());
  });

  /** Follows a pointer such as `#/channels/consents`. */
  const at = (pointer: string): unknown =>
    pointer
      .split('/')
      .slice(1)
      .reduce((part: unknown, name) => Object.entries(Object(part)).find(([key]) => key === name)?.[1], document);

  test('every reference leads somewhere, and every schema is referred to', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref ?? '');
    for (const ref of references.filter((ref) => ref.startsWith('#')))
      expect([ref, at(ref)]).not.toEqual([ref, undefined]);
    const outside = references.filter((ref) => ref.startsWith('./')).map((ref) => ref.slice(2));
    expect(outside.toSorted()).toEqual(schemas.map(([name]) => name).toSorted());
  });
});
