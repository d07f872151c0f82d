import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';

/**
 * Whether one of the secrets signed exactly these bytes (`X-Hub-Signature-256`, platforms §2b). Meta signs what is on
 * the wire, where letters beyond ASCII stand escaped; parsed and written again the body would not be the same.
 */
export const isSignedByMeta = (secrets: readonly KeyObject[], signature: unknown, body: Uint8Array): boolean => {
  const [, hex] = typeof signature === 'string' ? (/^sha256=([\da-f]{64})$/i.exec(signature) ?? []) : [];
  if (hex === undefined) return false;
  const given = Buffer.from(hex, 'hex');
  return secrets.some((secret) => timingSafeEqual(createHmac('sha256', secret).update(body).digest(), given));
};
