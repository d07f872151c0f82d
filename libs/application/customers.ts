import { LRUCache } from 'lru-cache';
import { initialCustomer } from '#domain/gate/state';
import { appendSurely } from './append-surely.js';
import {
  advanced,
  aliasCount,
  asCustomerEvent,
  hasMerge,
  isAlias,
  isOpen,
  Recent,
  type Change,
  type Customer,
  type RecordedLike,
} from './customer.js';
import { InfrastructureError } from './errors.js';
import { customerEventId } from './event-ids.js';
import { NO_STREAM, type EventStore } from './ports/event-store.js';
import type { CustomerKey, ReadModel } from './ports/read-model.js';
import { customerStream } from './streams.js';
import { takeover } from './take-over.js';

/** Work on one loaded customer. `decide` may run several times, each time on a newer state, until its events are stored. */
export interface CustomerTask {
  readonly customer: Customer;
  readonly decide: (customer: Customer) => readonly Change[];
  /** Called before `decide` once a link has made another of the loaded customer: what was looked up by it is to be looked up again. */
  readonly relinked?: ((customer: Customer) => Promise<void>) | undefined;
}

type PlacedTask = CustomerTask & {
  readonly place: number;
  /** The customer that `decide` is ready for. */
  readonly readyFor: Customer;
};

/** Above this a cached customer is loaded anew, from a row that has caught up. */
const RECENT_LIMIT = 1_000;
/**
 * What is cached, in what an intent takes. One that is open counts twice, for what is kept of it beside the row as well:
 * ten thousand customers with six each have room, where a campaign that comes back to them would else find none.
 */
const CACHED = 280_000;
/** What a customer takes without intents: counted as less, many customers would fill several times the memory of few. */
const CUSTOMER = 14;
const ATTEMPTS = 6;

/**
 * The decide-and-append loop: load, decide purely, append at the exact revision; if the stream moved, read what is new
 * and decide again (rules §6, "exact").
 */
export class Customers {
  readonly #cache = new LRUCache<string, Customer>({
    maxSize: CACHED,
    sizeCalculation: ({ recent, state }) => CUSTOMER + recent.size + Object.keys(state.intents).length,
  });

  constructor(
    private readonly store: EventStore,
    private readonly readModel: Pick<ReadModel, 'customers'>,
    private readonly conflicted: (streams: number) => void = () => undefined,
  ) {}

  /**
   * Runs all tasks with one store call per round. Of tasks on one stream, as two aliases of a person are, each runs on
   * what the one before it left. Resolves with the customers as their tasks left them, in the order of the tasks; after
   * a link, that is the survivor (rules §11).
   * @throws InfrastructureError `too-many-conflicts`, `store-unavailable`
   */
  async run(tasks: readonly CustomerTask[]): Promise<readonly Customer[]> {
    const left = tasks.map(({ customer }) => customer);
    let pending: readonly PlacedTask[] = tasks.map(({ customer, decide, relinked }, place) => ({
      customer,
      decide,
      relinked,
      place,
      readyFor: customer,
    }));
    for (let attempt = 1; pending.length > 0;) {
      if (attempt > ATTEMPTS) {
        throw new InfrastructureError(
          'too-many-conflicts',
          `${pending.length} customers kept changing while deciding.`,
        );
      }
      const { first, waiting } = oncePerStream(await this.#ready(pending));
      const writes = first.flatMap((task) => {
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
      for (const [index, { task, events, state }] of writes.entries()) {
        if (outcomes[index]?.kind !== 'appended') {
          conflicts.push(task);
          continue;
        }
        const newer = advanced(task.customer, events, state);
        if (hasMerge(events)) await this.#adopt(newer, events);
        left[task.place] = newer;
        this.#remember(newer);
      }
      if (conflicts.length > 0) {
        this.conflicted(conflicts.length);
        attempt += 1;
      }
      const again = [...conflicts, ...waiting];
      const newer = await this.readOn(again.map(({ customer }) => customer));
      pending = again.map((task, index) => ({ ...task, customer: newer[index] ?? task.customer }));
    }
    return left;
  }

  /**
   * Loads many at once, in the order of the keys: from the cache, else the read model's row and the tail of the stream.
   * Of an alias that was linked, its survivor (rules §11).
   */
  async load(keys: readonly CustomerKey[]): Promise<readonly Customer[]> {
    return this.#followed(await this.#loadOwn(keys));
  }

  async #loadOwn(keys: readonly CustomerKey[]): Promise<readonly Customer[]> {
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
          recent: new Recent(),
        };
      });
      for (const customer of await this.#readOnOwn(based)) found.set(customer.stream, customer);
    }
    return keys.flatMap((key) => found.get(customerStream(key.account, key.customer)) ?? []);
  }

  /**
   * The same customers with what their streams got since: for decisions that append nothing and so notice no conflict.
   * Of those that were linked meanwhile, the survivors.
   */
  async readOn(customers: readonly Customer[]): Promise<readonly Customer[]> {
    return this.#followed(await this.#readOnOwn(customers), true);
  }

  async #readOnOwn(customers: readonly Customer[]): Promise<readonly Customer[]> {
    if (customers.length === 0) return [];
    const tails = await this.store.readStreams(
      customers.map(({ stream, revision }) => ({ stream, fromRevision: revision + 1 })),
    );
    const newer: Customer[] = [];
    for (const [index, customer] of customers.entries()) {
      const events = (tails[index] ?? []).map(asCustomerEvent);
      const next = advanced(customer, events);
      if (hasMerge(events)) await this.#adopt(next, events);
      this.#remember(next);
      newer.push(next);
    }
    return newer;
  }

  /**
   * Those whose stream is closed give way to where the links lead, once that has taken over all that they came past: who
   * closed a stream may have died before the survivor took over, so whoever comes first does it (ADR 0020). For open
   * streams, nearly all, this costs nothing.
   */
  async #followed(customers: readonly Customer[], fresh = false): Promise<readonly Customer[]> {
    if (customers.every(isOpen)) return customers;
    for (;;) {
      const walks = await this.#walked(customers, fresh);
      const lacking = walks.filter(({ path, end }) => !path.every(({ customer }) => isAlias(end, customer)));
      if (lacking.length === 0) return walks.map(({ end }) => end);
      await this.run(
        lacking.map(({ path, end }) => ({
          customer: end,
          decide: (survivor) => (survivor.stream === end.stream ? takeover(path, survivor) : []),
        })),
      );
      // One of them may have been closed meanwhile, or have more to take over: only another walk tells.
    }
  }

  async #walked(customers: readonly Customer[], fresh: boolean): Promise<readonly Walk[]> {
    const walks = customers.map((end): Walk => ({ path: [], end }));
    const moved = new Set<Walk>();
    for (;;) {
      const walking = walks.filter(({ end }) => !isOpen(end));
      if (walking.length === 0) {
        if (!fresh || moved.size === 0) return walks;
        const arrived = [...moved];
        const newest = await this.#readOnOwn(arrived.map(({ end }) => end));
        for (const [index, walk] of arrived.entries()) walk.end = newest[index] ?? walk.end;
        moved.clear();
        continue;
      }
      const next = await this.#loadOwn(
        walking.map(({ end: { account, state } }) => ({ account, customer: state.survivor ?? '' })),
      );
      for (const [index, walk] of walking.entries()) {
        walk.path.push(walk.end);
        const end = next[index];
        if (end === undefined || walk.path.some(({ stream }) => stream === end.stream))
          throw new InfrastructureError('store-corrupt', `The links of ${walk.path[0]?.stream} lead in a circle.`);
        walk.end = end;
        moved.add(walk);
      }
    }
  }

  /** What was recent of those that a customer took over is recent of it: the read model may lag behind the link. */
  async #adopt({ account, recent }: Customer, events: readonly RecordedLike[]): Promise<void> {
    const keys = events.flatMap(({ event }) =>
      event.type === 'CustomerMerged'
        ? [event.from, ...(event.aliases ?? [])].map((customer) => ({ account, customer }))
        : [],
    );
    for (const { recent: theirs } of await this.#loadOwn(keys)) recent.adopt(theirs);
  }

  /** Tasks on closed streams go on with the survivor (rules §11), and each learns if its customer is another now. */
  async #ready(tasks: readonly PlacedTask[]): Promise<readonly PlacedTask[]> {
    const customers = await this.#followed(tasks.map(({ customer }) => customer));
    const ready: PlacedTask[] = [];
    for (const [index, task] of tasks.entries()) {
      const customer = customers[index] ?? task.customer;
      const isRelinked = customer.stream !== task.readyFor.stream || aliasCount(customer) !== aliasCount(task.readyFor);
      if (isRelinked) await task.relinked?.(customer);
      ready.push(isRelinked || customer !== task.customer ? { ...task, customer, readyFor: customer } : task);
    }
    return ready;
  }

  #remember(customer: Customer): void {
    const { stream, recent, revision } = customer;
    if (recent.size > RECENT_LIMIT) this.#cache.delete(stream);
    // Two batches may finish in any order: only the newer one stays.
    else if ((this.#cache.peek(stream)?.revision ?? Number.NEGATIVE_INFINITY) < revision)
      this.#cache.set(stream, customer);
  }
}

/** An append names a stream once. */
const oncePerStream = (tasks: readonly PlacedTask[]) => {
  const streams = new Set<string>();
  const first: PlacedTask[] = [];
  const waiting: PlacedTask[] = [];
  for (const task of tasks) {
    const { stream } = task.customer;
    (streams.has(stream) ? waiting : first).push(task);
    streams.add(stream);
  }
  return { first, waiting };
};

/** Along the links: the closed streams that were come past, and where it ends. */
interface Walk {
  readonly path: Customer[];
  end: Customer;
}
