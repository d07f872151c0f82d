import type { DecisionRow } from '#application/ports/read-model';
import { written } from '#contracts/outbound/outgoing';
import { instantOf } from '#domain/time';

/** Fields of a stored decision that hold an instant, at any depth. */
const instants = new Set(['at', 'validUntil', 'wakeAt', 'expiresAt', 'sendAt', 'windowEnd', 'confirmsOptOutAt']);
/** The fingerprint is a digest of personal content, short enough to guess what was hashed. */
const hidden = new Set(['personal', 'fingerprint']);

/** A decision with its reasons as the API shows it (`DecisionView`): nothing personal, instants as RFC 3339. */
export const decisionView = (row: DecisionRow): object => {
  const event: object = JSON.parse(row.decision, (name, value: unknown) => {
    if (hidden.has(name)) return undefined;
    return instants.has(name) && typeof value === 'number' ? written(instantOf(value)) : value;
  });
  const { account, customer, intentId, outcome, delivery, sender, commandId, revision } = row;
  const { type: _type, at: _at, reason: said, ...record } = { type: '', at: '', reason: undefined, ...event };
  const { remedy, ...rest } = { remedy: undefined, ...record };
  const shown = {
    outcome,
    // Of a cancellation the log keeps the upstream's own words; the reasons of the rules are a closed list.
    ...(outcome === 'cancelled' ? { because: said } : { reason: row.reason ?? undefined }),
    remedy,
    account,
    customer,
    intentId,
    sender: sender === '' ? undefined : sender,
    decidedAt: written(row.decidedAt),
    delivery,
    commandId,
    revision,
  };
  // In the order in which people look for it; what the row says counts.
  return { ...shown, ...rest, ...shown };
};
