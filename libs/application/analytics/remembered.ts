import { LRUCache } from 'lru-cache';
import { endOf } from '#domain/analytics/session';
import type {
  ActiveUserRow,
  AnalyticsChanges,
  AnalyticsStore,
  DecidedRow,
  MonthKey,
  MonthRow,
  SessionRow,
  SessionSpan,
} from '../ports/analytics.js';
import type { CustomerKey, IntentKey } from '../ports/read-model.js';
import { customerId } from '../keys.js';
import type { Noted } from './noted.js';

/** All rows of one customer that its events may change. */
interface Known {
  sessions: readonly SessionRow[];
  users: readonly ActiveUserRow[];
  /** The latest authorisation of each intent. */
  readonly authorised: Map<string, DecidedRow>;
}

const monthId = ({ account, month }: MonthKey): string => `${account}/${month}`;
const MONTHS = 10_000;

/**
 * What the projection knows of its own rows without asking the store: those of customers whose first event it has
 * folded, as long as there is room, and of months. Of all others the rows are read, batch for batch.
 */
export class RememberedRows {
  readonly #customers: LRUCache<string, Known> | undefined;
  readonly #months = new LRUCache<string, MonthRow>({ max: MONTHS });

  /** @param room for so many rows; 0: remembers no customers */
  constructor(
    private readonly stored: Pick<AnalyticsStore, 'sessions' | 'users' | 'usersOf' | 'months' | 'authorised'>,
    room: number,
  ) {
    if (room > 0) this.#customers = new LRUCache({ maxSize: room, sizeCalculation: weight });
  }

  clear(): void {
    this.#customers?.clear();
    this.#months.clear();
  }

  /** Before the events are folded: of whom nothing was stored before, all is known. */
  meet(noted: readonly Noted[]): void {
    if (this.#customers === undefined) return;
    for (const one of noted) {
      if (one.revision === 0) this.#customers.set(customerId(one), { sessions: [], users: [], authorised: new Map() });
    }
  }

  async authorised(keys: readonly IntentKey[]): Promise<readonly DecidedRow[]> {
    const { known, unknown } = this.#split(keys, ({ authorised }, { intentId }) => {
      const row = authorised.get(intentId);
      return row === undefined ? [] : [row];
    });
    return unknown.length === 0 ? known : [...known, ...(await this.stored.authorised(unknown))];
  }

  async sessions(spans: readonly SessionSpan[]): Promise<readonly SessionRow[]> {
    const { known, unknown } = this.#split(spans, ({ sessions }, { sender, from, until }) =>
      sessions.filter(
        (row) => (sender === undefined || row.sender === sender) && row.openedAt < until && endOf(row) > from,
      ),
    );
    return unknown.length === 0 ? known : [...known, ...(await this.stored.sessions(unknown))];
  }

  async users(keys: readonly (MonthKey & CustomerKey)[]): Promise<readonly ActiveUserRow[]> {
    const { known, unknown } = this.#split(keys, ({ users }, { month }) => users.filter((row) => row.month === month));
    return unknown.length === 0 ? known : [...known, ...(await this.stored.users(unknown))];
  }

  async usersOf(customers: readonly CustomerKey[]): Promise<readonly ActiveUserRow[]> {
    const { known, unknown } = this.#split(customers, ({ users }) => users);
    return unknown.length === 0 ? known : [...known, ...(await this.stored.usersOf(unknown))];
  }

  async months(keys: readonly MonthKey[]): Promise<readonly MonthRow[]> {
    const rows: MonthRow[] = [];
    const unknown: MonthKey[] = [];
    for (const key of keys) {
      const row = this.#months.get(monthId(key));
      if (row === undefined) unknown.push(key);
      else rows.push(row);
    }
    const read = unknown.length === 0 ? [] : await this.stored.months(unknown);
    return [...rows, ...read];
  }

  /** In the order in which the store applies them. */
  take({ sessions, removedSessions, users, removedUsers, months, decided }: AnalyticsChanges): void {
    for (const row of months) this.#months.set(monthId(row), row);
    const changed = new Map<string, Known>();
    const of = (key: CustomerKey): Known | undefined => {
      const id = customerId(key);
      const known = this.#customers?.peek(id);
      if (known !== undefined) changed.set(id, known);
      return known;
    };
    const isAt = (a: Pick<SessionRow, 'sender' | 'openedAt'>) => (b: SessionRow) =>
      a.sender === b.sender && a.openedAt === b.openedAt;
    for (const row of removedSessions) {
      const known = of(row);
      if (known !== undefined) known.sessions = known.sessions.filter((other) => !isAt(row)(other));
    }
    for (const row of sessions) {
      const known = of(row);
      if (known !== undefined) known.sessions = [...known.sessions.filter((other) => !isAt(row)(other)), row];
    }
    for (const { month, ...key } of removedUsers) {
      const known = of(key);
      if (known !== undefined) known.users = known.users.filter((other) => other.month !== month);
    }
    for (const row of users) {
      const known = of(row);
      if (known !== undefined) known.users = [...known.users.filter(({ month }) => month !== row.month), row];
    }
    for (const row of decided) {
      if (row.outcome !== 'authorised') continue;
      const known = of(row);
      const before = known?.authorised.get(row.intentId);
      if (before === undefined || before.position <= row.position) known?.authorised.set(row.intentId, row);
    }
    // Anew, since they weigh more now.
    for (const [id, known] of changed) {
      this.#customers?.delete(id);
      this.#customers?.set(id, known);
    }
  }

  #split<Key extends CustomerKey, Row>(
    keys: readonly Key[],
    rowsOf: (known: Known, key: Key) => readonly Row[],
  ): { readonly known: readonly Row[]; readonly unknown: readonly Key[] } {
    if (this.#customers === undefined) return { known: [], unknown: keys };
    const rows: Row[] = [];
    const unknown: Key[] = [];
    for (const key of keys) {
      const known = this.#customers.get(customerId(key));
      if (known === undefined) unknown.push(key);
      else for (const row of rowsOf(known, key)) rows.push(row);
    }
    return { known: rows, unknown };
  }
}

const weight = ({ sessions, users, authorised }: Known): number => 1 + sessions.length + users.length + authorised.size;
