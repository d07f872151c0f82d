import { beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { undescribed } from '#testing/described-api';
import { reportsPage } from '#adapters/postgres/reports';
import { openApi } from './reference.js';

let document: unknown;
beforeAll(async () => {
  document = JSON.parse(JSON.stringify(await openApi()));
});

test('docs/reference/openapi.json is what the code says', () => {
  const written = readFileSync(new URL('../../docs/reference/openapi.json', import.meta.url), 'utf8');
  expect(JSON.parse(written)).toEqual(document);
});

test('docs/reference/sql.md is what the views are', () => {
  const written = readFileSync(new URL('../../docs/reference/sql.md', import.meta.url), 'utf8');
  expect(written).toBe(reportsPage());
});

const entriesOf = (value: unknown): readonly (readonly [string, unknown])[] => Object.entries(Object(value));
const at = (value: unknown, name: string): unknown => entriesOf(value).find(([key]) => key === name)?.[1];

/** Every described answer: method, path, status, content type, media type object. */
const answers = (): readonly (readonly [string, string, string, string, unknown])[] =>
  entriesOf(at(document, 'paths')).flatMap(([path, operations]) =>
    entriesOf(operations).flatMap(([method, operation]) =>
      entriesOf(at(operation, 'responses')).flatMap(([status, answer]) =>
        entriesOf(at(answer, 'content')).map(([type, media]) => [method, path, status, type, media] as const),
      ),
    ),
  );

describe('the description', () => {
  test('says of every operation what it is for and how it answers', () => {
    for (const [path, operations] of entriesOf(at(document, 'paths'))) {
      for (const [method, operation] of entriesOf(operations)) {
        expect([path, method, at(operation, 'summary')]).toEqual([path, method, expect.stringMatching(/\w/)]);
        const bare = entriesOf(at(operation, 'responses')).filter(([, answer]) => at(answer, 'content') === undefined);
        expect([path, method, bare]).toEqual([path, method, []]);
      }
    }
  });

  test('gives examples that are as it says', () => {
    const examples = answers().filter(([, , , , media]) => at(media, 'example') !== undefined);
    expect(examples.length).toBeGreaterThan(8);
    for (const [method, path, status, type, media] of examples) {
      const body = at(media, 'example');
      const exchange = { method, path: path.replaceAll(/[{}]/g, ''), status: Number(status), type, body };
      expect(undescribed(document, exchange)).toEqual([]);
    }
  });

  test('answers every error as a problem', () => {
    const errors = answers().filter(([, path, status]) => Number(status) >= 400 && !path.startsWith('/health/'));
    expect(errors.length).toBeGreaterThan(12);
    for (const [, , , type] of errors) expect(type).toBe('application/problem+json');
  });

  test('has every schema that it refers to, and no other', () => {
    const json = JSON.stringify(document);
    const referred = new Set([...json.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name));
    const names = entriesOf(at(at(document, 'components'), 'schemas')).map(([name]) => name);
    expect([...referred].toSorted()).toEqual(names.toSorted());
    expect(json).not.toContain('#/definitions/');
  });
});
