import type { ActiveUserRow, Analytics, DecidedRow, RevisedRow, SessionRow } from '#application/ports/analytics';
import {
  activeUserFields,
  activeUserView,
  decidedFields,
  decidedView,
  monthView,
  revisedFields,
  revisedView,
  sessionFields,
  sessionView,
} from '#contracts/http/analytics-views';
import { billingMonthNamed, type AccountState } from '#domain/account';
import type { MonthSpan } from '#domain/calendar';
import type { Instant } from '#domain/time';

/** What a column holds: `time` as RFC 3339 in text formats, `json` an object. */
export type ColumnKind = 'text' | 'time' | 'count' | 'json';
export interface ExportColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly isNullable: boolean;
}

/** A row as the HTTP API shows it. */
export type ExportRow = { readonly [field: string]: unknown };

export interface ExportSpan {
  readonly from?: Instant | undefined;
  readonly until?: Instant | undefined;
}

/** One table of analytics, read on and on behind the row that was last: what it keeps in memory is one batch. */
export interface ExportTable {
  readonly about: string;
  readonly columns: readonly ExportColumn[];
  rows(
    analytics: Analytics,
    account: AccountState,
    span: ExportSpan,
    now: Instant,
  ): AsyncGenerator<readonly ExportRow[]>;
}

const BATCH = 1_000;

async function* pages<Row>(
  page: (after: Row | undefined) => Promise<readonly Row[]>,
  view: (row: Row) => ExportRow,
): AsyncGenerator<readonly ExportRow[]> {
  for (let after: Row | undefined; ;) {
    const rows = await page(after);
    if (rows.length > 0) yield rows.map(view);
    after = rows.at(-1);
    if (rows.length < BATCH) return;
  }
}

/** @param kinds of those that are no text; `?` after it where it may be null */
const columnsOf = <Field extends string>(
  fields: readonly Field[],
  kinds: { readonly [field in Field]?: `${ColumnKind}${'' | '?'}` },
): readonly ExportColumn[] =>
  fields.map((name) => {
    const said = kinds[name] ?? 'text';
    const kind = (['time', 'count', 'json'] as const).find((one) => said.startsWith(one)) ?? 'text';
    return { name, kind, isNullable: said.endsWith('?') };
  });

/** The months of the account that have users or a close, and that the span touches. */
const monthsIn = async (analytics: Analytics, account: AccountState, { from, until }: ExportSpan) => {
  const rows = await analytics.months(account.account);
  return rows.flatMap((row) => {
    const span: MonthSpan | undefined = billingMonthNamed(account, row.month);
    const isWanted =
      span !== undefined && (from === undefined || span.until > from) && (until === undefined || span.from < until);
    return isWanted ? [{ row, span }] : [];
  });
};

const monthFields = [
  'account',
  'month',
  'zone',
  'rule',
  'from',
  'until',
  'users',
  'allowance',
  'overage',
  'closesAt',
  'closedAt',
  'closedUsers',
  'closedPosition',
  'adjusted',
] as const;

export const exportTables = {
  sessions: {
    about: 'customer care sessions, by when they began',
    columns: columnsOf(sessionFields, {
      openedAt: 'time',
      endsAt: 'time',
      openerAt: 'time',
      correctedAt: 'time?',
      changedAt: 'time?',
      restarts: 'count',
      received: 'json',
      sentSession: 'count',
      sentTemplate: 'count',
      sentEcho: 'count',
      firstReplyAt: 'time?',
      firstReplyMs: 'count?',
    }),
    rows: (analytics, { account }, span) =>
      pages(
        (after: SessionRow | undefined) => analytics.sessions(account, span, after, BATCH),
        (row) => ({ ...sessionView(row) }),
      ),
  },
  'active-users': {
    about: 'active users, of the months that the span touches',
    columns: columnsOf(['month', ...activeUserFields], { firstAt: 'time' }),
    async *rows(analytics, account, span) {
      for (const { row } of await monthsIn(analytics, account, span)) {
        const { month } = row;
        yield* pages(
          (after: ActiveUserRow | undefined) => analytics.users(account.account, month, after, BATCH),
          (user) => ({ month, ...activeUserView(user) }),
        );
      }
    },
  },
  months: {
    about: 'months with their counts, of those that the span touches',
    columns: columnsOf(monthFields, {
      from: 'time',
      until: 'time',
      users: 'count',
      allowance: 'count?',
      overage: 'count',
      closesAt: 'time',
      closedAt: 'time?',
      closedUsers: 'count?',
      closedPosition: 'count?',
      adjusted: 'count',
    }),
    async *rows(analytics, account, span, now) {
      const months = await monthsIn(analytics, account, span);
      yield months.map(({ row, span: month }) => {
        const { closed, forecast: _forecast, usersByDay: _days, ...view } = monthView(account, month, row, now);
        return {
          ...view,
          closedAt: closed?.at ?? null,
          closedUsers: closed?.users ?? null,
          closedPosition: closed?.position ?? null,
          adjusted: row.adjusted,
        };
      });
    },
  },
  decisions: {
    about: 'decisions with what became of the messages, by when they were taken',
    columns: columnsOf(decidedFields, {
      decidedAt: 'time',
      reason: 'text?',
      rule: 'text?',
      policy: 'text?',
      cost: 'text?',
      kind: 'text?',
      template: 'text?',
      language: 'text?',
      sentAt: 'time?',
      deliveredAt: 'time?',
      failure: 'text?',
    }),
    rows: (analytics, { account }, span) =>
      pages(
        (after: DecidedRow | undefined) => analytics.decided(account, span, after, BATCH),
        (row) => ({ ...decidedView(row) }),
      ),
  },
  'revised-decisions': {
    about: 'decisions that late facts prove wrong, by when they were taken',
    columns: columnsOf(revisedFields, {
      decidedAt: 'time',
      reason: 'text?',
      revisedReason: 'text?',
      trueAt: 'time',
      recordedAt: 'time',
    }),
    rows: (analytics, { account }, span) =>
      pages(
        (after: RevisedRow | undefined) => analytics.revised(account, span, after, BATCH),
        (row) => ({ ...revisedView(row) }),
      ),
  },
} as const satisfies { readonly [name: string]: ExportTable };

export type ExportTableName = keyof typeof exportTables;
export const exportTableNames = Object.keys(exportTables).filter((name): name is ExportTableName =>
  Object.hasOwn(exportTables, name),
);
