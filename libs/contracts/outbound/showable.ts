import { instantOf } from '#domain/time';
import { written } from './outgoing.js';

/** Fields that hold an instant, at any depth. */
const instants: ReadonlySet<string> = new Set([
  'at',
  'confirmsOptOutAt',
  'correctedAt',
  'decidedAt',
  'effectiveAt',
  'end',
  'expiresAt',
  'firstAt',
  'from',
  'onboardedAt',
  'openerAt',
  'receivedAt',
  'recordedAt',
  'sendAt',
  'startedAt',
  'to',
  'trueAt',
  'until',
  'validUntil',
  'wakeAt',
  'windowEnd',
]);
/** The fingerprint is a digest of personal content, short enough to guess what was hashed. */
const hidden: ReadonlySet<string> = new Set(['personal', 'fingerprint']);

/** For JSON that leaves Tidegate: nothing personal, instants as RFC 3339. */
export const showable = (name: string, value: unknown): unknown => {
  if (hidden.has(name)) return undefined;
  return instants.has(name) && typeof value === 'number' ? written(instantOf(value)) : value;
};
