import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { readFileSync } from 'node:fs';
import { referenceFiles } from './reference.js';

const files = [...referenceFiles()];

test.each(files)('docs/reference/%s is what the contracts say', (name, content) => {
  const written: unknown = JSON.parse(readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8'));
  expect(written).toEqual(JSON.parse(JSON.stringify(content)));
});

describe('each published schema stands alone', () => {
  test.each(files.filter(([name]) => name.startsWith('schemas/')))('%s', (_, schema) => {
    const ajv = new Ajv({ discriminator: true, strict: false, validateFormats: false });
    expect(ajv.compile(schema)({})).toBe(false);
  });
});
