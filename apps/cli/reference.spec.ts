import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { cliReference, REFERENCE_FILE } from './reference.js';

test(`${REFERENCE_FILE} is what the program says (npm run reference)`, () => {
  expect(readFileSync(new URL(`../../${REFERENCE_FILE}`, import.meta.url), 'utf8')).toBe(cliReference());
});
