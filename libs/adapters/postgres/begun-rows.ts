import type { CustomerRow, DecisionRow, MauRow, WakeRow } from '#application/ports/read-model';
import type { Transaction } from './database.js';
import type { BegunRows } from './gathered-changes.js';
import { copied, lines, rowsOf, toLine } from './lines.js';

/** As one text; more would have to be held twice for long. */
const COPIED = 5_000;

type Value = string | number | null;

const orNull = (text: string | null): string | null => (text === null ? null : toLine(text));

const copy = async <Row>(
  transaction: Transaction,
  into: string,
  rows: readonly Row[],
  values: (row: Row) => readonly Value[],
): Promise<void> => {
  for (let from = 0; from < rows.length; from += COPIED) {
    await transaction.copy(into, copied(rows.slice(from, from + COPIED).map(values)));
  }
};

const customer = ({ account, customer: name, revision, state }: CustomerRow): readonly Value[] => [
  toLine(account),
  toLine(name),
  revision,
  JSON.stringify(state),
];

const decision = (row: DecisionRow): readonly Value[] => [
  toLine(row.account),
  toLine(row.customer),
  toLine(row.intentId),
  toLine(row.fingerprint),
  row.outcome,
  orNull(row.reason),
  row.delivery,
  orNull(row.commandId),
  orNull(row.providerMessageId),
  toLine(row.sender),
  row.decidedAt,
  row.revision,
  row.position,
  row.decision,
];

const wake = (row: WakeRow): readonly Value[] => [
  toLine(row.account),
  toLine(row.customer),
  toLine(row.intentId),
  row.status,
  orNull(row.reason),
  orNull(row.template?.name ?? null),
  orNull(row.template?.language ?? null),
  row.wakeAt,
];

const activeUser = ({ account, month, customer: name, firstAt, firstEventId }: MauRow): readonly Value[] => [
  toLine(account),
  month,
  toLine(name),
  firstAt,
  firstEventId,
];

/** Writes rows none of whose keys is stored: a second one of a key fails all. */
export const copyBegun = async (transaction: Transaction, schema: string, rows: BegunRows): Promise<void> => {
  await copy(transaction, `${schema}.customers (account, customer, revision, state)`, rows.customers, customer);
  await copy(
    transaction,
    `${schema}.decisions (
       account, customer, intent_id, fingerprint, outcome, reason, delivery, command_id, provider_message_id, sender,
       decided_at, revision, position, decision
     )`,
    rows.decisions,
    decision,
  );
  await copy(transaction, `${schema}.facts (id)`, rows.facts, (id) => [id]);
  await copy(
    transaction,
    `${schema}.wakes (account, customer, intent_id, status, reason, template_name, template_language, wake_at)`,
    rows.wakes,
    wake,
  );
  await copy(
    transaction,
    `${schema}.active_users (account, month, customer, first_at, first_event_id)`,
    rows.activeUsers,
    activeUser,
  );
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
