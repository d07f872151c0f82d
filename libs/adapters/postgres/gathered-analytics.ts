import { customerId } from '#application/keys';
import type {
  ActiveUserRow,
  AnalyticsChanges,
  AnalyticsCheckpoint,
  DecidedRow,
  HourRow,
  MonthChange,
  MonthKey,
  MonthRow,
  RemovedSession,
  RevisedRow,
  SessionRow,
} from '#application/ports/analytics';
import type { Position } from '#application/ports/event-store';
import type { CustomerKey } from '#application/ports/read-model';
import type { AccountState } from '#domain/account';

type Removed = AnalyticsChanges['removedSessions'][number];
type UserKey = MonthKey & CustomerKey;

const sessionId = (row: Pick<RemovedSession, 'account' | 'customer' | 'sender' | 'openedAt'>): string =>
  `${customerId(row)}/${row.sender}/${row.openedAt}`;
const monthId = ({ account, month }: MonthKey): string => `${account}/${month}`;
const userId = (key: UserKey): string => `${customerId(key)}/${key.month}`;

/** The changes to analytics of consecutive batches as one: applied, they leave what all of them would one by one. */
export class GatheredAnalytics {
  to: AnalyticsCheckpoint | undefined;
  readonly #begun: CustomerKey[] = [];
  readonly #sessions = new Map<string, SessionRow>();
  readonly #removedSessions: Removed[] = [];
  readonly #users = new Map<string, ActiveUserRow>();
  readonly #removedUsers = new Map<string, UserKey>();
  readonly #months = new Map<string, MonthRow>();
  readonly #monthChanges: MonthChange[] = [];
  readonly #settled: AnalyticsChanges['settled'][number][] = [];
  readonly #decided = new Map<Position, DecidedRow>();
  readonly #revised = new Map<string, RevisedRow>();
  readonly #hours = new Map<string, HourRow>();
  readonly #accounts = new Map<string, AccountState>();
  /** Of whom there is anything. */
  readonly #customers = new Set<string>();

  constructor(readonly from: Position | undefined) {}

  get weight(): number {
    return (
      this.#sessions.size +
      this.#removedSessions.length +
      this.#users.size +
      this.#decided.size +
      this.#monthChanges.length +
      this.#settled.length +
      this.#revised.size
    );
  }

  /** Whether there is anything of one of these customers. */
  concerns(customers: readonly CustomerKey[]): boolean {
    return customers.some((key) => this.#customers.has(customerId(key)));
  }

  hasMonth(months: readonly MonthKey[]): boolean {
    return months.some((key) => this.#months.has(monthId(key)));
  }

  /** False where a change of a month came after one was settled: changes are stored first. */
  canTake({ monthChanges }: AnalyticsChanges): boolean {
    return this.#settled.length === 0 || monthChanges.length === 0;
  }

  take(to: AnalyticsCheckpoint, changes: AnalyticsChanges): void {
    this.to = to;
    for (const { account, customer } of changes.begun) this.#begun.push({ account, customer });
    for (const row of changes.removedSessions) {
      this.#sessions.delete(sessionId(row));
      this.#removedSessions.push(row);
    }
    for (const row of changes.sessions) this.#sessions.set(sessionId(row), row);
    for (const key of changes.removedUsers) {
      this.#users.delete(userId(key));
      this.#removedUsers.set(userId(key), key);
    }
    for (const row of changes.users) this.#users.set(userId(row), row);
    for (const row of changes.months) this.#months.set(monthId(row), row);
    for (const row of changes.monthChanges) this.#monthChanges.push(row);
    for (const key of changes.settled) this.#settled.push(key);
    // No two decisions have the same place in the log.
    for (const row of changes.decided) this.#decided.set(row.position, row);
    for (const row of changes.revised) this.#revised.set(`${row.account}/${row.decision}`, row);
    for (const row of changes.hours) this.#addHour(row);
    for (const state of changes.accounts) this.#accounts.set(state.account, state);
    const { removedSessions, sessions, removedUsers, users, decided } = changes;
    for (const rows of [removedSessions, sessions, removedUsers, users, decided])
      for (const row of rows) this.#customers.add(customerId(row));
  }

  #addHour(row: HourRow): void {
    const id = `${row.account}/${row.hour}/${row.outcome}/${row.reason}`;
    const known = this.#hours.get(id);
    this.#hours.set(id, known === undefined ? row : { ...row, decisions: known.decisions + row.decisions });
  }

  /** All of them, as of one batch. */
  all(): AnalyticsChanges {
    return {
      begun: this.#begun,
      sessions: [...this.#sessions.values()],
      removedSessions: this.#removedSessions,
      users: [...this.#users.values()],
      removedUsers: [...this.#removedUsers.values()],
      months: [...this.#months.values()],
      monthChanges: this.#monthChanges,
      settled: this.#settled,
      decided: [...this.#decided.values()],
      revised: [...this.#revised.values()],
      hours: [...this.#hours.values()],
      accounts: [...this.#accounts.values()],
    };
  }
}
