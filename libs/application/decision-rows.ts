import type { CustomerEvent } from '#domain/gate/events';
import { isDecided, outcomes } from '#domain/gate/verdict';
import { intentKeyId } from './keys.js';
import type { RecordedEvent } from './ports/event-store.js';
import type { CustomerKey, DecisionRow, IntentKey, ProjectionStore } from './ports/read-model.js';

const isFirst = ({ event }: RecordedEvent): boolean => {
  const own = event as CustomerEvent;
  return isDecided(own) && own.ordinal === 1;
};

/** The latest row per intent of a batch, on top of the rows that are there. */
export class DecisionRows {
  readonly #events: { readonly key: IntentKey; readonly id: string; readonly recorded: RecordedEvent }[] = [];

  constructor(private readonly views: Pick<ProjectionStore, 'decisions'>) {}

  take(key: CustomerKey, recorded: RecordedEvent): void {
    const event = recorded.event as CustomerEvent;
    const intentId =
      'intent' in event && event.intent !== undefined
        ? event.intent.intentId
        : 'intentId' in event
          ? event.intentId
          : undefined;
    if (intentId !== undefined && event.type !== 'WindowCorrected' && event.type !== 'VerdictRevised') {
      const own = { account: key.account, customer: key.customer, intentId };
      this.#events.push({ key: own, id: intentKeyId(own), recorded });
    }
  }

  /** @returns apart those whose first decision is among the events */
  async rows(): Promise<{ readonly begun: readonly DecisionRow[]; readonly others: readonly DecisionRow[] }> {
    // A first decision needs no look at what is there; only what follows on an earlier batch does.
    const started = new Set<string>();
    const wanted = new Map<string, IntentKey>();
    for (const { key, id, recorded } of this.#events) {
      if (isFirst(recorded)) started.add(id);
      else if (!started.has(id)) wanted.set(id, key);
    }
    const known = wanted.size === 0 ? [] : await this.views.decisions([...wanted.values()]);
    const rows = new Map(known.map((row) => [intentKeyId(row), row]));
    for (const { key, id, recorded } of this.#events) {
      const row = withEvent(rows.get(id), key, recorded);
      if (row !== undefined) rows.set(id, row);
    }
    const begun: DecisionRow[] = [];
    const others: DecisionRow[] = [];
    for (const [id, row] of rows) (started.has(id) && !wanted.has(id) ? begun : others).push(row);
    return { begun, others };
  }
}

const withEvent = (row: DecisionRow | undefined, key: IntentKey, recorded: RecordedEvent): DecisionRow | undefined => {
  const event = recorded.event as CustomerEvent;
  // Rows are made field by field: a spread that adds to what it copies takes V8 far longer.
  const { account, customer, intentId } = key;
  const { revision, position } = recorded;
  if (isDecided(event)) {
    const isAuthorised = event.type === 'SendAuthorised';
    return {
      account,
      customer,
      intentId,
      fingerprint: event.intent.fingerprint,
      outcome: outcomes[event.type],
      reason: 'reason' in event ? event.reason : null,
      delivery: isAuthorised ? 'pending' : null,
      commandId: isAuthorised ? recorded.id : null,
      providerMessageId: row?.providerMessageId ?? null,
      sender: event.intent.sender,
      decidedAt: event.at,
      revision,
      position,
      decidedIn: customer,
      decidedAs: revision,
    };
  }
  if (event.type === 'SendCancelled') {
    return {
      account,
      customer,
      intentId,
      fingerprint: event.intent?.fingerprint ?? row?.fingerprint ?? '',
      outcome: 'cancelled',
      reason: null,
      delivery: null,
      commandId: row?.commandId ?? null,
      providerMessageId: null,
      sender: event.intent?.sender ?? row?.sender ?? '',
      decidedAt: event.at,
      revision,
      position,
      decidedIn: customer,
      decidedAs: revision,
    };
  }
  if (row === undefined) return undefined;
  switch (event.type) {
    case 'SendStarted':
      return moved(row, recorded, 'started');
    case 'SendAccepted':
      return moved(row, recorded, 'accepted', event.providerMessageId);
    case 'SendOutcomeUnknown':
      return moved(row, recorded, 'outcome-unknown');
    case 'SendFailed':
      return moved(row, recorded, event.final ? 'failed' : 'pending');
    case 'SendRevoked':
      return moved(row, recorded, 'revoked');
    case 'MessageDelivered':
      return row.delivery === 'read'
        ? moved(row, recorded)
        : moved(row, recorded, 'delivered', event.providerMessageId);
    case 'MessageRead':
      return moved(row, recorded, 'read', event.providerMessageId);
    default:
      return moved(row, recorded);
  }
};

const moved = (
  row: DecisionRow,
  { revision, position }: RecordedEvent,
  delivery = row.delivery,
  providerMessageId = row.providerMessageId,
): DecisionRow => ({
  account: row.account,
  customer: row.customer,
  intentId: row.intentId,
  fingerprint: row.fingerprint,
  outcome: row.outcome,
  reason: row.reason,
  delivery,
  commandId: row.commandId,
  providerMessageId,
  sender: row.sender,
  decidedAt: row.decidedAt,
  revision,
  position,
  decidedIn: row.decidedIn,
  decidedAs: row.decidedAs,
});
