import type { Clock } from '#application/ports/clock';
import { plus, SECOND_MS, type Instant } from '#domain/time';
import { postOnce } from '#platform/post-once';
import type { SinchSettings } from './settings.js';

const AUTH_URL = 'https://auth.sinch.com';
const DEADLINE_MS = 5 * SECOND_MS;
/** So long before its end a token is renewed; a tenth of its life where that is shorter. */
const MARGIN_MS = 60 * SECOND_MS;

export type Access =
  | { readonly kind: 'granted'; readonly token: string }
  /** The key is wrong or may not be used: asking again does not help. */
  | { readonly kind: 'denied' }
  | { readonly kind: 'unavailable' };

interface Grant {
  readonly token: string;
  readonly renewAt: Instant;
}

/** The access token of one key by OAuth2 client credentials: kept, renewed ahead of its end, fetched by one call at a time. */
export class AccessTokens {
  #grant: Grant | undefined;
  #asking: Promise<Access> | undefined;

  constructor(
    private readonly settings: Pick<SinchSettings, 'keyId' | 'keySecret' | 'authUrl'>,
    private readonly clock: Clock,
  ) {}

  current(): Promise<Access> {
    const { token, renewAt } = this.#grant ?? {};
    if (token !== undefined && renewAt !== undefined && this.clock.now() < renewAt)
      return Promise.resolve({ kind: 'granted', token });
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** After a 401. Keeps what another call has renewed since. */
  forget(token: string): void {
    if (this.#grant?.token === token) this.#grant = undefined;
  }

  async #ask(): Promise<Access> {
    const askedAt = this.clock.now();
    const { keyId, keySecret, authUrl = AUTH_URL } = this.settings;
    const answer = await postOnce({
      url: `${authUrl}/oauth2/token`,
      headers: {
        authorization: `Basic ${Buffer.from(`${keyId}:${keySecret.reveal()}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'grant_type=client_credentials',
      deadlineMs: DEADLINE_MS,
    });
    if (answer.kind !== 'answered') return { kind: 'unavailable' };
    const { status, json } = answer;
    if (status === 400 || status === 401 || status === 403) return { kind: 'denied' };
    const granted = status === 200 ? grantOf(json) : undefined;
    if (granted === undefined) return { kind: 'unavailable' };
    const lifeMs = granted.lifeSeconds * SECOND_MS;
    this.#grant = { token: granted.token, renewAt: plus(askedAt, lifeMs - Math.min(MARGIN_MS, lifeMs / 10)) };
    return { kind: 'granted', token: granted.token };
  }
}

const grantOf = (json: unknown): { readonly token: string; readonly lifeSeconds: number } | undefined => {
  if (typeof json !== 'object' || json === null) return undefined;
  const token: unknown = Reflect.get(json, 'access_token');
  const lifeSeconds: unknown = Reflect.get(json, 'expires_in');
  // What goes into a header must be one word.
  return typeof token === 'string' && /^[\x21-\x7e]+$/u.test(token) && typeof lifeSeconds === 'number'
    ? { token, lifeSeconds }
    : undefined;
};
