import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { environmentVariables } from './environment.js';
import { PrometheusTelemetry } from './metrics.js';
import { referenceFiles } from './reference.js';

const files = referenceFiles();

test.each([...files])('%s is what the code says', (path, content) => {
  expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(content);
});

test('every variable of the environment is on its page', () => {
  const page = files.get('docs/reference/configuration.md') ?? '';
  for (const { name } of environmentVariables()) expect(page).toContain(`\n| \`${name}\` `);
});

test('every metric is on its page, with its labels', async () => {
  const served = (await new PrometheusTelemetry().text()).matchAll(/^# TYPE (\w+) (\w+)$/gm);
  const page = files.get('docs/reference/metrics.md') ?? '';
  for (const [, name, kind] of served) expect(page).toMatch(new RegExp(`\\| \`${name}\` +\\| ${kind} +\\|`));
  expect(page).toMatch(/`tidegate_decisions_total` +\| counter +\| `outcome`, `reason` +\|/);
});
