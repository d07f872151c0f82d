import { createHmac } from 'node:crypto';

/** How a message names a customer: at least one alias. */
export interface Aliases {
  readonly phone?: string | undefined;
  readonly userId?: string | undefined;
}

/** Numbers are kept as given, never repaired; only a leading plus is no digit of E.164 (rules §11, case 24). */
const canonical = ({ phone, userId }: Aliases): string =>
  phone === undefined ? `user:${userId ?? ''}` : `phone:${phone.startsWith('+') ? phone.slice(1) : phone}`;

/** Names customers without naming persons: a keyed hash, so that no phone number is in a stream name, a key or a metric (rules §2). */
export class CustomerIdentity {
  readonly #key: Buffer;

  constructor(key: Uint8Array) {
    this.#key = Buffer.from(key);
  }

  /** 26 characters, `[A-Za-z0-9_-]` without dots: 156 bits of HMAC-SHA-256. */
  customerOf(account: string, aliases: Aliases): string {
    return createHmac('sha256', this.#key)
      .update(`${account}\n${canonical(aliases)}`)
      .digest('base64url')
      .slice(0, 26);
  }
}
