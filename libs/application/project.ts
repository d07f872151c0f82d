import { setTimeout as pause } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { evolveAccount, initialAccount, policyAt, type AccountEvent, type AccountState } from '#domain/account';
import type { CustomerEvent } from '#domain/gate/events';
import { evolve } from '#domain/gate/evolve';
import { prevails } from '#domain/gate/merge';
import { isLate } from '#domain/history/late';
import { initialCustomer, openIntent, type CustomerState } from '#domain/gate/state';
import { countsIn } from '#domain/mau';
import {
  changesTemplate,
  evolveTemplate,
  initialTemplate,
  type TemplateEvent,
  type TemplateState,
} from '#domain/template';
import type { Instant } from '#domain/time';
import { DecisionRows } from './decision-rows.js';
import { isInboundFact } from './inbound-facts.js';
import { customerId, intentKeyId } from './keys.js';
import { takeIntents, type ChangedIntents } from './open-intent-rows.js';
import { NO_STREAM, type EventStore, type Position, type RecordedEvent } from './ports/event-store.js';
import type {
  CustomerKey,
  CustomerRow,
  DecisionRow,
  IntentKey,
  LateFactRow,
  MauRow,
  ProjectionChanges,
  ProjectionStore,
  Takeover,
} from './ports/read-model.js';
import { readAhead } from './read-ahead.js';
import { streamParts, templateStream } from './streams.js';

/** The projection that all rows of the read model belong to. */
export const VIEWS = 'views';
/** What it folds. */
export const viewCategories = ['customer', 'template', 'account'] as const;

/**
 * After a batch that was not full. Under load the next one is then several times larger, and a transaction costs as much
 * for ten events as for a hundred; the first event after a silence is applied at once.
 */
const LINGER_MS = 100;

/** What a customer takes without intents: counted as less, many customers would fill several times the memory of few. */
const CUSTOMER = 3;

/** Folds the log into the read model: batches, one transaction each, and no side effects (architecture §6). */
export class Project {
  readonly #accounts = new Map<string, AccountState>();
  readonly #templates = new Map<string, TemplateState>();
  /** The rows as of the checkpoint: nobody else writes them while this one has it. */
  readonly #customers: LRUCache<string, CustomerRow>;
  /** Likewise, those of decisions that something may still become of. */
  readonly #decisions: LRUCache<string, DecisionRow>;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: EventStore,
    private readonly views: ProjectionStore,
    private readonly applied: (position: Position, lastRecordedAt: Instant, events: number) => void = () => undefined,
    /** What is remembered between batches, in what an open intent takes: half a kilobyte. */
    remembered = 70_000,
  ) {
    this.#customers = new LRUCache({
      maxSize: remembered,
      sizeCalculation: ({ state }) => CUSTOMER + Object.keys(state.intents).length,
    });
    this.#decisions = new LRUCache({ max: Math.max(1, remembered >> 2) });
  }

  /** Follows the log from the stored checkpoint until aborted. @throws InfrastructureError `checkpoint-taken` */
  async follow(signal: AbortSignal, batchSize = 500): Promise<void> {
    this.#writing = Promise.resolve();
    this.#customers.clear();
    this.#decisions.clear();
    let checkpoint = await this.views.checkpoint(VIEWS);
    for (const { state } of await this.views.accounts()) this.#accounts.set(state.account, state);
    for (const { account, state } of await this.views.templates()) {
      this.#templates.set(templateStream(account, state.name, state.language), state);
    }
    const options = { name: VIEWS, after: checkpoint, categories: viewCategories, batchSize, signal };
    try {
      for await (const { events, caughtUp } of readAhead(this.store.subscribe(options))) {
        const last = events.at(-1);
        if (last === undefined) continue;
        for (const segment of segmentsOf(events)) {
          const to = segment.at(-1)?.position ?? last.position;
          const changes = await this.changes(segment);
          await this.#writing;
          const written = this.views.apply(VIEWS, checkpoint, to, changes);
          this.#writing =
            segment.at(-1) === last
              ? written.then(() => this.applied(last.position, last.recordedAt, events.length))
              : written;
          // Observed before the next one is written; a failure meanwhile is not unhandled.
          this.#writing.catch(() => {});
          this.#remember(changes);
          checkpoint = to;
        }
        // While it is written, the next batch is folded, if there is one.
        if (!caughtUp) continue;
        await this.#writing;
        await pause(LINGER_MS, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      await this.#writing;
    }
  }

  #remember({ begun, customers, decisions, takeovers }: ProjectionChanges): void {
    for (const rows of [begun.customers, customers]) for (const row of rows) this.#customers.set(customerId(row), row);
    // Rows of decisions move with a takeover.
    if (takeovers.length > 0) this.#decisions.clear();
    else
      for (const rows of [begun.decisions, decisions])
        for (const row of rows) if (row.delivery !== null) this.#decisions.set(intentKeyId(row), row);
  }

  /** What these consecutive events of the log change. @param events one of `segmentsOf` */
  async changes(events: readonly RecordedEvent[]): Promise<ProjectionChanges> {
    const accounts = new Map<string, AccountState>();
    const templates = new Map<string, { account: string; state: TemplateState }>();
    const byCustomer = new Map<string, { readonly key: CustomerKey; readonly events: RecordedEvent[] }>();
    const activeUsers: MauRow[] = [];
    const lateFacts: LateFactRow[] = [];
    for (const recorded of events) {
      const { stream } = recorded;
      let group = byCustomer.get(stream);
      // A name is taken apart once for all its events.
      const parts = group === undefined ? streamParts(stream) : undefined;
      if (parts?.category === 'account') this.#takeAccount(parts.account, recorded, accounts);
      else if (parts?.category === 'template') {
        this.#takeTemplate(parts.account, parts.rest, recorded, templates);
        // Templates change seldom, and whom they were decided with is not known here.
        if (changesTemplate(recorded.event as TemplateEvent)) lateFacts.push(lateFactRow(recorded));
      } else if (parts?.category === 'customer') {
        group = { key: { account: parts.account, customer: parts.rest[0] ?? '' }, events: [] };
        byCustomer.set(stream, group);
      }
      if (group === undefined) continue;
      group.events.push(recorded);
      const counted = this.#counted(group.key, recorded);
      if (counted !== undefined) activeUsers.push(counted);
    }
    // Of whom the first event is among these nothing is stored.
    const rowOf = await this.#rows(
      [...byCustomer.values()].flatMap(({ key, events: own }) => (own[0]?.revision === 0 ? [] : [key])),
    );
    const customers: { readonly begun: CustomerRow[]; readonly others: CustomerRow[] } = { begun: [], others: [] };
    const intents: ChangedIntents = { begun: [], openIntents: [], closed: [] };
    const takeovers: Takeover[] = [];
    const decisions = new DecisionRows({ decisions: (keys) => this.#decisionRows(keys) });
    for (const { key, events: own } of byCustomer.values()) {
      const { account, customer } = key;
      const row = rowOf.get(customerId(key));
      const before = row?.state ?? initialCustomer;
      let state = before;
      let revision = row?.revision ?? NO_STREAM;
      for (const recorded of own) {
        if (recorded.revision <= revision) continue;
        if (recorded.event.type === 'CustomerMerged') takeovers.push(takeoverOf(key, recorded.event, recorded, state));
        if (isLate(state, recorded.event as CustomerEvent)) lateFacts.push(lateFactRow(recorded));
        state = evolve(state, recorded.event as CustomerEvent);
        revision = recorded.revision;
        decisions.take(key, recorded);
      }
      (row === undefined ? customers.begun : customers.others).push({ account, customer, revision, state });
      const now = own.at(-1)?.recordedAt;
      if (now === undefined) continue;
      takeIntents(intents, key, before, { customer: state, account: this.#accountOf(account) }, now);
    }
    const decided = await decisions.rows();
    return {
      begun: {
        customers: customers.begun,
        decisions: decided.begun,
        openIntents: intents.begun,
        facts: events.flatMap(({ id, event }) => (isInboundFact(event.type) ? [id] : [])),
        activeUsers: [],
      },
      customers: customers.others,
      decisions: decided.others,
      openIntents: intents.openIntents,
      closed: intents.closed,
      facts: [],
      activeUsers,
      lateFacts,
      takeovers,
      accounts: [...accounts.values()].map((state) => ({ state })),
      templates: [...templates.values()],
    };
  }

  async #rows(keys: readonly CustomerKey[]): Promise<ReadonlyMap<string, CustomerRow>> {
    const rowOf = new Map<string, CustomerRow>();
    const missing: CustomerKey[] = [];
    for (const key of keys) {
      const row = this.#customers.get(customerId(key));
      if (row === undefined) missing.push(key);
      else rowOf.set(customerId(key), row);
    }
    if (missing.length === 0) return rowOf;
    // What is being written is read only once it stands.
    await this.#writing;
    for (const row of await this.views.customers(missing)) rowOf.set(customerId(row), row);
    return rowOf;
  }

  async #decisionRows(keys: readonly IntentKey[]): Promise<readonly DecisionRow[]> {
    const rows: DecisionRow[] = [];
    const missing: IntentKey[] = [];
    for (const key of keys) {
      const row = this.#decisions.get(intentKeyId(key));
      if (row === undefined) missing.push(key);
      else rows.push(row);
    }
    if (missing.length === 0) return rows;
    await this.#writing;
    return [...rows, ...(await this.views.decisions(missing))];
  }

  #accountOf(account: string): AccountState {
    return this.#accounts.get(account) ?? initialAccount(account);
  }

  #takeAccount(account: string, { event, revision }: RecordedEvent, changed: Map<string, AccountState>): void {
    const state = this.#accountOf(account);
    if (revision <= state.revision) return;
    const next = { ...evolveAccount(state, event as AccountEvent), revision };
    this.#accounts.set(account, next);
    changed.set(account, next);
  }

  #takeTemplate(
    account: string,
    [name = '', language = '']: readonly string[],
    { event, revision, stream }: RecordedEvent,
    changed: Map<string, { account: string; state: TemplateState }>,
  ): void {
    const state = this.#templates.get(stream) ?? initialTemplate(name, language);
    if (revision <= state.revision) return;
    const next = { ...evolveTemplate(state, event as TemplateEvent), revision };
    this.#templates.set(stream, next);
    changed.set(stream, { account, state: next });
  }

  #counted(key: CustomerKey, { id, event, recordedAt }: RecordedEvent): MauRow | undefined {
    const account = this.#accountOf(key.account);
    const counted = countsIn(event as CustomerEvent, account, policyAt(account, recordedAt).mauRule);
    if (counted === undefined) return undefined;
    const { account: name, customer } = key;
    return { account: name, customer, month: counted.month, firstAt: counted.at, firstEventId: id };
  }
}

/**
 * Cuts a batch before the first event of a customer that took another over in it: rows move at the end of a segment, so
 * that what becomes of them does not hang on where a batch ends.
 */
export const segmentsOf = (events: readonly RecordedEvent[]): readonly (readonly RecordedEvent[])[] => {
  const segments: RecordedEvent[][] = [];
  const tookOver = new Set<string>();
  let from = 0;
  events.forEach(({ stream, event }, index) => {
    if (tookOver.has(stream)) {
      segments.push(events.slice(from, index));
      from = index;
      tookOver.clear();
    }
    if (event.type === 'CustomerMerged') tookOver.add(stream);
  });
  return from === 0 ? [events] : [...segments, events.slice(from)];
};

const takeoverOf = (
  { account, customer }: CustomerKey,
  { from, intents }: Extract<CustomerEvent, { type: 'CustomerMerged' }>,
  { revision }: RecordedEvent,
  before: CustomerState,
): Takeover => ({
  account,
  from,
  to: customer,
  revision,
  intentIds: Object.entries(intents).flatMap(([id, theirs]) => (prevails(openIntent(before, id), theirs) ? [id] : [])),
});

const lateFactRow = ({ position, stream }: RecordedEvent): LateFactRow => ({ position, stream });
