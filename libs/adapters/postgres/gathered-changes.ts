import { customerId, intentKeyId } from '#application/keys';
import type { Position } from '#application/ports/event-store';
import type {
  AccountRow,
  CustomerKey,
  CustomerRow,
  DecisionRow,
  IntentKey,
  LateFactRow,
  MauRow,
  ProjectionChanges,
  Takeover,
  TemplateRow,
  WakeRow,
} from '#application/ports/read-model';

/** How many rows of facts weigh as much as one of the others. */
const FACTS = 8;

/**
 * The changes of consecutive batches as one: the latest row of each kind, parted into those that cannot be stored yet
 * and those that may.
 */
export class GatheredChanges {
  to: Position | undefined;
  readonly customers = new Map<string, CustomerRow>();
  readonly decisions = new Map<string, DecisionRow>();
  /** Undefined beside the key: it wakes no more. */
  readonly #wakes = new Map<string, { readonly key: IntentKey; readonly row: WakeRow | undefined }>();
  readonly #activeUsers = new Map<string, MauRow>();
  readonly #accounts = new Map<string, AccountRow>();
  readonly #templates = new Map<string, TemplateRow>();
  readonly #facts: string[] = [];
  readonly #lateFacts: LateFactRow[] = [];
  readonly #takeovers: Takeover[] = [];
  readonly #begunCustomers = new Set<string>();
  readonly #begunIntents = new Set<string>();
  /** Whose rows move once all others are written. */
  readonly #moving = new Set<string>();

  constructor(readonly from: Position | undefined) {}

  get weight(): number {
    return (
      this.customers.size +
      this.decisions.size +
      this.#wakes.size +
      this.#activeUsers.size +
      this.#facts.length / FACTS +
      this.#lateFacts.length
    );
  }

  moves(key: CustomerKey): boolean {
    return this.#moving.size > 0 && this.#moving.has(customerId(key));
  }

  /** False where the changes come after a takeover of one of the same customers: then these are to be written first. */
  canTake({ customers, takeovers }: ProjectionChanges): boolean {
    if (this.#moving.size === 0) return true;
    return !(
      customers.some((key) => this.moves(key)) ||
      takeovers.some(({ account, from }) => this.moves({ account, customer: from }))
    );
  }

  take(to: Position, changes: ProjectionChanges): void {
    this.to = to;
    for (const key of changes.begun?.customers ?? []) this.#begunCustomers.add(customerId(key));
    for (const key of changes.begun?.intents ?? []) this.#begunIntents.add(intentKeyId(key));
    for (const row of changes.customers) this.customers.set(customerId(row), row);
    for (const row of changes.decisions) this.decisions.set(intentKeyId(row), row);
    for (const id of changes.facts) this.#facts.push(id);
    for (const key of changes.asleep) this.#wakes.set(intentKeyId(key), { key, row: undefined });
    for (const row of changes.wakes) this.#wakes.set(intentKeyId(row), { key: row, row });
    for (const row of changes.activeUsers) {
      const id = `${customerId(row)}/${row.month}`;
      // The first fact that counted stays.
      if (!this.#activeUsers.has(id)) this.#activeUsers.set(id, row);
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

  /** All of them, as of one batch. */
  all(): ProjectionChanges {
    const wakes = [...this.#wakes.values()];
    return {
      customers: [...this.customers.values()],
      decisions: [...this.decisions.values()],
      facts: this.#facts,
      wakes: wakes.flatMap(({ row }) => row ?? []),
      asleep: wakes.flatMap(({ key, row }) => (row === undefined ? [key] : [])),
      activeUsers: [...this.#activeUsers.values()],
      lateFacts: this.#lateFacts,
      takeovers: this.#takeovers,
      accounts: [...this.#accounts.values()],
      templates: [...this.#templates.values()],
    };
  }

  /** Likewise, but in two: rows of which none with their keys is stored, and the others. */
  parted(): { readonly begun: BegunRows; readonly others: ProjectionChanges } {
    const { customers, decisions, facts, wakes, asleep, activeUsers, ...rest } = this.all();
    const isBegun = (key: CustomerKey): boolean => this.#begunCustomers.has(customerId(key));
    const isDecided = (key: IntentKey): boolean => this.#begunIntents.has(intentKeyId(key)) || isBegun(key);
    const ofCustomers = parted(customers, isBegun);
    const ofDecisions = parted(decisions, isDecided);
    const ofWakes = parted(wakes, isDecided);
    const ofUsers = parted(activeUsers, isBegun);
    return {
      begun: {
        customers: ofCustomers.yes,
        decisions: ofDecisions.yes,
        wakes: ofWakes.yes,
        activeUsers: ofUsers.yes,
        facts,
      },
      others: {
        ...rest,
        customers: ofCustomers.no,
        decisions: ofDecisions.no,
        wakes: ofWakes.no,
        asleep: asleep.filter((key) => !isDecided(key)),
        activeUsers: ofUsers.no,
        facts: [],
      },
    };
  }
}

export type BegunRows = Pick<ProjectionChanges, 'customers' | 'decisions' | 'wakes' | 'activeUsers' | 'facts'>;

const parted = <Row>(
  rows: readonly Row[],
  isYes: (row: Row) => boolean,
): { readonly yes: readonly Row[]; readonly no: readonly Row[] } => {
  const yes: Row[] = [];
  const no: Row[] = [];
  for (const row of rows) (isYes(row) ? yes : no).push(row);
  return { yes, no };
};
