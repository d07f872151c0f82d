import { hash } from 'node:crypto';
import { InfrastructureError } from '#application/errors';
import { LIVE_ANALYTICS } from './analytics-schema.js';
import type { Database, Queryable } from './database.js';

// Views with plain names and types for SQL clients: what is promised to stay. The tables behind them may change.

export const REPORTS = 'tidegate_reports';

interface Column {
  readonly name: string;
  readonly type: 'text' | 'timestamptz' | 'bigint' | 'uuid' | 'jsonb' | 'numeric' | 'date';
  /** Over the columns of the table. */
  readonly sql: string;
  readonly about: string;
}

export interface Report {
  readonly name: string;
  readonly about: string;
  readonly table: string;
  readonly columns: readonly Column[];
}

const as =
  (type: Column['type'], sqlOf: (column: string) => string) =>
  (name: string, about: string, column = name): Column => ({ name, type, sql: sqlOf(column), about });

const text = as('text', (column) => column);
/** Text that may hold anything is stored with JSON's escapes. */
const free = as('text', (column) => `${REPORTS}.plain(${column})`);
const time = as('timestamptz', (column) => `to_timestamp(${column} / 1000.0)`);
const count = as('bigint', (column) => column);
const uuid = as('uuid', (column) => column);

const account = text('account', 'The account.');
const customer = text('customer', "The customer's id: a keyed hash, no phone number.");

export const reports: readonly Report[] = [
  {
    name: 'sessions',
    about: 'One row for each customer care session.',
    table: 'sessions',
    columns: [
      uuid('session_id', 'Stays the same for as long as there is the session.', 'id'),
      account,
      customer,
      free('sender', 'The business phone number.'),
      time('opened_at', 'The first opener, by the time of the provider.'),
      time('ends_at', '24 hours after the last opener, or earlier: see corrected_at and changed_at.'),
      time('last_opener_at', 'The last opener.', 'opener_at'),
      time('corrected_at', 'When the provider saw it closed before its time.'),
      count('restarts', 'Openers after the first.'),
      {
        name: 'received',
        type: 'jsonb',
        sql: 'received::jsonb',
        about: 'Acts of the customer by message type, calls as `call`.',
      },
      count('sent_session', 'Session messages that the provider took.'),
      count('sent_template', 'Templates that the provider took.'),
      count('sent_echo', 'Messages that staff wrote in the business app.'),
      time('first_reply_at', 'The first message to the customer.'),
      {
        name: 'first_reply_seconds',
        type: 'numeric',
        sql: '(first_reply_at - opened_at) / 1000.0',
        about: 'From the first opener to the first reply.',
      },
      // New columns come last: the view is replaced where it stands.
      time('changed_at', "When the customer's number changed, which ended it then at the latest."),
    ],
  },
  {
    name: 'active_users',
    about: 'One row for each counted user of a month.',
    table: 'users',
    columns: [
      account,
      text('month', 'A month of the billing zone, `2026-11`.'),
      customer,
      time('first_at', 'The earliest fact that counts, by its own time.'),
      uuid('first_event_id', 'The id of its event in the log.'),
      text('rule', 'The rule that counted, with its version.'),
      free('zone', 'The billing time zone.'),
    ],
  },
  {
    name: 'months',
    about: 'One row for each month of an account in which somebody was counted or that is closed.',
    table: 'months',
    columns: [
      account,
      text('month', 'A month of the billing zone, `2026-11`.'),
      free('zone', 'The billing time zone.'),
      text('rule', 'The rule that counts, with its version.'),
      count('users', 'As counted by now.'),
      time('closed_at', 'When it closed; null while it is open.'),
      count('closed_users', 'As counted when it closed.'),
      count('closed_position', 'The place in the log up to which was counted then.'),
      count('adjusted', 'The sum of the adjustments since.'),
    ],
  },
  {
    name: 'decisions',
    about: 'One row for each decision, with what became of the message.',
    table: 'decided',
    columns: [
      account,
      customer,
      free('intent_id', 'The intent that was decided.'),
      count('position', "The place of the decision's event in the log."),
      time('decided_at', 'When it was taken.', 'at'),
      text('outcome', 'authorised, refused, held, expired or cancelled.'),
      text('reason', 'Of a refusal or a hold.'),
      text('rule', 'The number of the rule that decided; null for a cancellation.'),
      text('policy', 'The policy in force, with its version.'),
      text('cost', 'included, new-active-user or over-allowance: a prediction.'),
      free('sender', 'The business phone number; empty where the intent was cancelled before it came.'),
      text('kind', 'session or template.'),
      free('template_name', 'The template.'),
      free('template_language', 'Its language.'),
      time('sent_at', 'When the provider took the message.'),
      time('delivered_at', 'The first `delivered` or `read`.'),
      free('failure', "The provider's code of a failure."),
    ],
  },
  {
    name: 'revised_decisions',
    about:
      'One row for each decision that a fact spoke of which came late: the decision stands, this is what lateness cost.',
    table: 'revised',
    columns: [
      account,
      customer,
      free('intent_id', 'The intent that was decided.'),
      uuid('decision', "The id of the decision's event."),
      free('sender', 'The business phone number.'),
      time('decided_at', 'When it was taken.'),
      text('outcome', 'What it says.'),
      text('reason', 'Of a refusal or a hold.'),
      text(
        'revised_outcome',
        'What the rules say with the late facts; the same as `outcome` where they made up for each other.',
      ),
      text('revised_reason', 'Of a refusal or a hold.'),
      text('fact', "The type of the late fact's event."),
      uuid('because', 'The id of that event.'),
      time('true_at', 'When the fact was true.'),
      time('recorded_at', 'When it came.'),
    ],
  },
  {
    name: 'decisions_by_hour',
    about: 'How many decisions an account had in an hour, by outcome and reason.',
    table: 'hours',
    columns: [
      account,
      time('hour', 'The start of the hour.'),
      text('outcome', 'authorised, refused, held, expired or cancelled.'),
      { name: 'reason', type: 'text', sql: "nullif(reason, 'none')", about: 'Of a refusal or a hold.' },
      count('decisions', 'How many.'),
    ],
  },
];

const quoted = (words: string): string => `'${words.replaceAll("'", "''")}'`;

const viewSql = (schema: string, { name, about, table, columns }: Report): string =>
  [
    `create or replace view ${REPORTS}.${name} as select ${columns.map((column) => `${column.sql} as ${column.name}`).join(', ')} from ${schema}.${table};`,
    `comment on view ${REPORTS}.${name} is ${quoted(about)};`,
    ...columns.map((column) => `comment on column ${REPORTS}.${name}.${column.name} is ${quoted(column.about)};`),
  ].join('\n');

const viewsSql = (schema: string): string => reports.map((report) => viewSql(schema, report)).join('\n');

/** The views on the tables of the schema. Rights that were granted on them stay. */
export const reportsSql = (schema: string = LIVE_ANALYTICS): string => `
  create schema if not exists ${REPORTS};
  create or replace function ${REPORTS}.plain(line text) returns text language sql immutable as $$
    select case
      when strpos(line, '\\') = 0 or strpos(line, '\\u0000') > 0 then line
      when line = '\\E' then ''
      else ('"' || line || '"')::json #>> '{}'
    end $$;
  do $do$
  declare
    rights text := (
      select string_agg(
        format('grant %s on %I.%I to %s %s', privilege_type, table_schema, table_name,
          case grantee when 'PUBLIC' then 'public' else quote_ident(grantee) end,
          case is_grantable when 'YES' then 'with grant option' else '' end),
        ';')
      from information_schema.table_privileges where table_schema = '${REPORTS}' and grantee <> grantor
    );
  begin
    ${viewsSql(schema)}
  exception when invalid_table_definition then
    -- Columns that compare otherwise than before. Where others' views stand on these, they are in the way.
    drop view ${reports.map(({ name }) => `${REPORTS}.${name}`).join(', ')};
    ${viewsSql(schema)}
    if rights is not null then execute rights; end if;
  end $do$;`;

/** Makes the views where they are not as this version has them. Any number of processes may do so at once. */
export const prepareReports = (database: Database): Promise<void> =>
  database.transaction(async (transaction) => {
    await transaction.query(`select pg_advisory_xact_lock(hashtextextended('${REPORTS} views', 0))`);
    const sql = reportsSql();
    const version = hash('sha256', sql);
    const [known] = await transaction.query<{ version: string | null }>(
      `select obj_description(oid, 'pg_namespace') as version from pg_namespace where nspname = '${REPORTS}'`,
    );
    if (known?.version === version) return;
    await placeReports(transaction, sql, version);
  });

/** PostgreSQL appendix A: dependent_objects_still_exist. */
const isStoodOn = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && error.code === '2BP01';

const inTheWay = (error: Error): InfrastructureError =>
  new InfrastructureError(
    'config-invalid',
    `The views of ${REPORTS} get columns of another kind, and other views stand on them: drop those, run this again, and make them anew.\n${'detail' in error ? String(error.detail) : error.message}`,
    { cause: error },
  );

/** @throws InfrastructureError `config-invalid` where views of others stand on those whose columns change */
export const placeReports = async (
  transaction: Queryable,
  sql: string = reportsSql(),
  version: string = hash('sha256', sql),
): Promise<void> => {
  try {
    await transaction.script(sql);
  } catch (error) {
    throw isStoodOn(error) ? inTheWay(error) : error;
  }
  await transaction.script(`comment on schema ${REPORTS} is '${version}'`);
};

/** The page on the views. */
export const reportsPage = (): string => `# SQL views

For BI tools and SQL clients: read-only views in the schema \`${REPORTS}\` of the database that \`TIDEGATE_DATABASE\` names, on a Postgres server. Names and types stay; the tables behind them, in \`${LIVE_ANALYTICS}\`, may change with any version. Instants are \`timestamptz\`. The views are as far behind the log as the projection \`analytics\` is; a rebuild replaces what is behind them at once, and rights that were granted on them stay.

\`\`\`sql
create role analyst login password '…';
grant usage on schema ${REPORTS} to analyst;
grant select on all tables in schema ${REPORTS} to analyst;
\`\`\`

Every view has \`account\`. Who may see one account only gets a view of their own on these, or asks the HTTP API with a key.
${reports
  .map(
    ({ name, about, columns }) => `
## ${REPORTS}.${name}

${about}

${columns.map((column) => `- \`${column.name}\` ${column.type}: ${column.about}`).join('\n')}
`,
  )
  .join('')}`;
