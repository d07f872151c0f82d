import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** How a message names a customer: at least one alias. */
export interface Aliases {
  readonly phone?: string | undefined;
  readonly userId?: string | undefined;
}

/** Numbers are kept as given, never repaired; only a leading plus is no digit of E.164 (rules §11, case 24). */
const canonical = ({ phone, userId }: Aliases): string =>
  phone === undefined ? `user:${userId ?? ''}` : `phone:${phone.startsWith('+') ? phone.slice(1) : phone}`;

const REMEMBERED = 20_000;

/** Names customers without naming persons: a keyed hash, so that no phone number is in a stream name, a key or a metric (rules §2). */
export class CustomerIdentity {
  readonly #key: Buffer;
  /** An id takes several microseconds to make, and a conversation asks for the same one again and again. */
  readonly #known = new LRUCache<string, string>({ max: REMEMBERED });

  constructor(key: Uint8Array) {
    this.#key = Buffer.from(key);
  }

  /** 26 characters, `[A-Za-z0-9_-]` without dots: 156 bits of HMAC-SHA-256. */
  customerOf(account: string, aliases: Aliases): string {
    const name = `${account}\n${canonical(aliases)}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const id = createHmac('sha256', this.#key).update(name).digest('base64url').slice(0, 26);
    this.#known.set(name, id);
    return id;
  }
}
