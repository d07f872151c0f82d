import { expect, test } from '@jest/globals';
import { parseCommandLine } from './command-line.js';
import { environmentVariables } from './environment.js';

test('options prevail over the environment, and what they do not name stays', () => {
  const environment = { TIDEGATE_CLOCK: 'system', TIDEGATE_HTTP_PORT: '1' };
  expect(parseCommandLine('tidegate', ['--clock=steerable'], environment)).toEqual({
    kind: 'run',
    variables: { TIDEGATE_CLOCK: 'steerable', TIDEGATE_HTTP_PORT: '1' },
  });
});

test('the help names every option with its variable', () => {
  const help = parseCommandLine('tidegate', ['--help'], {});
  if (help.kind !== 'help') throw new Error('no help');
  for (const { name } of environmentVariables()) expect(help.text).toContain(name);
  expect(help.text).toContain('--http-port=…   TIDEGATE_HTTP_PORT, default 8080');
});

test.each([['--clok=steerable'], ['stray'], ['--clock']])('%s is refused, and the help is named', (argument) => {
  expect(() => parseCommandLine('tidegate', [argument], {})).toThrow(
    expect.objectContaining({ code: 'config-invalid', message: expect.stringContaining('--help') }),
  );
});
