import type { Instant } from '#domain/time';

/** What a key may do; each may do what those before it may. */
export const roles = ['reader', 'auditor', 'operator'] as const;
export type Role = (typeof roles)[number];

/** A key to the HTTP API, of one account. The secret itself is never stored. */
export interface ApiKey {
  /** Public: names the key in lists and in the key itself. */
  readonly id: string;
  readonly account: string;
  readonly role: Role;
  /** Whose it is, for people. */
  readonly name: string;
  /** SHA-256 of the secret, in hex. */
  readonly hash: string;
  readonly createdAt: Instant;
  readonly expiresAt?: Instant | undefined;
  readonly revokedAt?: Instant | undefined;
}

export abstract class ApiKeys {
  abstract find(id: string): Promise<ApiKey | undefined>;
  /** Whether there is any key, revoked ones included: who once asked for keys goes on to. */
  abstract areUsed(): Promise<boolean>;
  abstract add(key: ApiKey): Promise<void>;
  /** Of one account, or all; the oldest first. */
  abstract list(account?: string): Promise<readonly ApiKey[]>;
  /** False where there is no such key. One that is revoked stays as it is. */
  abstract revoke(id: string, at: Instant): Promise<boolean>;
}
