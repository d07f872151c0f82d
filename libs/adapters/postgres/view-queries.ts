import type {
  AccountRow,
  CustomerKey,
  CustomerRow,
  DecisionRow,
  IntentKey,
  TemplateRow,
} from '#application/ports/read-model';
import type { Queryable } from './database.js';
import { lines, rowsOf, toLine } from './lines.js';
import {
  accountRow,
  customerRow,
  decisionRow,
  templateRow,
  storedCustomers,
  type StoredDecision,
} from './view-rows.js';

/** The reads that the deciders and the projector have in common, from the tables of one schema. */
export class ViewQueries {
  constructor(
    private readonly database: Queryable,
    private readonly schema: string,
  ) {}

  async customers(keys: readonly CustomerKey[]): Promise<readonly CustomerRow[]> {
    if (keys.length === 0) return [];
    // As one text: a row for each costs more than to parse it.
    const [row] = await this.database.query<{ customers: string | null }>(
      `select '[' || string_agg(
         '[' || to_json(c.account) || ',' || to_json(c.customer) || ',' || c.revision || ',' || c.state
         || ',[' || coalesce(o.states, '') || ']]', ','
       ) || ']' as customers
       from ${rowsOf(1, 'text', 'text')} as k(account, customer)
       join ${this.schema}.customers c on c.account = k.account and c.customer = k.customer
       cross join lateral (
         select string_agg(o.state, ',' order by o.intent_id) as states from ${this.schema}.open_intents o
         where o.account = c.account and o.customer = c.customer
       ) o`,
      [lines(keys.map(({ account }) => toLine(account))), lines(keys.map(({ customer }) => toLine(customer)))],
    );
    return storedCustomers(row?.customers ?? '[]').map(customerRow);
  }

  async decisions(keys: readonly IntentKey[]): Promise<readonly DecisionRow[]> {
    if (keys.length === 0) return [];
    const rows = await this.database.query<StoredDecision>(
      `select d.*
       from ${rowsOf(1, 'text', 'text', 'text')} as k(account, customer, intent_id)
       join ${this.schema}.decisions d
         on d.account = k.account and d.customer = k.customer and d.intent_id = k.intent_id`,
      [
        lines(keys.map(({ account }) => toLine(account))),
        lines(keys.map(({ customer }) => toLine(customer))),
        lines(keys.map(({ intentId }) => toLine(intentId))),
      ],
    );
    return rows.map(decisionRow);
  }

  async accounts(): Promise<readonly AccountRow[]> {
    const rows = await this.database.query<{ state: string }>(
      `select state from ${this.schema}.accounts order by account`,
    );
    return rows.map(accountRow);
  }

  /** Of one account, or all. */
  async templates(account?: string): Promise<readonly TemplateRow[]> {
    const rows = await this.database.query<{ account: string; state: string }>(
      `select account, state from ${this.schema}.templates
       where $1::text is null or account = $1 order by account, name, language`,
      [account === undefined ? null : toLine(account)],
    );
    return rows.map(templateRow);
  }
}
