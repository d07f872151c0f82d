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
 * one stands in the stream all the same. Most customers have decisions or facts here, not both, so neither takes room
 * before there are any.
 */
export class Recent {
  #intents: Map<string, Standing> | undefined;
  #factIds: Set<string> | undefined;

  /** How many it knows. */
  get size(): number {
    return (this.#intents?.size ?? 0) + (this.#factIds?.size ?? 0);
  }

  decision(intentId: string): Standing | undefined {
    return this.#intents?.get(intentId);
  }

  hasFact(id: string): boolean {
    return this.#factIds?.has(id) === true;
  }

  take({ id, event }: RecordedLike): void {
    if (isInboundFact(event.type)) (this.#factIds ??= new Set()).add(id);
    const decision = standingAfter(event, (intentId) => this.decision(intentId));
    if (decision !== undefined) (this.#intents ??= new Map()).set(decision.intentId, decision.standing);
  }

  /** Takes over what another knows, where it knows nothing of it. */
  adopt(theirs: Recent): void {
    for (const [intentId, standing] of theirs.#intents ?? [])
      if (this.decision(intentId) === undefined) (this.#intents ??= new Map()).set(intentId, standing);
    for (const id of theirs.#factIds ?? []) (this.#factIds ??= new Set()).add(id);
  }
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

/** The decision that stands after an event, if it brings one; a fingerprint that was known stays known. */
export const standingAfter = (
  event: CustomerEvent,
  before: (intentId: string) => Standing | undefined,
): { readonly intentId: string; readonly standing: Standing } | undefined => {
  const noted = (intentId: string, fingerprint: string | null, outcome: DecisionOutcome) => ({
    intentId,
    standing: { outcome, fingerprint: before(intentId)?.fingerprint ?? fingerprint },
  });
  switch (event.type) {
    case 'SendAuthorised':
    case 'SendRefused':
    case 'SendHeld':
    case 'SendExpired':
      return noted(event.intent.intentId, event.intent.fingerprint, outcomes[event.type]);
    case 'SendCancelled':
      return noted(event.intentId, event.intent?.fingerprint ?? null, 'cancelled');
    default:
      return undefined;
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
  for (const recorded of events) {
    if (folded === undefined) state = evolve(state, recorded.event);
    recent.take(recorded);
  }
  return { ...customer, state: folded ?? state, revision: customer.revision + events.length };
};
