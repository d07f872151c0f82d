import { LRUCache } from 'lru-cache';
import type { CustomerEvent } from '#domain/gate/events';
import { evolve } from '#domain/gate/evolve';
import { initialCustomer, type CustomerState } from '#domain/gate/state';
import { appendSurely } from './append-surely.js';
import { InfrastructureError } from './errors.js';
import { customerEventId } from './event-ids.js';
import { isInboundFact } from './inbound-facts.js';
import { NO_STREAM, type EventMetadata, type EventStore, type RecordedEvent } from './ports/event-store.js';
import type { CustomerKey, DecisionOutcome, ReadModel } from './ports/read-model.js';
import { customerStream } from './streams.js';

/** A customer as the deciders see it: the fold of the stream up to `revision`. */
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

/** Work on one loaded customer. `decide` may run several times, each time on a newer state, until its events are stored. */
export interface CustomerTask {
  readonly customer: Customer;
  readonly decide: (customer: Customer) => readonly Change[];
}

type PlacedTask = CustomerTask & { readonly place: number };

/** Above this a cached customer is loaded anew, from a row that has caught up. */
const RECENT_LIMIT = 1_000;
/** Customers, and all that is recent of them, that are cached: a hundred megabytes at most. */
const CACHED = 100_000;
const ATTEMPTS = 6;

/**
 * The decide-and-append loop: load, decide purely, append at the exact revision; if the stream moved, read what is new
 * and decide again (rules §6, "exact").
 */
export class Customers {
  readonly #cache = new LRUCache<string, Customer>({
    maxSize: CACHED,
    sizeCalculation: ({ recent, state }) =>
      1 + recent.intents.size + recent.factIds.size + Object.keys(state.intents).length,
  });

  constructor(
    private readonly store: EventStore,
    private readonly readModel: Pick<ReadModel, 'customers'>,
    private readonly conflicted: (streams: number) => void = () => undefined,
  ) {}

  /**
   * Runs all tasks with one store call per round; at most one task per customer. Resolves with the customers as their
   * tasks left them, in the order of the tasks; after a link, that is the survivor.
   * @throws InfrastructureError `too-many-conflicts`, `store-unavailable`
   */
  async run(tasks: readonly CustomerTask[]): Promise<readonly Customer[]> {
    const left = tasks.map(({ customer }) => customer);
    let pending: readonly PlacedTask[] = tasks.map((task, place) => ({ ...task, place }));
    for (let attempt = 1; pending.length > 0; attempt += 1) {
      if (attempt > ATTEMPTS) {
        throw new InfrastructureError(
          'too-many-conflicts',
          `${pending.length} customers kept changing while deciding.`,
        );
      }
      const { survivors, open } = bySurvivor(pending);
      const writes = open.flatMap((task) => {
        const { customer, decide, place } = task;
        left[place] = customer;
        const changes = decide(customer);
        const events = changes.flatMap((change) =>
          change.events.map((event) => ({
            id: customerEventId(customer.stream, event),
            event,
            metadata: change.metadata,
          })),
        );
        return events.length === 0 ? [] : [{ task, events, state: changes.at(-1)?.state }];
      });
      const outcomes = await appendSurely(
        this.store,
        writes.map(({ task: { customer }, events }) => ({
          stream: customer.stream,
          expectedRevision: customer.revision,
          events,
        })),
      );
      const conflicts: PlacedTask[] = [];
      writes.forEach(({ task, events, state }, index) => {
        if (outcomes[index]?.kind !== 'appended') {
          conflicts.push(task);
          return;
        }
        const newer = advanced(task.customer, events, state);
        left[task.place] = newer;
        this.#remember(newer);
      });
      if (conflicts.length > 0) this.conflicted(conflicts.length);
      const newer = await this.readOn(conflicts.map(({ customer }) => customer));
      // An append meant for a closed stream goes to the survivor (rules §11).
      const redirected = await this.load(survivors.map(({ key }) => key));
      pending = [
        ...conflicts.map((task, index) => ({ ...task, customer: newer[index] ?? task.customer })),
        ...survivors.map(({ task }, index) => ({ ...task, customer: redirected[index] ?? task.customer })),
      ];
    }
    return left;
  }

  /** Loads many at once, in the order of the keys: from the cache, else the read model's row and the tail of the stream. */
  async load(keys: readonly CustomerKey[]): Promise<readonly Customer[]> {
    const found = new Map<string, Customer>();
    const missing = new Map<string, CustomerKey>();
    for (const key of keys) {
      const stream = customerStream(key.account, key.customer);
      const cached = this.#cache.get(stream);
      if (cached !== undefined) found.set(stream, cached);
      else missing.set(stream, key);
    }
    if (missing.size > 0) {
      const rows = await this.readModel.customers([...missing.values()]);
      const rowOf = new Map(rows.map((row) => [customerStream(row.account, row.customer), row]));
      const based = [...missing].map(([stream, { account, customer }]): Customer => {
        const { revision, state } = rowOf.get(stream) ?? { revision: NO_STREAM, state: initialCustomer };
        return {
          account,
          customer,
          stream,
          revision,
          state,
          rowRevision: revision,
          recent: { intents: new Map(), factIds: new Set() },
        };
      });
      for (const customer of await this.readOn(based)) found.set(customer.stream, customer);
    }
    return keys.flatMap((key) => found.get(customerStream(key.account, key.customer)) ?? []);
  }

  /** The same customers with what their streams got since: for decisions that append nothing and so notice no conflict. */
  async readOn(customers: readonly Customer[]): Promise<readonly Customer[]> {
    if (customers.length === 0) return [];
    const tails = await this.store.readStreams(
      customers.map(({ stream, revision }) => ({ stream, fromRevision: revision + 1 })),
    );
    return customers.map((customer, index) => {
      const newer = advanced(customer, (tails[index] ?? []).map(asCustomerEvent));
      this.#remember(newer);
      return newer;
    });
  }

  #remember(customer: Customer): void {
    const { stream, recent, revision } = customer;
    if (recent.intents.size + recent.factIds.size > RECENT_LIMIT) this.#cache.delete(stream);
    // Two batches may finish in any order: only the newer one stays.
    else if ((this.#cache.peek(stream)?.revision ?? Number.NEGATIVE_INFINITY) < revision)
      this.#cache.set(stream, customer);
  }
}

/** Tasks on customers whose stream a link has closed, and the others. */
const bySurvivor = (tasks: readonly PlacedTask[]) => {
  const survivors: { readonly task: PlacedTask; readonly key: CustomerKey }[] = [];
  const open: PlacedTask[] = [];
  for (const task of tasks) {
    const { account, state } = task.customer;
    if (state.survivor === undefined) open.push(task);
    else survivors.push({ task, key: { account, customer: state.survivor } });
  }
  return { survivors, open };
};

interface RecordedLike {
  readonly id: string;
  readonly event: CustomerEvent;
}

const asCustomerEvent = ({ id, event }: RecordedEvent): RecordedLike => ({ id, event: event as CustomerEvent });

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
const advanced = (customer: Customer, events: readonly RecordedLike[], folded?: CustomerState): Customer => {
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
