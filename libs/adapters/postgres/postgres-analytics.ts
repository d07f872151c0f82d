import {
  Analytics,
  type ActiveUserRow,
  type AnalyticsCheckpoint,
  type AnalyticsNews,
  type DecidedFilter,
  type DecidedRow,
  type HourRow,
  type MonthChange,
  type MonthCount,
  type MonthKey,
  type MonthRow,
  type RevisedCount,
  type RevisedRow,
  type SessionFilter,
  type SessionRow,
} from '#application/ports/analytics';
import type { Position } from '#application/ports/event-store';
import { decisionOutcomes } from '#application/ports/read-model';
import type { AccountState } from '#domain/account';
import { instantOf, type Instant } from '#domain/time';
import {
  decidedOf,
  monthRowOf,
  revisedOf,
  saidsOf,
  oneOf,
  sessionOf,
  userOf,
  type StoredDecided,
  type StoredMonth,
  type StoredRevised,
  type StoredSaid,
  type StoredSession,
  type StoredUser,
} from './analytics-rows.js';
import { LIVE_ANALYTICS } from './analytics-schema.js';
import type { Database, Parameter } from './database.js';
import { fromLine, toLine } from './lines.js';
import { NO_REASON } from './postgres-analytics-store.js';
import { accountRow } from './view-rows.js';

/** Conditions with their parameters. */
class Where {
  readonly #conditions: string[] = [];
  readonly parameters: Parameter[] = [];

  /** @param condition with `?` for each value; left out where one is undefined */
  and(condition: string, ...values: readonly (Parameter | undefined)[]): this {
    if (values.some((value) => value === undefined)) return this;
    this.#conditions.push(
      values.reduce<string>((text, value) => {
        this.parameters.push(value ?? null);
        return text.replace('?', `$${this.parameters.length}`);
      }, condition),
    );
    return this;
  }

  toString(): string {
    return this.#conditions.join(' and ');
  }
}

/** Late facts can make up for each other. */
const IS_WRONG = '(outcome, reason) is distinct from (revised_outcome, revised_reason)';

/** Of one customer there is little: found by the customer and then sorted, instead of looked for among all by time. */
const timeColumn = (column: string, customer: string | undefined): string =>
  customer === undefined ? column : `(${column} + 0)`;

const line = (text: string | undefined): string | undefined => (text === undefined ? undefined : toLine(text));

/** Sessions, active users and decisions as they are asked for: each question walks an index from where it left off. */
export class PostgresAnalytics extends Analytics {
  constructor(
    private readonly database: Database,
    private readonly schema: string = LIVE_ANALYTICS,
  ) {
    super();
  }

  async checkpoint(): Promise<AnalyticsCheckpoint | undefined> {
    const [row] = await this.database.query<{ position: number; recorded_at: number }>(
      `select position, recorded_at from ${this.schema}.checkpoint`,
    );
    return row && { position: row.position, recordedAt: instantOf(row.recorded_at) };
  }

  async accounts(): Promise<readonly AccountState[]> {
    const rows = await this.database.query<{ state: string }>(
      `select state from ${this.schema}.accounts order by account`,
    );
    return rows.map((row) => accountRow(row).state);
  }

  async account(account: string): Promise<AccountState | undefined> {
    const [row] = await this.database.query<{ state: string }>(
      `select state from ${this.schema}.accounts where account = $1`,
      [toLine(account)],
    );
    return row && accountRow(row).state;
  }

  async sessions(
    account: string,
    { from, until, sender, customer }: SessionFilter,
    after: Pick<SessionRow, 'openedAt' | 'id'> | undefined,
    limit: number,
  ): Promise<readonly SessionRow[]> {
    const openedAt = timeColumn('opened_at', customer);
    const where = new Where()
      .and('account = ?', toLine(account))
      .and('customer = ?', line(customer))
      .and('sender = ?', line(sender))
      .and(`${openedAt} >= ?`, from)
      .and(`${openedAt} < ?`, until)
      .and(`(${openedAt}, id) < (?::bigint, ?::uuid)`, after?.openedAt, after?.id);
    const rows = await this.database.query<StoredSession>(
      `select * from ${this.schema}.sessions where ${where} order by ${openedAt} desc, id desc limit ${limit}`,
      where.parameters,
    );
    return rows.map(sessionOf);
  }

  async users(
    account: string,
    month: string,
    after: Pick<ActiveUserRow, 'customer'> | undefined,
    limit: number,
  ): Promise<readonly ActiveUserRow[]> {
    const where = new Where()
      .and('account = ?', toLine(account))
      .and('month = ?', toLine(month))
      .and('customer > ?', line(after?.customer));
    const rows = await this.database.query<StoredUser>(
      `select * from ${this.schema}.users where ${where} order by customer limit ${limit}`,
      where.parameters,
    );
    return rows.map(userOf);
  }

  async months(account: string): Promise<readonly MonthRow[]> {
    const rows = await this.database.query<StoredMonth>(
      `select * from ${this.schema}.months where account = $1 order by month`,
      [toLine(account)],
    );
    return rows.map(monthRowOf);
  }

  async decided(
    account: string,
    { from, until, outcome, reason, sender, customer }: DecidedFilter,
    after: Pick<DecidedRow, 'at' | 'position'> | undefined,
    limit: number,
  ): Promise<readonly DecidedRow[]> {
    const at = timeColumn('at', customer);
    const where = new Where()
      .and('account = ?', toLine(account))
      .and('customer = ?', line(customer))
      .and('sender = ?', line(sender))
      .and('outcome = ?', outcome)
      .and('reason = ?', line(reason))
      .and(`${at} >= ?`, from)
      .and(`${at} < ?`, until)
      .and(`(${at}, position) < (?::bigint, ?::bigint)`, after?.at, after?.position);
    const rows = await this.database.query<StoredDecided>(
      `select * from ${this.schema}.decided where ${where} order by ${at} desc, position desc limit ${limit}`,
      where.parameters,
    );
    return rows.map(decidedOf);
  }

  async hours(account: string, from: Instant, until: Instant): Promise<readonly HourRow[]> {
    const rows = await this.database.query<{ hour: number; outcome: string; reason: string; decisions: number }>(
      `select hour, outcome, reason, decisions from ${this.schema}.hours
       where account = $1 and hour >= $2 and hour < $3 order by hour, outcome, reason`,
      [toLine(account), from, until],
    );
    return rows.map(({ hour, outcome, reason, decisions }) => ({
      account,
      hour: instantOf(hour),
      outcome: oneOf(decisionOutcomes, outcome, 'an outcome'),
      reason: reason === NO_REASON ? null : fromLine(reason),
      decisions,
    }));
  }

  async revised(
    account: string,
    { from, until, customer }: Pick<DecidedFilter, 'from' | 'until' | 'customer'>,
    after: Pick<RevisedRow, 'decidedAt' | 'decision'> | undefined,
    limit: number,
  ): Promise<readonly RevisedRow[]> {
    const where = new Where()
      .and('account = ?', toLine(account))
      .and('customer = ?', line(customer))
      .and('decided_at >= ?', from)
      .and('decided_at < ?', until)
      .and('(decided_at, decision) < (?::bigint, ?::uuid)', after?.decidedAt, after?.decision);
    const rows = await this.database.query<StoredRevised>(
      `select * from ${this.schema}.revised where ${where} and ${IS_WRONG}
       order by decided_at desc, decision desc limit ${limit}`,
      where.parameters,
    );
    return rows.map(revisedOf);
  }

  async revisedCounts(account: string, from: Instant, until: Instant): Promise<readonly RevisedCount[]> {
    const rows = await this.database.query<StoredSaid & { decisions: number }>(
      `select outcome, reason, revised_outcome, revised_reason, count(*) as decisions from ${this.schema}.revised
       where account = $1 and decided_at >= $2 and decided_at < $3 and ${IS_WRONG}
       group by 1, 2, 3, 4 order by 5 desc, 1, 2, 3, 4`,
      [toLine(account), from, until],
    );
    return rows.map((row) => ({ ...saidsOf(row), decisions: row.decisions }));
  }

  async countUpTo({ account, month }: MonthKey): Promise<MonthCount | undefined> {
    const [row] = await this.database.query<MonthCount>(
      `select c.position, coalesce(m.users, 0) as users from ${this.schema}.checkpoint c
       left join ${this.schema}.months m on m.account = $1 and m.month = $2`,
      [toLine(account), toLine(month)],
    );
    return row;
  }

  async unsettled(limit: number): Promise<readonly MonthChange[]> {
    const rows = await this.database.query<{
      account: string;
      month: string;
      customer: string;
      change: number;
      because: string;
      position: number;
    }>(
      `select c.* from ${this.schema}.months m join ${this.schema}.month_changes c
         on c.account = m.account and c.month = m.month and c.position > m.closed_position and c.settled = 0
       where m.closed_position is not null order by c.position limit $1`,
      [limit],
    );
    return rows.map(({ account, month, customer, change, because, position }) => ({
      account: fromLine(account),
      month,
      customer: fromLine(customer),
      change: change < 0 ? -1 : 1,
      because,
      position,
    }));
  }

  async news(after: Position | undefined, limit: number): Promise<AnalyticsNews | undefined> {
    const since = after ?? -1;
    return await this.database.transaction(async (transaction) => {
      const changed = (table: string): string =>
        `(select position from ${this.schema}.${table} where position > $1 order by position offset $2 limit 1)`;
      // The checkpoint and the rows are of one moment; where a table has more than its share, less far.
      await transaction.script('set transaction isolation level repeatable read');
      const [bound] = await transaction.query<{ position: number | null }>(
        `select least(c.position, ${changed('sessions')}, ${changed('removed_sessions')}, ${changed('months')}) as position
         from ${this.schema}.checkpoint c`,
        [since, limit - 1],
      );
      const upTo = bound?.position;
      if (upTo === undefined || upTo === null) return undefined;
      const between = `where position > $1 and position <= $2 order by position`;
      const rows = <Row>(table: string): Promise<readonly Row[]> =>
        transaction.query<Row>(`select * from ${this.schema}.${table} ${between}`, [since, upTo]);
      return {
        sessions: (await rows<StoredSession>('sessions')).map(sessionOf),
        removed: (await rows<{ id: string; account: string; position: number }>('removed_sessions')).map((row) => ({
          ...row,
          account: fromLine(row.account),
        })),
        months: (await rows<StoredMonth>('months')).map(monthRowOf),
        upTo,
      };
    });
  }
}
