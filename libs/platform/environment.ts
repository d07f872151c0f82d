import 'reflect-metadata';
import { plainToInstance, Type } from 'class-transformer';
import { IsIn, IsInt, IsNotEmpty, IsOptional, Matches, Max, Min, ValidateIf, validateSync } from 'class-validator';
import { InfrastructureError } from '#application/errors';

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];
export const clockKinds = ['system', 'steerable'] as const;
export type ClockKind = (typeof clockKinds)[number];
export const apiKeyModes = ['auto', 'required', 'off'] as const;
export type ApiKeyMode = (typeof apiKeyModes)[number];
/** The provider that needs no settings: everything else is the name of a file. */
export const SANDBOX = 'sandbox';

export const PGLITE = 'pglite:';

const PREFIX = 'TIDEGATE_';
/** Variables of the tests' own. */
const TEST_PREFIX = 'TIDEGATE_TEST_';

interface Described {
  readonly name: string;
  readonly about: readonly string[];
}
const described: Described[] = [];

/** What `.env.example` says about a variable. */
const About =
  (...about: readonly string[]) =>
  (_environment: object, name: string): void => {
    described.push({ name, about });
  };

/** The environment variables of Tidegate, in the order of `.env.example`. Messages never quote a value: it may be secret. */
export class Environment {
  @About('The folder of everything that is kept on this machine.')
  @IsNotEmpty({ message: 'name a folder' })
  TIDEGATE_DATA: string = './data';

  @About(
    'Read models, and what the next two leave to it: postgres://user:password@host/database, or pglite:<folder>.',
    'Unset: embedded, in the data folder.',
  )
  @IsOptional()
  @Matches(/^(postgres(ql)?:\/\/[^/]|pglite:(?!\/\/).)/, {
    message: 'use postgres://user:password@host/database or pglite:<folder>',
  })
  TIDEGATE_DATABASE?: string;

  @About('The event store: esdb://host:2113, postgres://…, or pglite:<folder>. Unset: in TIDEGATE_DATABASE.')
  @IsOptional()
  @Matches(/^(esdb(\+discover)?:\/\/[^/]|postgres(ql)?:\/\/[^/]|pglite:(?!\/\/).)/, {
    message: 'use esdb://host:2113, postgres://user:password@host/database or pglite:<folder>',
  })
  TIDEGATE_EVENT_STORE?: string;

  @About('The message queue: kafka://host:9092,other:9092. Unset: in TIDEGATE_DATABASE.')
  @IsOptional()
  @Matches(/^kafka:\/\/[^/]/, {
    message: 'use kafka://host:9092, or leave it out to keep the queue in TIDEGATE_DATABASE',
  })
  TIDEGATE_QUEUE?: string;

  @About(
    `Who sends the messages: ${SANDBOX}, which sends nothing, or the JSON file of the accounts that send through Sinch and Meta.`,
  )
  @Matches(/^sandbox$|[./]/, { message: `use ${SANDBOX}, or the path of a JSON file such as ./provider.json` })
  TIDEGATE_PROVIDER: string = SANDBOX;

  @About('The JSON file of the accounts whose webhooks are taken in, with their secrets. Unset: none are.')
  @IsOptional()
  @IsNotEmpty({ message: 'name a file' })
  TIDEGATE_WEBHOOKS?: string;

  @About(
    'How the sandbox behaves: latencyMs=5&failureRate=0.05&timeoutRate=0.05&readRate=0.5&graceMs=5000&reportEveryMs=100&seed=1,',
    'or some of these. Rates are shares of the calls, from 0 to 1.',
  )
  @IsOptional()
  @IsNotEmpty({ message: 'use name=value&name=value' })
  TIDEGATE_SANDBOX?: string;

  @About(
    "The key of the customers' ids, at least 32 bytes in hex (openssl rand -hex 32). Keep it: with another one every",
    'customer is a stranger. Unset: made once in the data folder, if nothing is kept outside this machine.',
  )
  @ValidateIf((given: Environment) => given.TIDEGATE_IDENTITY_KEY !== undefined || !isEmbedded(given))
  @Matches(/^([\da-f]{2}){32,}$/i, {
    message: 'give at least 32 bytes in hex, as openssl rand -hex 32 prints them, the same to all processes',
  })
  TIDEGATE_IDENTITY_KEY?: string;

  @About('Where HTTP is served; 0.0.0.0 for everybody.')
  @IsNotEmpty({ message: 'name an address such as 127.0.0.1' })
  TIDEGATE_HTTP_HOST: string = '127.0.0.1';

  @About('0 takes any free port.')
  @Type(() => Number)
  @IsInt({ message: 'use a whole number from 0 to 65535' })
  @Min(0, { message: 'use a whole number from 0 to 65535' })
  @Max(65_535, { message: 'use a whole number from 0 to 65535' })
  TIDEGATE_HTTP_PORT: number = 8080;

  @About(
    'Whether requests need an API key (tidegate keys create). `auto`: once a key was made, and always where HTTP is',
    'served beyond this machine. `required`: always. `off`: never, where something in front of it keeps others out.',
  )
  @IsIn(apiKeyModes, { message: `use ${apiKeyModes.join(', ')}` })
  TIDEGATE_API_KEYS: ApiKeyMode = 'auto';

  @About(`One of ${logLevels.join(', ')}.`)
  @IsIn(logLevels, { message: `use one of ${logLevels.join(', ')}` })
  TIDEGATE_LOG_LEVEL: LogLevel = 'info';

  @About('`steerable` lets the API set the time, for trials and demonstrations.')
  @IsIn(clockKinds, { message: `use ${clockKinds.join(' or ')}` })
  TIDEGATE_CLOCK: ClockKind = 'system';

  @About('Messages and events that are handled at a time.')
  @Type(() => Number)
  @IsInt({ message: 'use a whole number from 1 to 10000' })
  @Min(1, { message: 'use a whole number from 1 to 10000' })
  @Max(10_000, { message: 'use a whole number from 1 to 10000' })
  TIDEGATE_BATCH_SIZE: number = 500;
}

/** Whether all engines live in folders of this machine, so that there is one process only. */
const isEmbedded = (given: Environment): boolean =>
  given.TIDEGATE_QUEUE === undefined &&
  [given.TIDEGATE_DATABASE, given.TIDEGATE_EVENT_STORE].every((url) => url === undefined || url.startsWith(PGLITE));

export type Variables = { readonly [name: string]: string | undefined };

/**
 * Reads the variables that begin with TIDEGATE_; an empty one counts as unset.
 * @throws InfrastructureError `config-invalid`, naming all variables at fault, each with its remedy
 */
export const parseEnvironment = (variables: Variables): Environment => {
  const given = Object.entries(variables)
    .map(([name, value = '']) => [name, value.trim()] as const)
    .filter(([name, value]) => name.startsWith(PREFIX) && !name.startsWith(TEST_PREFIX) && value !== '');
  const environment = plainToInstance(Environment, Object.fromEntries(given));
  // A misspelt variable would otherwise mean its default, such as a store on this machine.
  const problems = given
    .filter(([name]) => !described.some((known) => known.name === name))
    .map(([name]) => `${name}: remove or rename it, there is no such variable`);
  for (const { property, constraints = {} } of validateSync(environment)) {
    problems.push(`${property}: ${[...new Set(Object.values(constraints))].join('; ')}`);
  }
  // Customers get real messages then: their windows end by the world's clock, whatever ours says.
  if (environment.TIDEGATE_PROVIDER !== SANDBOX && environment.TIDEGATE_CLOCK === 'steerable')
    problems.push(`TIDEGATE_CLOCK: use system, or TIDEGATE_PROVIDER=${SANDBOX}: real messages go by the real time`);
  if (environment.TIDEGATE_PROVIDER !== SANDBOX && environment.TIDEGATE_SANDBOX !== undefined)
    problems.push(`TIDEGATE_SANDBOX: remove it, or use TIDEGATE_PROVIDER=${SANDBOX}`);
  if (problems.length > 0) {
    throw new InfrastructureError('config-invalid', ['The environment is not valid.', ...problems].join('\n  '));
  }
  return environment;
};

export interface EnvironmentVariable extends Described {
  /** Undefined where being unset has a meaning of its own, which `about` tells. */
  readonly default: string | undefined;
}

/** All variables in the order of `.env.example`. */
export const environmentVariables = (): readonly EnvironmentVariable[] => {
  const defaults = new Map<string, unknown>(Object.entries(new Environment()));
  return described.map(({ name, about }) => {
    const value = defaults.get(name);
    return { name, about, default: value === undefined ? undefined : String(value) };
  });
};

/** The text of the file `.env.example`: every variable with its default; those without one are commented out. */
export const envExample = (): string =>
  environmentVariables()
    .map(({ name, about, default: value }) => {
      const line = value === undefined ? `# ${name}=` : `${name}=${value}`;
      return [...about.map((sentence) => `# ${sentence}`), line, ''].join('\n');
    })
    .join('\n');
