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
import { instantOf, type Instant } from '#domain/time';

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

/** Names the row that was last, so that a later export goes on behind it. */
export type Cursor = readonly (string | number)[];

export interface ExportPage {
  readonly rows: readonly ExportRow[];
  readonly after: Cursor;
}

/** One table of analytics, read on and on behind the row that was last: what it keeps in memory is one page. */
export interface ExportTable {
  readonly about: string;
  readonly columns: readonly ExportColumn[];
  /** @param after of the last page that is not wanted again */
  pages(
    analytics: Analytics,
    account: AccountState,
    span: ExportSpan,
    now: Instant,
    after?: Cursor,
  ): AsyncGenerator<ExportPage>;
}

const BATCH = 1_000;

/** @param place what names a row to the next question */
async function* pages<Row, Place>(
  page: (after: Place | undefined) => Promise<readonly Row[]>,
  view: (row: Row) => ExportRow,
  place: { readonly of: (row: Row) => Cursor; readonly at: (cursor: Cursor) => Place },
  after: Cursor | undefined,
): AsyncGenerator<ExportPage> {
  for (let cursor = after; ;) {
    const rows = await page(cursor && place.at(cursor));
    const last = rows.at(-1);
    if (last === undefined) return;
    cursor = place.of(last);
    yield { rows: rows.map(view), after: cursor };
    if (rows.length < BATCH) return;
  }
}

const instantAt = (cursor: Cursor, index: number): Instant => instantOf(Number(cursor[index]));
const textAt = (cursor: Cursor, index: number): string => String(cursor[index]);

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
    pages: (analytics, { account }, span, _now, from) =>
      pages(
        (after: Pick<SessionRow, 'openedAt' | 'id'> | undefined) => analytics.sessions(account, span, after, BATCH),
        (row) => ({ ...sessionView(row) }),
        {
          of: ({ openedAt, id }) => [openedAt, id],
          at: (cursor) => ({ openedAt: instantAt(cursor, 0), id: textAt(cursor, 1) }),
        },
        from,
      ),
  },
  'active-users': {
    about: 'active users, of the months that the span touches',
    columns: columnsOf(['month', ...activeUserFields], { firstAt: 'time' }),
    async *pages(analytics, account, span, _now, from) {
      for (const { row } of await monthsIn(analytics, account, span)) {
        const { month } = row;
        // The months come in their order.
        if (from !== undefined && month < textAt(from, 0)) continue;
        yield* pages(
          (after: Pick<ActiveUserRow, 'customer'> | undefined) => analytics.users(account.account, month, after, BATCH),
          (user) => ({ month, ...activeUserView(user) }),
          { of: ({ customer }) => [month, customer], at: (cursor) => ({ customer: textAt(cursor, 1) }) },
          from !== undefined && month === textAt(from, 0) ? from : undefined,
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
    async *pages(analytics, account, span, now, from) {
      if (from !== undefined) return;
      const months = await monthsIn(analytics, account, span);
      const rows = months.map(({ row, span: month }) => {
        const { closed, forecast: _forecast, usersByDay: _days, ...view } = monthView(account, month, row, now);
        return {
          ...view,
          closedAt: closed?.at ?? null,
          closedUsers: closed?.users ?? null,
          closedPosition: closed?.position ?? null,
          adjusted: row.adjusted,
        };
      });
      yield { rows, after: [] };
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
    pages: (analytics, { account }, span, _now, from) =>
      pages(
        (after: Pick<DecidedRow, 'at' | 'position'> | undefined) => analytics.decided(account, span, after, BATCH),
        (row) => ({ ...decidedView(row) }),
        {
          of: ({ at, position }) => [at, position],
          at: (cursor) => ({ at: instantAt(cursor, 0), position: Number(cursor[1]) }),
        },
        from,
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
    pages: (analytics, { account }, span, _now, from) =>
      pages(
        (after: Pick<RevisedRow, 'decidedAt' | 'decision'> | undefined) =>
          analytics.revised(account, span, after, BATCH),
        (row) => ({ ...revisedView(row) }),
        {
          of: ({ decidedAt, decision }) => [decidedAt, decision],
          at: (cursor) => ({ decidedAt: instantAt(cursor, 0), decision: textAt(cursor, 1) }),
        },
        from,
      ),
  },
} as const satisfies { readonly [name: string]: ExportTable };

export type ExportTableName = keyof typeof exportTables;
export const exportTableNames = Object.keys(exportTables).filter((name): name is ExportTableName =>
  Object.hasOwn(exportTables, name),
);
