import { parseArgs } from 'node:util';
import { InfrastructureError } from '#application/errors';
import { environmentVariables, type Variables } from './environment.js';

/** `--http-port` for TIDEGATE_HTTP_PORT: whatever the environment can say, the command line can say too. */
const optionOf = (variable: string): string => variable.replace('TIDEGATE_', '').toLowerCase().replaceAll('_', '-');

export type CommandLine =
  | { readonly kind: 'run'; readonly variables: Variables }
  | { readonly kind: 'help'; readonly text: string };

/**
 * What the arguments ask for; their options prevail over the environment.
 * @throws InfrastructureError `config-invalid` for an option that does not exist
 */
export const parseCommandLine = (app: string, args: readonly string[], environment: Variables): CommandLine => {
  const names = environmentVariables().map(({ name }) => name);
  const options = Object.fromEntries(names.map((name) => [optionOf(name), { type: 'string' }] as const));
  let values: Readonly<Record<string, string | boolean | undefined>>;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      strict: true,
    }));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InfrastructureError('config-invalid', `${why} See --help.`, { cause });
  }
  if (values['help'] === true) return { kind: 'help', text: helpOf(app) };
  const given = names.flatMap((name) => {
    const value = values[optionOf(name)];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  return { kind: 'run', variables: { ...environment, ...Object.fromEntries(given) } };
};

const helpOf = (app: string): string =>
  [
    `Usage: ${app} [--option=value …]`,
    '',
    'Runs until SIGINT or SIGTERM. Each option is also an environment variable; the option prevails.',
    '',
    ...environmentVariables().flatMap(({ name, about, default: value }) => [
      `  --${optionOf(name)}=…   ${name}${value === undefined ? '' : `, default ${value}`}`,
      ...about.map((sentence) => `      ${sentence}`),
    ]),
    '',
    'Exit codes: 0 stopped in order, 1 failed (start it again), 78 misconfigured, 124 stopped late, 130 asked twice.',
    '',
  ].join('\n');
