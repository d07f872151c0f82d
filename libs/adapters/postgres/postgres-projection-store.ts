import { InfrastructureError } from '#application/errors';
import type { Position } from '#application/ports/event-store';
import {
  ProjectionStore,
  type AccountRow,
  type CustomerKey,
  type CustomerRow,
  type CustomerRows,
  type DecisionRow,
  type IntentKey,
  type MauRow,
  type ProjectionChanges,
  type Takeover,
  type TemplateRow,
} from '#application/ports/read-model';
import { copyBegun } from './begun-rows.js';
import type { Database, Queryable } from './database.js';
import { lines, rowsOf, toLine } from './lines.js';
import { inParts, type Table } from './table.js';
import { ViewQueries } from './view-queries.js';
import { LIVE_VIEWS } from './view-schema.js';
import { ViewTables } from './view-tables.js';

const column = <Row>(rows: readonly Row[], text: (row: Row) => string | null): string =>
  lines(
    rows.map((row) => {
      const value = text(row);
      return value === null ? null : toLine(value);
    }),
  );

const united = (a: CustomerRows, b: CustomerRows): CustomerRows => ({
  customers: [...a.customers, ...b.customers],
  decisions: [...a.decisions, ...b.decisions],
  openIntents: [...a.openIntents, ...b.openIntents],
  facts: [...a.facts, ...b.facts],
  activeUsers: [...a.activeUsers, ...b.activeUsers],
});

/** A key of which there is a row (PostgreSQL appendix A: unique_violation). */
const isTwice = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '23505';

/** The projector's side of the read model: a statement per table and batch. */
export class PostgresProjectionStore extends ProjectionStore {
  readonly #views: ViewQueries;
  readonly #tables: ViewTables;

  constructor(
    private readonly database: Database,
    private readonly schema: string = LIVE_VIEWS,
  ) {
    super();
    this.#views = new ViewQueries(database, schema);
    this.#tables = new ViewTables(schema);
  }

  async checkpoint(projection: string): Promise<Position | undefined> {
    const rows = await this.database.query<{ position: number }>(
      `select position from ${this.schema}.checkpoints where name = $1`,
      [projection],
    );
    return rows[0]?.position;
  }

  customers(keys: readonly CustomerKey[]): Promise<readonly CustomerRow[]> {
    return this.#views.customers(keys);
  }

  decisions(keys: readonly IntentKey[]): Promise<readonly DecisionRow[]> {
    return this.#views.decisions(keys);
  }

  accounts(): Promise<readonly AccountRow[]> {
    return this.#views.accounts();
  }

  templates(): Promise<readonly TemplateRow[]> {
    return this.#views.templates();
  }

  async apply(projection: string, from: Position | undefined, to: Position, changes: ProjectionChanges): Promise<void> {
    try {
      await this.#write(projection, from, to, changes, changes.begun);
    } catch (error) {
      if (!isTwice(error)) throw error;
      // A row was there after all: with an eye on what is there.
      await this.#write(projection, from, to, { ...changes, ...united(changes.begun, changes) });
    }
  }

  async #write(
    projection: string,
    from: Position | undefined,
    to: Position,
    changes: ProjectionChanges,
    begun?: CustomerRows,
  ): Promise<void> {
    await this.database.transaction(async (transaction) => {
      // First, so that of two instances the slower one waits here and then gives up.
      await this.#swap(transaction, projection, from, to, true);
      if (begun !== undefined) await copyBegun(transaction, this.schema, this.#tables, begun);
      const { customers, decisions, openIntents, facts, lateFacts, accounts, templates } = this.#tables;
      const put = async <Row>(rows: readonly Row[], table: Table<Row>): Promise<void> =>
        inParts(rows, async (part) => void (await transaction.query(...table.statement(part))));
      const add = async <Row>(rows: readonly Row[], table: Table<Row>): Promise<void> =>
        inParts(rows, async (part) => void (await transaction.query(...table.addition(part))));
      await put(changes.customers, customers);
      await put(changes.decisions, decisions);
      await add(changes.facts, facts);
      await inParts(changes.closed, (keys) => this.#close(transaction, keys));
      await put(changes.openIntents, openIntents);
      await inParts(changes.activeUsers, (rows) => this.#activeUsers(transaction, rows));
      await add(changes.lateFacts, lateFacts);
      await put(changes.accounts, accounts);
      await put(changes.templates, templates);
      await this.#takeovers(transaction, changes.takeovers);
    });
  }

  async moveCheckpoint(name: string, from: Position | undefined, to: Position): Promise<void> {
    await this.#swap(this.database, name, from, to, false);
  }

  async #swap(
    transaction: Queryable,
    name: string,
    from: Position | undefined,
    to: Position,
    ownsRows: boolean,
  ): Promise<void> {
    const { schema } = this;
    const swapped =
      from === undefined
        ? await transaction.query(
            `insert into ${schema}.checkpoints values ($1, $2, $3 = 1) on conflict do nothing returning 1`,
            [name, to, ownsRows ? 1 : 0],
          )
        : await transaction.query(
            `update ${schema}.checkpoints set position = $3 where name = $1 and position = $2 returning 1`,
            [name, from, to],
          );
    if (swapped.length === 0)
      throw new InfrastructureError(
        'checkpoint-taken',
        `The checkpoint of ${name} is no longer at ${from ?? 'its start'}: another process moves it, or this one did and never heard so. Run one at a time, and begin again at the stored checkpoint.`,
      );
  }

  async #close(transaction: Queryable, keys: readonly IntentKey[]): Promise<void> {
    await transaction.query(
      `delete from ${this.schema}.open_intents o
       using ${rowsOf(1, 'text', 'text', 'text')} as k(account, customer, intent_id)
       where o.account = k.account and o.customer = k.customer and o.intent_id = k.intent_id`,
      [
        column(keys, ({ account }) => account),
        column(keys, ({ customer }) => customer),
        column(keys, ({ intentId }) => intentId),
      ],
    );
  }

  /** The survivor's own rows stay, except where the other's decision is the one that goes on. */
  async #takeovers(transaction: Queryable, takeovers: readonly Takeover[]): Promise<void> {
    if (takeovers.length === 0) return;
    const { schema } = this;
    const going = takeovers.flatMap(({ account, from, to, intentIds }) =>
      intentIds.map((intentId) => ({ account, from, to, intentId })),
    );
    if (going.length > 0) {
      await transaction.query(
        `delete from ${schema}.decisions d
         using ${rowsOf(1, 'text', 'text', 'text', 'text')} as g(account, from_customer, to_customer, intent_id)
         where d.account = g.account and d.customer = g.to_customer and d.intent_id = g.intent_id and exists (
           select from ${schema}.decisions o
           where o.account = g.account and o.customer = g.from_customer and o.intent_id = g.intent_id
         )`,
        [
          column(going, ({ account }) => account),
          column(going, ({ from }) => from),
          column(going, ({ to }) => to),
          column(going, ({ intentId }) => intentId),
        ],
      );
    }
    const moved = `${rowsOf(1, 'text', 'text', 'text', 'bigint')} as t(account, from_customer, to_customer, revision)`;
    const values = [
      column(takeovers, ({ account }) => account),
      column(takeovers, ({ from }) => from),
      column(takeovers, ({ to }) => to),
      lines(takeovers.map(({ revision }) => revision)),
    ];
    await transaction.query(
      `delete from ${schema}.decisions d using ${moved}, ${schema}.decisions o
       where d.account = t.account and d.customer = t.from_customer
         and o.account = t.account and o.customer = t.to_customer and o.intent_id = d.intent_id`,
      values,
    );
    await transaction.query(
      `update ${schema}.decisions d set customer = t.to_customer, revision = t.revision from ${moved}
       where d.account = t.account and d.customer = t.from_customer`,
      values,
    );
    await transaction.query(
      `with twice as (
         delete from ${schema}.active_users u using ${moved}, ${schema}.active_months m
         where m.account = t.account and u.account = m.account and u.month = m.month and u.customer = t.from_customer
           -- Looked up one by one by the whole key: joined, all users of the month were read for each takeover.
           and exists (
             select from ${schema}.active_users o
             where o.account = u.account and o.month = u.month and o.customer = t.to_customer offset 0
           )
         returning u.account, u.month
       )
       update ${schema}.active_months m set users = m.users - c.count
       from (select account, month, count(*) as count from twice group by account, month) c
       where m.account = c.account and m.month = c.month`,
      values,
    );
    await transaction.query(
      // By the months, few, that there are: the key begins with them.
      `update ${schema}.active_users u set customer = t.to_customer from ${moved}, ${schema}.active_months m
       where m.account = t.account and u.account = m.account and u.month = m.month and u.customer = t.from_customer`,
      values,
    );
  }

  /** The first fact that counted stays; a month's total grows by those who are new in it. */
  async #activeUsers(transaction: Queryable, rows: readonly MauRow[]): Promise<void> {
    const [sql, parameters] = this.#tables.activeUsers.addition(rows);
    await transaction.query(
      `with counted as (${sql} returning account, month)
       insert into ${this.schema}.active_months as stored (account, month, users)
       select account, month, count(*) from counted group by account, month
       on conflict (account, month) do update set users = stored.users + excluded.users`,
      parameters,
    );
  }
}
