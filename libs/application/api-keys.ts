import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Instant } from '#domain/time';
import { roles, type ApiKey, type Role } from './ports/api-keys.js';

/** Finds a leaked key in a text, as secret scanners do. */
const PREFIX = 'tg';
const FORM = /^tg_([0-9a-f]{12})_([\w-]{43})$/;

export interface IssuedKey {
  /** To be stored. */
  readonly key: ApiKey;
  /** To be shown once: `tg_<id>_<secret>`. */
  readonly token: string;
}

type Terms = Pick<ApiKey, 'account' | 'role' | 'name' | 'expiresAt'>;

/** 256 random bits need no slow hash: nobody guesses them, so there is nothing to slow down. */
export const issueKey = (
  terms: Terms,
  createdAt: Instant,
  random: (bytes: number) => Buffer = randomBytes,
): IssuedKey => {
  const id = random(6).toString('hex');
  const secret = random(32).toString('base64url');
  return { key: { ...terms, id, hash: hash('sha256', secret), createdAt }, token: `${PREFIX}_${id}_${secret}` };
};

/** The id and the secret of what was given as a key; undefined for what is none. */
export const readToken = (token: string): { readonly id: string; readonly secret: string } | undefined => {
  const [, id, secret] = FORM.exec(token) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
};

/** Whether the secret opens the key now. */
export const opens = (key: ApiKey, secret: string, now: Instant): boolean =>
  key.revokedAt === undefined &&
  (key.expiresAt === undefined || now < key.expiresAt) &&
  timingSafeEqual(Buffer.from(key.hash, 'hex'), Buffer.from(hash('sha256', secret), 'hex'));

export const mayActAs = (role: Role, needed: Role): boolean => roles.indexOf(role) >= roles.indexOf(needed);
