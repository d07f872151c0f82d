import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';
import { instantOf, SECOND_MS, type Instant } from '#domain/time';

export interface Signed {
  /** Never twice, with one time. */
  readonly nonce: string;
  readonly at: Instant;
}

/**
 * When and under which nonce one of the secrets signed exactly these bytes; undefined if none did (platforms §1c).
 * @param headers lower-case names
 */
export const signedBySinch = (
  secrets: readonly KeyObject[],
  headers: Readonly<Record<string, unknown>>,
  body: Uint8Array,
): Signed | undefined => {
  const signature = headers['x-sinch-webhook-signature'];
  const nonce = headers['x-sinch-webhook-signature-nonce'];
  const timestamp = headers['x-sinch-webhook-signature-timestamp'];
  const algorithm = headers['x-sinch-webhook-signature-algorithm'];
  if (typeof signature !== 'string' || !/^[\da-z+/]{43}=$/i.test(signature)) return undefined;
  // The parts are signed with only a dot between them: a wider nonce could take over the end of another body.
  if (typeof nonce !== 'string' || !/^[\w-]{1,128}$/.test(nonce)) return undefined;
  if (typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp)) return undefined;
  if (algorithm !== undefined && algorithm !== 'HmacSHA256') return undefined;
  const given = Buffer.from(signature, 'base64');
  const isSigned = secrets.some((secret) =>
    timingSafeEqual(createHmac('sha256', secret).update(body).update(`.${nonce}.${timestamp}`).digest(), given),
  );
  return isSigned ? { nonce, at: instantOf(Number(timestamp) * SECOND_MS) } : undefined;
};
