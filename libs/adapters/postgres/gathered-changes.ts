import { customerId, intentKeyId } from '#application/keys';
import type { Position } from '#application/ports/event-store';
import type {
  AccountRow,
  CustomerKey,
  CustomerRow,
  CustomerRows,
  DecisionRow,
  IntentKey,
  LateFactRow,
  MauRow,
  OpenIntentRow,
  ProjectionChanges,
  Takeover,
  TemplateRow,
} from '#application/ports/read-model';

/** How many rows of facts weigh as much as one of the others. */
const FACTS = 8;

/** The latest row of each key, and whether one may be stored. */
class LatestRows<Row> {
  readonly #rows = new Map<string, { row: Row; readonly isBegun: boolean }>();

  get size(): number {
    return this.#rows.size;
  }

  get(id: string): Row | undefined {
    return this.#rows.get(id)?.row;
  }

  isBegun(id: string): boolean {
    return this.#rows.get(id)?.isBegun === true;
  }

  take(id: string, row: Row, isBegun: boolean): void {
    const known = this.#rows.get(id);
    if (known === undefined) this.#rows.set(id, { row, isBegun });
    else known.row = row;
  }

  /** Those that are begun, or the others. */
  all(begun: boolean): readonly Row[] {
    const all: Row[] = [];
    for (const { row, isBegun } of this.#rows.values()) if (isBegun === begun) all.push(row);
    return all;
  }
}

/** The changes of consecutive batches as one. */
export class GatheredChanges {
  to: Position | undefined;
  readonly customers = new LatestRows<CustomerRow>();
  readonly decisions = new LatestRows<DecisionRow>();
  /** A key alone: it is open no more. */
  readonly #openIntents = new LatestRows<OpenIntentRow | IntentKey>();
  readonly #activeUsers = new Map<string, MauRow>();
  readonly #accounts = new Map<string, AccountRow>();
  readonly #templates = new Map<string, TemplateRow>();
  readonly #facts: string[] = [];
  readonly #lateFacts: LateFactRow[] = [];
  readonly #takeovers: Takeover[] = [];
  /** Whose rows move once all others are written. */
  readonly #moving = new Set<string>();

  constructor(readonly from: Position | undefined) {}

  get weight(): number {
    return (
      this.customers.size +
      this.decisions.size +
      this.#openIntents.size +
      this.#activeUsers.size +
      this.#facts.length / FACTS +
      this.#lateFacts.length
    );
  }

  moves(key: CustomerKey): boolean {
    return this.#moving.size > 0 && this.#moving.has(customerId(key));
  }

  /** False where the changes come after a takeover of one of the same customers: then these are to be written first. */
  canTake({ begun, customers, takeovers }: ProjectionChanges): boolean {
    if (this.#moving.size === 0) return true;
    return !(
      begun.customers.some((key) => this.moves(key)) ||
      customers.some((key) => this.moves(key)) ||
      takeovers.some(({ account, from }) => this.moves({ account, customer: from }))
    );
  }

  take(to: Position, changes: ProjectionChanges): void {
    this.to = to;
    this.#takeRows(changes.begun, true);
    this.#takeRows(changes, false);
    for (const { account, customer, intentId } of changes.closed) {
      const key = { account, customer, intentId };
      this.#openIntents.take(intentKeyId(key), key, false);
    }
    for (const row of changes.lateFacts) this.#lateFacts.push(row);
    for (const row of changes.accounts) this.#accounts.set(row.state.account, row);
    for (const row of changes.templates) {
      this.#templates.set(`${row.account}/${row.state.name}/${row.state.language}`, row);
    }
    for (const takeover of changes.takeovers) {
      this.#takeovers.push(takeover);
      for (const customer of [takeover.from, takeover.to]) {
        this.#moving.add(customerId({ account: takeover.account, customer }));
      }
    }
  }

  #takeRows({ customers, decisions, openIntents, facts, activeUsers }: CustomerRows, isBegun: boolean): void {
    for (const row of customers) this.customers.take(customerId(row), row, isBegun);
    for (const row of decisions) this.decisions.take(intentKeyId(row), row, isBegun);
    for (const row of openIntents) this.#openIntents.take(intentKeyId(row), row, isBegun);
    for (const id of facts) this.#facts.push(id);
    for (const row of activeUsers) {
      const id = `${customerId(row)}/${row.month}`;
      // The first fact that counted stays.
      if (!this.#activeUsers.has(id)) this.#activeUsers.set(id, row);
    }
  }

  /** All of them, as of one batch. */
  all(): ProjectionChanges {
    const begunUsers: MauRow[] = [];
    const activeUsers: MauRow[] = [];
    for (const row of this.#activeUsers.values())
      (this.customers.isBegun(customerId(row)) ? begunUsers : activeUsers).push(row);
    return {
      begun: {
        customers: this.customers.all(true),
        decisions: this.decisions.all(true),
        // What came and went meanwhile was never stored.
        openIntents: this.#openIntents.all(true).filter(isOpen),
        facts: this.#facts,
        activeUsers: begunUsers,
      },
      customers: this.customers.all(false),
      decisions: this.decisions.all(false),
      openIntents: this.#openIntents.all(false).filter(isOpen),
      closed: this.#openIntents.all(false).filter((row) => !isOpen(row)),
      facts: [],
      activeUsers,
      lateFacts: this.#lateFacts,
      takeovers: this.#takeovers,
      accounts: [...this.#accounts.values()],
      templates: [...this.#templates.values()],
    };
  }
}

const isOpen = (row: OpenIntentRow | IntentKey): row is OpenIntentRow => 'open' in row;
