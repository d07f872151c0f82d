import {
  AnalyticsStore,
  type ActiveUserRow,
  type AnalyticsChanges,
  type AnalyticsCheckpoint,
  type DecidedRow,
  type HourRow,
  type MonthChange,
  type MonthKey,
  type MonthRow,
  type RevisedRow,
  type SessionRow,
  type SessionSpan,
} from '#application/ports/analytics';
import type { Position } from '#application/ports/event-store';
import type { CustomerKey, IntentKey } from '#application/ports/read-model';
import type { AccountState } from '#domain/account';

const keyOf = (...parts: readonly (string | number | null)[]): string => parts.join('/');

/** Analytics in maps, as plainly as can be: what the tables of an engine have to equal. */
export class MemoryAnalytics extends AnalyticsStore {
  at: AnalyticsCheckpoint | undefined;
  readonly sessionRows = new Map<string, SessionRow>();
  readonly gone = new Set<string>();
  readonly userRows = new Map<string, ActiveUserRow>();
  readonly monthRows = new Map<string, MonthRow>();
  readonly changeRows = new Map<string, MonthChange & { readonly settled: boolean }>();
  readonly decidedRows = new Map<string, DecidedRow>();
  readonly revisedRows = new Map<string, RevisedRow>();
  readonly hourRows = new Map<string, HourRow>();
  readonly accountStates = new Map<string, AccountState>();

  checkpoint(): Promise<AnalyticsCheckpoint | undefined> {
    return Promise.resolve(this.at);
  }
  accounts(): Promise<readonly AccountState[]> {
    return Promise.resolve([...this.accountStates.values()]);
  }
  /** All of them: more than is asked for must do no harm. */
  sessions(spans: readonly SessionSpan[]): Promise<readonly SessionRow[]> {
    const wanted = new Set(spans.map(({ account, customer, sender = '' }) => keyOf(account, customer, sender)));
    return Promise.resolve(
      [...this.sessionRows.values()].filter(
        ({ account, customer, sender }) =>
          wanted.has(keyOf(account, customer, sender)) || wanted.has(keyOf(account, customer, '')),
      ),
    );
  }
  users(keys: readonly (MonthKey & CustomerKey)[]): Promise<readonly ActiveUserRow[]> {
    return Promise.resolve(
      keys.flatMap(({ account, month, customer }) => this.userRows.get(keyOf(account, month, customer)) ?? []),
    );
  }
  usersOf(customers: readonly CustomerKey[]): Promise<readonly ActiveUserRow[]> {
    return Promise.resolve(
      [...this.userRows.values()].filter((row) =>
        customers.some(({ account, customer }) => row.account === account && row.customer === customer),
      ),
    );
  }
  months(keys: readonly MonthKey[]): Promise<readonly MonthRow[]> {
    return Promise.resolve(keys.flatMap(({ account, month }) => this.monthRows.get(keyOf(account, month)) ?? []));
  }
  authorised(keys: readonly IntentKey[]): Promise<readonly DecidedRow[]> {
    const rows = [...this.decidedRows.values()].filter(({ outcome }) => outcome === 'authorised');
    return Promise.resolve(
      keys.flatMap(
        ({ account, customer, intentId }) =>
          rows
            .filter((row) => row.account === account && row.customer === customer && row.intentId === intentId)
            .sort((a, b) => b.position - a.position)[0] ?? [],
      ),
    );
  }
  apply(_: Position | undefined, to: AnalyticsCheckpoint, changes: AnalyticsChanges): Promise<void> {
    this.at = to;
    for (const { account, customer, sender, openedAt, id, isGone } of changes.removedSessions) {
      this.sessionRows.delete(keyOf(account, customer, sender, openedAt));
      if (isGone) this.gone.add(id);
    }
    for (const row of changes.sessions)
      this.sessionRows.set(keyOf(row.account, row.customer, row.sender, row.openedAt), row);
    for (const { account, month, customer } of changes.removedUsers)
      this.userRows.delete(keyOf(account, month, customer));
    for (const row of changes.users) this.userRows.set(keyOf(row.account, row.month, row.customer), row);
    for (const row of changes.months) this.monthRows.set(keyOf(row.account, row.month), row);
    for (const row of changes.monthChanges)
      this.changeRows.set(keyOf(row.account, row.month, row.customer, row.because), { ...row, settled: false });
    for (const { account, month, customer, because } of changes.settled) {
      const key = keyOf(account, month, customer, because);
      const row = this.changeRows.get(key);
      if (row !== undefined) this.changeRows.set(key, { ...row, settled: true });
    }
    for (const row of changes.decided)
      this.decidedRows.set(keyOf(row.account, row.customer, row.intentId, row.position), row);
    for (const row of changes.revised) this.revisedRows.set(keyOf(row.account, row.decision), row);
    for (const row of changes.hours) {
      const key = keyOf(row.account, row.hour, row.outcome, row.reason);
      this.hourRows.set(key, { ...row, decisions: (this.hourRows.get(key)?.decisions ?? 0) + row.decisions });
    }
    for (const state of changes.accounts) this.accountStates.set(state.account, state);
    return Promise.resolve();
  }
}
