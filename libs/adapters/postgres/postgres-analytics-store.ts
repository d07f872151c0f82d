import { ANALYTICS } from '#application/analytics/project-analytics';
import { InfrastructureError } from '#application/errors';
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
import { customerId } from '#application/keys';
import type { Position } from '#application/ports/event-store';
import type { CustomerKey, IntentKey } from '#application/ports/read-model';
import type { AccountState } from '#domain/account';
import { instantOf } from '#domain/time';
import {
  decidedColumns,
  decidedOf,
  monthChangeColumns,
  monthColumns,
  monthRowOf,
  revisedColumns,
  sessionColumns,
  sessionOf,
  userColumns,
  userOf,
  type StoredDecided,
  type StoredMonth,
  type StoredSession,
  type StoredUser,
} from './analytics-rows.js';
import { LIVE_ANALYTICS } from './analytics-schema.js';
import type { Database, Queryable } from './database.js';
import { lines, rowsOf, toLine } from './lines.js';
import { inParts, Table } from './table.js';
import { accountRow } from './view-rows.js';

const texts = <Row>(rows: readonly Row[], text: (row: Row) => string): string =>
  lines(rows.map((row) => toLine(text(row))));

const parted = <Row>(rows: readonly Row[], belongs: (row: Row) => boolean) => {
  const those: Row[] = [];
  const others: Row[] = [];
  for (const row of rows) (belongs(row) ? those : others).push(row);
  return { those, others };
};

/** Sessions, active users and decisions in Postgres: a statement per table and batch. */
export class PostgresAnalyticsStore extends AnalyticsStore {
  readonly #sessions: Table<SessionRow>;
  readonly #users: Table<ActiveUserRow>;
  readonly #months: Table<MonthRow>;
  readonly #monthChanges: Table<MonthChange>;
  readonly #decided: Table<DecidedRow>;
  readonly #revised: Table<RevisedRow>;

  /** @param name of the projection, with its version */
  constructor(
    private readonly database: Database,
    private readonly schema: string = LIVE_ANALYTICS,
    private readonly name: string = ANALYTICS,
  ) {
    super();
    this.#sessions = new Table(`${schema}.sessions`, sessionColumns, ['account', 'customer', 'sender', 'opened_at']);
    this.#users = new Table(`${schema}.users`, userColumns, ['account', 'month', 'customer']);
    this.#months = new Table(`${schema}.months`, monthColumns, ['account', 'month']);
    this.#monthChanges = new Table(`${schema}.month_changes`, monthChangeColumns, [
      'account',
      'customer',
      'month',
      'because',
    ]);
    this.#decided = new Table(`${schema}.decided`, decidedColumns, ['account', 'customer', 'intent_id', 'position']);
    this.#revised = new Table(`${schema}.revised`, revisedColumns, ['account', 'decision']);
  }

  async checkpoint(): Promise<AnalyticsCheckpoint | undefined> {
    const [row] = await this.database.query<{ name: string; position: number; recorded_at: number }>(
      `select name, position, recorded_at from ${this.schema}.checkpoint`,
    );
    if (row === undefined) return undefined;
    if (row.name !== this.name) {
      throw new InfrastructureError(
        'checkpoint-taken',
        `The tables of analytics hold ${row.name}, and this process folds ${this.name}: run tidegate rebuild analytics.`,
      );
    }
    return { position: row.position, recordedAt: instantOf(row.recorded_at) };
  }

  async accounts(): Promise<readonly AccountState[]> {
    const rows = await this.database.query<{ state: string }>(
      `select state from ${this.schema}.accounts order by account`,
    );
    return rows.map((row) => accountRow(row).state);
  }

  async sessions(spans: readonly SessionSpan[]): Promise<readonly SessionRow[]> {
    const ofOne = await this.#sessionsIn(
      spans.filter(({ sender }) => sender !== undefined),
      's.sender = k.sender',
    );
    const ofAll = await this.#sessionsIn(
      spans.filter(({ sender }) => sender === undefined),
      'true',
    );
    return [...ofOne, ...ofAll];
  }

  async #sessionsIn(spans: readonly SessionSpan[], isOfSender: string): Promise<readonly SessionRow[]> {
    if (spans.length === 0) return [];
    const rows = await this.database.query<StoredSession>(
      // By the key alone, of which there are few rows (+ 0): the planner would rather walk all of the account by time.
      `select s.* from ${rowsOf(1, 'text', 'text', 'text', 'bigint', 'bigint')} as k(account, customer, sender, since, until)
       cross join lateral (
         select * from ${this.schema}.sessions s
         where s.account = k.account and s.customer = k.customer and ${isOfSender}
           and s.opened_at + 0 < k.until and s.ends_at + 0 > k.since
         offset 0
       ) s`,
      [
        texts(spans, ({ account }) => account),
        texts(spans, ({ customer }) => customer),
        lines(spans.map(({ sender }) => (sender === undefined ? null : toLine(sender)))),
        lines(spans.map(({ from }) => from)),
        lines(spans.map(({ until }) => until)),
      ],
    );
    return rows.map(sessionOf);
  }

  async users(keys: readonly (MonthKey & CustomerKey)[]): Promise<readonly ActiveUserRow[]> {
    if (keys.length === 0) return [];
    const rows = await this.database.query<StoredUser>(
      `select u.* from ${rowsOf(1, 'text', 'text', 'text')} as k(account, month, customer)
       join ${this.schema}.users u on u.account = k.account and u.month = k.month and u.customer = k.customer`,
      [
        texts(keys, ({ account }) => account),
        texts(keys, ({ month }) => month),
        texts(keys, ({ customer }) => customer),
      ],
    );
    return rows.map(userOf);
  }

  async usersOf(customers: readonly CustomerKey[]): Promise<readonly ActiveUserRow[]> {
    if (customers.length === 0) return [];
    const rows = await this.database.query<StoredUser>(
      `select u.* from ${rowsOf(1, 'text', 'text')} as k(account, customer)
       join ${this.schema}.users u on u.account = k.account and u.customer = k.customer`,
      [texts(customers, ({ account }) => account), texts(customers, ({ customer }) => customer)],
    );
    return rows.map(userOf);
  }

  async months(keys: readonly MonthKey[]): Promise<readonly MonthRow[]> {
    if (keys.length === 0) return [];
    const rows = await this.database.query<StoredMonth>(
      `select m.* from ${rowsOf(1, 'text', 'text')} as k(account, month)
       join ${this.schema}.months m on m.account = k.account and m.month = k.month`,
      [texts(keys, ({ account }) => account), texts(keys, ({ month }) => month)],
    );
    return rows.map(monthRowOf);
  }

  async authorised(keys: readonly IntentKey[]): Promise<readonly DecidedRow[]> {
    if (keys.length === 0) return [];
    const rows = await this.database.query<StoredDecided>(
      `select d.* from ${rowsOf(1, 'text', 'text', 'text')} as k(account, customer, intent_id)
       cross join lateral (
         select * from ${this.schema}.decided d
         where d.account = k.account and d.customer = k.customer and d.intent_id = k.intent_id
           and d.outcome = 'authorised'
         order by d.position desc limit 1
       ) d`,
      [
        texts(keys, ({ account }) => account),
        texts(keys, ({ customer }) => customer),
        texts(keys, ({ intentId }) => intentId),
      ],
    );
    return rows.map(decidedOf);
  }

  async apply(from: Position | undefined, to: AnalyticsCheckpoint, changes: AnalyticsChanges): Promise<void> {
    // Nothing is stored of customers that are begun, nor of what happened behind the checkpoint.
    const begun = new Set(changes.begun.map(customerId));
    const isBegun = (row: CustomerKey): boolean => begun.has(customerId(row));
    const isLater = ({ position }: { readonly position: Position }): boolean => position > (from ?? 0);
    const sessions = parted(changes.sessions, isBegun);
    const users = parted(changes.users, isBegun);
    const decided = parted(changes.decided, isLater);
    await this.database.transaction(async (transaction) => {
      // First, so that of two instances the slower one waits here and then gives up.
      await this.#swap(transaction, from, to);
      await inParts(changes.removedSessions, (part) => this.#removeSessions(transaction, part));
      await inParts(changes.removedUsers, (part) => this.#removeUsers(transaction, part));
      await transaction.copy([
        ...this.#sessions.copied(sessions.those),
        ...this.#users.copied(users.those),
        ...this.#monthChanges.copied(changes.monthChanges),
        ...this.#decided.copied(decided.those),
      ]);
      await this.#put(transaction, this.#sessions, sessions.others);
      await this.#put(transaction, this.#users, users.others);
      await this.#put(transaction, this.#months, changes.months);
      await inParts(changes.settled, (part) => this.#settle(transaction, part));
      // Of earlier decisions only the outcome changes.
      await inParts(decided.others, (part) => this.#became(transaction, part));
      await this.#put(transaction, this.#revised, changes.revised);
      await this.#addHours(transaction, changes.hours);
      await this.#putAccounts(transaction, changes.accounts);
    });
  }

  async #swap(transaction: Queryable, from: Position | undefined, to: AnalyticsCheckpoint): Promise<void> {
    const { schema, name } = this;
    const swapped =
      from === undefined
        ? await transaction.query(
            `insert into ${schema}.checkpoint (name, position, recorded_at) values ($1, $2, $3)
             on conflict do nothing returning 1`,
            [name, to.position, to.recordedAt],
          )
        : await transaction.query(
            `update ${schema}.checkpoint set position = $3, recorded_at = $4
             where name = $1 and position = $2 returning 1`,
            [name, from, to.position, to.recordedAt],
          );
    if (swapped.length === 0)
      throw new InfrastructureError(
        'checkpoint-taken',
        `The checkpoint of ${name} is no longer at ${from ?? 'its start'}: another process moves it, or its tables were rebuilt. Begin again at the stored checkpoint.`,
      );
  }

  async #became(transaction: Queryable, earlier: readonly DecidedRow[]): Promise<void> {
    await transaction.query(
      `update ${this.schema}.decided d
       set sent_at = k.sent_at, delivered_at = k.delivered_at, failure = k.failure
       from ${rowsOf(1, 'text', 'text', 'text', 'bigint', 'bigint', 'bigint', 'text')}
         as k(account, customer, intent_id, position, sent_at, delivered_at, failure)
       where d.account = k.account and d.customer = k.customer and d.intent_id = k.intent_id and d.position = k.position`,
      [
        texts(earlier, ({ account }) => account),
        texts(earlier, ({ customer }) => customer),
        texts(earlier, ({ intentId }) => intentId),
        lines(earlier.map(({ position }) => position)),
        lines(earlier.map(({ sentAt }) => sentAt)),
        lines(earlier.map(({ deliveredAt }) => deliveredAt)),
        lines(earlier.map(({ failure }) => (failure === null ? null : toLine(failure)))),
      ],
    );
  }

  async #put<Row>(transaction: Queryable, table: Table<Row>, rows: readonly Row[]): Promise<void> {
    await inParts(rows, (part) => transaction.query(...table.statement(part)));
  }

  async #removeSessions(transaction: Queryable, rows: AnalyticsChanges['removedSessions']): Promise<void> {
    await transaction.query(
      `delete from ${this.schema}.sessions s
       using ${rowsOf(1, 'text', 'text', 'text', 'bigint')} as k(account, customer, sender, opened_at)
       where s.account = k.account and s.customer = k.customer and s.sender = k.sender and s.opened_at = k.opened_at`,
      [
        texts(rows, ({ account }) => account),
        texts(rows, ({ customer }) => customer),
        texts(rows, ({ sender }) => sender),
        lines(rows.map(({ openedAt }) => openedAt)),
      ],
    );
    const gone = rows.filter(({ isGone }) => isGone);
    if (gone.length === 0) return;
    await transaction.query(
      `insert into ${this.schema}.removed_sessions (id, account, position)
       select * from ${rowsOf(1, 'uuid', 'text', 'bigint')} on conflict do nothing`,
      [
        lines(gone.map(({ id }) => id)),
        texts(gone, ({ account }) => account),
        lines(gone.map(({ position }) => position)),
      ],
    );
  }

  async #removeUsers(transaction: Queryable, keys: AnalyticsChanges['removedUsers']): Promise<void> {
    await transaction.query(
      `delete from ${this.schema}.users u using ${rowsOf(1, 'text', 'text', 'text')} as k(account, month, customer)
       where u.account = k.account and u.month = k.month and u.customer = k.customer`,
      [
        texts(keys, ({ account }) => account),
        texts(keys, ({ month }) => month),
        texts(keys, ({ customer }) => customer),
      ],
    );
  }

  async #settle(transaction: Queryable, keys: AnalyticsChanges['settled']): Promise<void> {
    await transaction.query(
      `update ${this.schema}.month_changes c set settled = 1
       from ${rowsOf(1, 'text', 'text', 'text', 'uuid')} as k(account, month, customer, because)
       where c.account = k.account and c.month = k.month and c.because = k.because and c.customer = k.customer`,
      [
        texts(keys, ({ account }) => account),
        texts(keys, ({ month }) => month),
        texts(keys, ({ customer }) => customer),
        lines(keys.map(({ because }) => because)),
      ],
    );
  }

  async #addHours(transaction: Queryable, rows: readonly HourRow[]): Promise<void> {
    if (rows.length === 0) return;
    await transaction.query(
      `insert into ${this.schema}.hours as stored (account, hour, outcome, reason, decisions)
       select * from ${rowsOf(1, 'text', 'bigint', 'text', 'text', 'bigint')}
       on conflict (account, hour, outcome, reason) do update set decisions = stored.decisions + excluded.decisions`,
      [
        texts(rows, ({ account }) => account),
        lines(rows.map(({ hour }) => hour)),
        texts(rows, ({ outcome }) => outcome),
        texts(rows, ({ reason }) => reason ?? NO_REASON),
        lines(rows.map(({ decisions }) => decisions)),
      ],
    );
  }

  async #putAccounts(transaction: Queryable, states: readonly AccountState[]): Promise<void> {
    if (states.length === 0) return;
    await transaction.query(
      `insert into ${this.schema}.accounts as stored (account, revision, state)
       select * from ${rowsOf(1, 'text', 'bigint', 'text')}
       on conflict (account) do update set revision = excluded.revision, state = excluded.state
       where excluded.revision > stored.revision`,
      [
        texts(states, ({ account }) => account),
        lines(states.map(({ revision }) => revision)),
        lines(states.map((state) => JSON.stringify(state))),
      ],
    );
  }
}

/** A key of the table cannot be null. */
export const NO_REASON = 'none';
