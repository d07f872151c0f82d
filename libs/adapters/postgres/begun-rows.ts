import type { CustomerRows, MauRow } from '#application/ports/read-model';
import type { Transaction } from './database.js';
import { lines, rowsOf, toLine } from './lines.js';
import type { ViewTables } from './view-tables.js';

/** Writes rows none of whose keys is stored: a second one of a key fails all. */
export const copyBegun = async (
  transaction: Transaction,
  schema: string,
  tables: ViewTables,
  rows: CustomerRows,
): Promise<void> => {
  await transaction.copy([
    ...tables.customers.copied(rows.customers),
    ...tables.decisions.copied(rows.decisions),
    ...tables.openIntents.copied(rows.openIntents),
    ...tables.facts.copied(rows.facts),
    ...tables.activeUsers.copied(rows.activeUsers),
  ]);
  await addToMonths(transaction, schema, rows.activeUsers);
};

const addToMonths = async (transaction: Transaction, schema: string, rows: readonly MauRow[]): Promise<void> => {
  const months = new Map<string, { readonly account: string; readonly month: string; users: number }>();
  for (const { account, month } of rows) {
    const id = `${account}/${month}`;
    const known = months.get(id);
    if (known === undefined) months.set(id, { account, month, users: 1 });
    else known.users += 1;
  }
  const all = [...months.values()];
  if (all.length === 0) return;
  await transaction.query(
    `insert into ${schema}.active_months as stored (account, month, users)
     select * from ${rowsOf(1, 'text', 'text', 'bigint')}
     on conflict (account, month) do update set users = stored.users + excluded.users`,
    [
      lines(all.map(({ account }) => toLine(account))),
      lines(all.map(({ month }) => month)),
      lines(all.map(({ users }) => users)),
    ],
  );
};
