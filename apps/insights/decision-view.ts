import { InfrastructureError } from '#application/errors';
import type { DomainEvent, EventStore } from '#application/ports/event-store';
import type { DecisionRow } from '#application/ports/read-model';
import { customerStream } from '#application/streams';
import { written } from '#contracts/outbound/outgoing';
import { instantOf } from '#domain/time';

/** Fields of a stored decision that hold an instant, at any depth. */
const instants = new Set(['at', 'validUntil', 'wakeAt', 'expiresAt', 'sendAt', 'windowEnd', 'confirmsOptOutAt']);
/** The fingerprint is a digest of personal content, short enough to guess what was hashed. */
const hidden = new Set(['personal', 'fingerprint']);

/**
 * Decisions with their reasons, which are in the log, as the API shows them (`DecisionView`): nothing personal, instants
 * as RFC 3339.
 * @throws InfrastructureError `store-unavailable`; `store-corrupt` where the log is not the one that the rows are from
 */
export const decisionViews = async (
  store: Pick<EventStore, 'readStreams'>,
  rows: readonly DecisionRow[],
): Promise<readonly object[]> => {
  if (rows.length === 0) return [];
  const streams = await store.readStreams(
    rows.map(({ account, decidedIn, decidedAs }) => ({
      stream: customerStream(account, decidedIn),
      fromRevision: decidedAs,
      atMost: 1,
    })),
  );
  return rows.map((row, index) => {
    const recorded = streams[index]?.[0];
    if (recorded?.revision !== row.decidedAs) {
      const message = `The log has no event ${row.decidedAs} of customer ${row.decidedIn}, which a decision stands on: rebuild the read model from the log that it belongs to.`;
      throw new InfrastructureError('store-corrupt', message);
    }
    return decisionView(row, recorded.event);
  });
};

const decisionView = (row: DecisionRow, decision: DomainEvent): object => {
  const event: object = JSON.parse(JSON.stringify(decision), (name, value: unknown) => {
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
