import type { CustomerEvent } from '#domain/gate/events';
import { evolve } from '#domain/gate/evolve';
import type { CustomerState } from '#domain/gate/state';
import { customerEventId } from './event-ids.js';
import { isInboundFact } from './inbound-facts.js';
import type { EventMetadata, RecordedEvent } from './ports/event-store.js';
import type { CustomerKey, DecisionOutcome } from './ports/read-model.js';
import { customerStream } from './streams.js';

/** A customer as the deciders see it: the fold of the stream up to `revision`. The key is that of the stream, whichever alias was asked for. */
export interface Customer extends CustomerKey {
  readonly stream: string;
  readonly revision: number;
  readonly state: CustomerState;
  /**
   * Up to here decisions and facts are in the read model; those behind it are in `recent`.
   * Together they know every one there ever was, without a horizon.
   */
  readonly rowRevision: number;
  readonly recent: Recent;
}

/** The standing decision on an intent; the fingerprint is null for one that was cancelled before it came. */
export interface Standing {
  readonly fingerprint: string | null;
  readonly outcome: DecisionOutcome;
}

/**
 * Grows with the stream, and is shared by all snapshots of a customer: what it knows beyond the revision of an older
 * one stands in the stream all the same.
 */
export interface Recent {
  /** By intent id. */
  readonly intents: Map<string, Standing>;
  /** Ids of inbound facts. */
  readonly factIds: Set<string>;
}

export interface Change {
  readonly events: readonly CustomerEvent[];
  readonly metadata: EventMetadata;
  /** The customer's after these events, where the decider has folded them already. */
  readonly state?: CustomerState;
}

export const isOpen = ({ state }: Customer): boolean => state.survivor === undefined;

export const isAlias = ({ state: { aliases } }: Customer, customer: string): boolean =>
  aliases?.includes(customer) === true;

export const aliasCount = ({ state }: Customer): number => state.aliases?.length ?? 0;

/** The ids that a fact has if it is known: under the customer's own stream and under each that it took over. */
export const factIds = ({ account, stream, state: { aliases } }: Customer, event: CustomerEvent): readonly string[] => {
  const own = customerEventId(stream, event);
  return aliases === undefined
    ? [own]
    : [own, ...aliases.map((alias) => customerEventId(customerStream(account, alias), event))];
};

export interface RecordedLike {
  readonly id: string;
  readonly event: CustomerEvent;
}

export const hasMerge = (events: readonly RecordedLike[]): boolean =>
  events.some(({ event }) => event.type === 'CustomerMerged');

export const asCustomerEvent = ({ id, event }: RecordedEvent): RecordedLike => ({ id, event: event as CustomerEvent });

const outcomes = {
  SendAuthorised: 'authorised',
  SendRefused: 'refused',
  SendHeld: 'held',
  SendExpired: 'expired',
} as const;

/** Takes the decision that an event brings into those that stand; a fingerprint that is known stays known. */
export const noteDecision = (standing: Map<string, Standing>, event: CustomerEvent): void => {
  const note = (intentId: string, fingerprint: string | null, outcome: DecisionOutcome): void =>
    void standing.set(intentId, { outcome, fingerprint: standing.get(intentId)?.fingerprint ?? fingerprint });
  switch (event.type) {
    case 'SendAuthorised':
    case 'SendRefused':
    case 'SendHeld':
    case 'SendExpired':
      return note(event.intent.intentId, event.intent.fingerprint, outcomes[event.type]);
    case 'SendCancelled':
      return note(event.intentId, event.intent?.fingerprint ?? null, 'cancelled');
    default:
  }
};

/**
 * @param events that stand in the stream behind the customer's revision
 * @param folded the customer's state after them, if it is known
 */
export const advanced = (customer: Customer, events: readonly RecordedLike[], folded?: CustomerState): Customer => {
  if (events.length === 0) return customer;
  const { recent } = customer;
  let { state } = customer;
  for (const { id, event } of events) {
    if (folded === undefined) state = evolve(state, event);
    if (isInboundFact(event.type)) recent.factIds.add(id);
    noteDecision(recent.intents, event);
  }
  return { ...customer, state: folded ?? state, revision: customer.revision + events.length };
};
