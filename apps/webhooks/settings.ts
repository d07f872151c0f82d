import 'reflect-metadata';
import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import { plainToInstance } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  validateSync,
} from 'class-validator';
import { InfrastructureError } from '#application/errors';
import { SECOND_MS } from '#domain/time';
import { StringMap } from '#contracts/inbound/fields';
import type { Variables } from '#platform/environment';
import { readSettingsFile } from '#platform/settings';

export const VARIABLE = 'TIDEGATE_WEBHOOKS';

const SECRET = /^\S{8,256}$/;
const SENDER = /^\d{5,15}$/;

/** One secret, or two while it is changed: whoever signs with either is the provider. */
const Secrets = (): PropertyDecorator => (target, property) => {
  for (const decorate of [
    IsArray({ message: 'give an array of one secret, or of two while you change it' }),
    ArrayMinSize(1, { message: 'give at least one secret' }),
    ArrayMaxSize(2, { message: 'give at most two secrets: the new one and the one before' }),
    ArrayUnique({ message: 'give two different secrets' }),
    IsString({ each: true, message: 'give each secret as a string' }),
    Matches(SECRET, { each: true, message: 'give each secret as 8 to 256 characters without spaces' }),
  ])
    decorate(target, property);
};

/** `senders`: which of the account's senders each of the provider's own ids is. */
class ProviderFile {
  @Secrets() secrets: string[];
  @IsOptional() @StringMap() senders?: Record<string, string>;
}

class SinchFile extends ProviderFile {
  /** Of callbacks that name neither a sender nor an app of `senders`. */
  @IsOptional() @Matches(SENDER, { message: 'give a business number in digits' }) sender?: string;

  @IsInt({ message: 'use a whole number of seconds from 1 to 86400' })
  @Min(1, { message: 'use a whole number of seconds from 1 to 86400' })
  @Max(86_400, { message: 'use a whole number of seconds from 1 to 86400' })
  toleranceSeconds: number = 300;
}

class MetaFile extends ProviderFile {
  @Matches(SECRET, { message: 'give the verify token of the subscription, 8 to 256 characters without spaces' })
  verifyToken: string;
}

class ListenFile {
  @IsString({ message: 'name an address such as 127.0.0.1' }) host: string = '127.0.0.1';

  @IsInt({ message: 'use a whole number from 0 to 65535' })
  @Min(0, { message: 'use a whole number from 0 to 65535' })
  @Max(65_535, { message: 'use a whole number from 0 to 65535' })
  port: number = 8081;
}

/** Secrets as keys, which neither a log nor an error can show. */
export interface ProviderSettings {
  readonly secrets: readonly KeyObject[];
  readonly senders: ReadonlyMap<string, string>;
}
export interface SinchSettings extends ProviderSettings {
  readonly sender: string | undefined;
  /** How old, or how far ahead, a signature's time may be. */
  readonly toleranceMs: number;
}
export interface MetaSettings extends ProviderSettings {
  /** SHA-256 of the verify token. */
  readonly verifyToken: Buffer;
}

/** Where webhooks are taken in, and from whom: the providers of each account. */
export abstract class WebhookSettings {
  abstract readonly host: string;
  abstract readonly port: number;
  abstract readonly sinch: ReadonlyMap<string, SinchSettings>;
  abstract readonly meta: ReadonlyMap<string, MetaSettings>;
}

export const tokenDigest = (token: string): Buffer => createHash('sha256').update(token).digest();

/** @throws InfrastructureError `config-invalid`, naming every field at fault with its remedy and never a value */
export const loadSettings = (path: string, variables: Variables): WebhookSettings =>
  parseSettings(readSettingsFile(path, VARIABLE, variables));

/** @throws InfrastructureError as `loadSettings` does */
export const parseSettings = (given: unknown): WebhookSettings => {
  const problems: string[] = [];
  const root = recordIn(given, '', ['listen', 'accounts'], problems);
  const listen = checked(ListenFile, root['listen'] ?? {}, 'listen', problems);
  const sinch = new Map<string, SinchSettings>();
  const meta = new Map<string, MetaSettings>();
  const accounts = Object.entries(recordIn(root['accounts'], 'accounts', undefined, problems));
  if (accounts.length === 0) problems.push('accounts: name at least one account with its providers');
  for (const [account, given] of accounts) {
    const path = `accounts.${account}`;
    if (!/^[a-z0-9_]{1,64}$/.test(account)) problems.push(`${path}: use a name of a-z, 0-9 and _`);
    const providers = recordIn(given, path, ['sinch', 'meta'], problems);
    if (providers['sinch'] !== undefined) {
      const file = checked(SinchFile, providers['sinch'], `${path}.sinch`, problems);
      if (file !== undefined) sinch.set(account, sinchSettings(file));
    }
    if (providers['meta'] !== undefined) {
      const file = checked(MetaFile, providers['meta'], `${path}.meta`, problems);
      if (file !== undefined) meta.set(account, { ...settingsOf(file), verifyToken: tokenDigest(file.verifyToken) });
    }
  }
  if (listen === undefined || problems.length > 0) {
    throw new InfrastructureError(
      'config-invalid',
      [`The file of ${VARIABLE} is not valid.`, ...problems].join('\n  '),
    );
  }
  return { host: listen.host, port: listen.port, sinch, meta };
};

const recordIn = (
  value: unknown,
  path: string,
  names: readonly string[] | undefined,
  problems: string[],
): Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push(`${path === '' ? 'The file' : path}: give an object`);
    return {};
  }
  for (const name of Object.keys(value)) {
    if (names?.includes(name) === false) problems.push(`${path === '' ? '' : `${path}.`}${name}: remove or rename it`);
  }
  return { ...value };
};

const checked = <T extends object>(
  type: new () => T,
  value: unknown,
  path: string,
  problems: string[],
): T | undefined => {
  const before = problems.length;
  const file = plainToInstance(type, recordIn(value, path, undefined, problems));
  for (const { property, constraints = {} } of validateSync(file, { whitelist: true, forbidNonWhitelisted: true })) {
    const remedies =
      'whitelistValidation' in constraints ? ['remove or rename it'] : [...new Set(Object.values(constraints))];
    problems.push(`${path}.${property}: ${remedies.join('; ')}`);
  }
  return problems.length === before ? file : undefined;
};

const settingsOf = ({ secrets, senders = {} }: ProviderFile): ProviderSettings => ({
  secrets: secrets.map((secret) => createSecretKey(secret, 'utf8')),
  senders: new Map(Object.entries(senders)),
});

const sinchSettings = (file: SinchFile): SinchSettings => ({
  ...settingsOf(file),
  sender: file.sender,
  toleranceMs: file.toleranceSeconds * SECOND_MS,
});
