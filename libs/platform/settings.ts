import { readFileSync } from 'node:fs';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { InfrastructureError } from '#application/errors';
import type { Variables } from './environment.js';

/** What is wrong with one field, and the remedy. Never quotes a value: it may be secret. */
export interface Fault {
  readonly field: string;
  readonly remedy: string;
}

const faultsOf = (settings: object, given: Readonly<Record<string, unknown>>, field: string): readonly Fault[] =>
  validateSync(settings, { whitelist: true, forbidNonWhitelisted: true }).map(({ property, constraints = {} }) => ({
    field: `${field}.${property}`,
    remedy:
      'whitelistValidation' in constraints
        ? 'remove or rename it, there is no such setting'
        : (unreadIn(given[property]) ?? [...new Set(Object.values(constraints))].join('; ')),
  }));

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isNothingBut = (value: object, ...names: readonly string[]): boolean =>
  Object.keys(value).length === 1 && names.some((name) => Object.hasOwn(value, name));

/** How to mend a reference that leads nowhere. */
const unreadIn = (value: unknown): string | undefined => {
  if (Array.isArray(value)) return value.map(unreadIn).find((remedy) => remedy !== undefined);
  if (!isRecord(value) || !isNothingBut(value, 'env', 'file')) return undefined;
  const { env, file } = value;
  if (typeof env === 'string') return `set the variable ${env}`;
  return typeof file === 'string' ? `name a file that can be read, not ${file}` : undefined;
};

/**
 * The settings with what they refer to in place of each `{"env": "NAME"}` and `{"file": "/path"}`, so that a file that
 * is shown around needs no secrets. What cannot be read stays as it is: no setting is such an object, so that the check
 * of the field names it with its remedy. Line ends at the end of a file are not part of it.
 */
export const withReferences = (value: unknown, variables: Variables): unknown => {
  if (Array.isArray(value)) return value.map((entry: unknown) => withReferences(entry, variables));
  if (!isRecord(value)) return value;
  if (!isNothingBut(value, 'env', 'file'))
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, withReferences(entry, variables)]));
  const { env, file } = value;
  if (typeof env === 'string') return variables[env] ?? value;
  if (typeof file !== 'string') return value;
  try {
    return readFileSync(file, 'utf8').replace(/[\r\n]+$/u, '');
  } catch {
    return value;
  }
};

/**
 * The JSON of a settings file, its references followed.
 * @param variable that names the file
 * @throws InfrastructureError `config-invalid`; never with the parser's message, which quotes the text around a fault
 */
export const readSettingsFile = (path: string, variable: string, variables: Variables): unknown => {
  const invalid = (message: string, cause?: unknown): InfrastructureError =>
    new InfrastructureError('config-invalid', `${variable}: ${message}`, { cause });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw invalid(`name a file that can be read, not ${path}`, cause);
  }
  let settings: unknown;
  try {
    settings = JSON.parse(text);
  } catch {
    throw invalid('the file is not JSON');
  }
  return withReferences(settings, variables);
};

/** One object of settings as the class has it, or `undefined` and what is wrong with it. */
export const settingsIn = <T extends object>(
  type: new () => T,
  given: unknown,
  field: string,
  faults: Fault[],
): T | undefined => {
  if (!isRecord(given)) {
    faults.push({ field, remedy: 'give an object' });
    return undefined;
  }
  const settings = plainToInstance(type, given);
  const found = faultsOf(settings, given, field);
  faults.push(...found);
  return found.length === 0 ? settings : undefined;
};

/** @throws InfrastructureError `config-invalid`, naming all fields at fault, if there are any */
export const throwFaults = (faults: readonly Fault[], what: string): void => {
  const [first] = faults;
  if (first === undefined) return;
  const lines = faults.map(({ field, remedy }) => `${field}: ${remedy}`);
  throw new InfrastructureError('config-invalid', [`${what} not valid.`, ...lines].join('\n  '), {
    field: first.field,
  });
};

/**
 * Settings by account, each an object of the class, with all its decorators satisfied.
 * @throws InfrastructureError `config-invalid`, naming all fields at fault, each with its remedy
 */
export const settingsByAccount = <T extends object>(
  type: new () => T,
  given: unknown,
  name: string,
): ReadonlyMap<string, T> => {
  const settings = new Map<string, T>();
  const faults: Fault[] = [];
  if (!isRecord(given)) faults.push({ field: name, remedy: 'give an object with one entry per account' });
  else {
    for (const [account, entry] of Object.entries(given)) {
      const field = `${name}.${account}`;
      if (!/^[a-z0-9_]{1,64}$/u.test(account)) {
        faults.push({ field, remedy: "use the account's name: lower-case letters, digits and _" });
      } else {
        const instance = settingsIn(type, entry, field, faults);
        if (instance !== undefined) settings.set(account, instance);
      }
    }
  }
  throwFaults(faults, 'The settings are');
  return settings;
};
