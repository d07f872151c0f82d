import { expect, test } from '@jest/globals';
import { parseSandboxOptions } from './sandbox-options.js';

test('what is not named keeps its default', () => {
  const defaults = parseSandboxOptions();
  expect(parseSandboxOptions('latencyMs=7&failureRate=0.05')).toEqual({ ...defaults, latencyMs: 7, failureRate: 0.05 });
});

test.each([
  ['speed=1', /TIDEGATE_SANDBOX: speed is none of seed, /],
  ['failureRate=2', /failureRate must be a share from 0 to 1/],
  ['latencyMs=0.5', /latencyMs must be a whole number/],
  ['seed=', /seed must be a whole number/],
])('%s is refused with its remedy', (text, message) => {
  expect(() => parseSandboxOptions(text)).toThrow(message);
});
