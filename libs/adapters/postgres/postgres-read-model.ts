import type { Position } from '#application/ports/event-store';
import {
  ReadModel,
  type AccountRow,
  type CustomerKey,
  type CustomerRow,
  type DecisionRow,
  type IntentKey,
  type LateFactRow,
  type TemplateRow,
  type WakeRow,
} from '#application/ports/read-model';
import type { Instant } from '#domain/time';
import type { Database } from './database.js';
import { fromLine, lines, rowsOf, toLine } from './lines.js';
import { ViewQueries } from './view-queries.js';
import { decisionRow, wakeRow, type StoredDecision, type StoredWake } from './view-rows.js';
import { LIVE_VIEWS } from './view-schema.js';

const WAKE = 'w.account, w.customer, w.intent_id, w.status, w.wake_at';

/** The read model in Postgres or PGlite. */
export class PostgresReadModel extends ReadModel {
  readonly #views: ViewQueries;

  constructor(
    private readonly database: Database,
    private readonly schema: string = LIVE_VIEWS,
  ) {
    super();
    this.#views = new ViewQueries(database, schema);
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

  templates(account?: string): Promise<readonly TemplateRow[]> {
    return this.#views.templates(account);
  }

  async knownFacts(ids: readonly string[]): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set();
    const rows = await this.database.query<{ id: string }>(
      `select f.id from ${rowsOf(1, 'uuid')} as k(id) join ${this.schema}.facts f on f.id = k.id`,
      [lines(ids)],
    );
    return new Set(rows.map(({ id }) => id));
  }

  async intentsByProviderMessage(
    account: string,
    providerMessageIds: readonly string[],
  ): Promise<ReadonlyMap<string, IntentKey>> {
    if (providerMessageIds.length === 0) return new Map();
    const rows = await this.database.query<{ id: string; customer: string; intent_id: string }>(
      `select d.provider_message_id as id, d.customer, d.intent_id
       from ${rowsOf(2, 'text')} as k(id)
       join ${this.schema}.decisions d on d.account = $1 and d.provider_message_id = k.id`,
      [toLine(account), lines(providerMessageIds.map(toLine))],
    );
    return new Map(
      rows.map(({ id, customer, intent_id }) => [
        fromLine(id),
        { account, customer: fromLine(customer), intentId: fromLine(intent_id) },
      ]),
    );
  }

  async decisionsByIntentId(account: string, intentId: string, limit: number): Promise<readonly DecisionRow[]> {
    const rows = await this.database.query<StoredDecision>(
      `select * from ${this.schema}.decisions where account = $1 and intent_id = $2
       order by decided_at desc, customer limit $3`,
      [toLine(account), toLine(intentId), limit],
    );
    return rows.map(decisionRow);
  }

  async activeUsers(
    months: readonly { readonly account: string; readonly month: string }[],
  ): Promise<{ readonly position: Position | undefined; readonly users: readonly number[] }> {
    // One statement, so that the numbers and the position are of one moment.
    const rows = await this.database.query<{ position: number | null; users: number | null }>(
      `select p.position, m.users
       from (select max(position) as position from ${this.schema}.checkpoints where owns_rows) p
       left join ${rowsOf(1, 'text', 'text')} with ordinality as k(account, month, number) on true
       left join ${this.schema}.active_months m on m.account = k.account and m.month = k.month
       order by k.number`,
      [lines(months.map(({ account }) => toLine(account))), lines(months.map(({ month }) => toLine(month)))],
    );
    return { position: rows[0]?.position ?? undefined, users: months.map((_, index) => rows[index]?.users ?? 0) };
  }

  async awake(statuses: readonly WakeRow['status'][], now: Instant, limit: number): Promise<readonly WakeRow[]> {
    // However many wait: of each status the first that are due, and of each template that is waited for, found by
    // leaps from one to the next, the first if it is approved.
    const rows = await this.database.query<StoredWake>(
      `with recursive asked as (
         select distinct status from unnest(string_to_array($1, E'\\n')) as status
       ), template as (
         (select account, template_name, template_language from ${this.schema}.open_intents
          where template_name is not null and wake_at is not null
            and exists (select from asked where status = 'held')
          order by account, template_name, template_language limit 1)
         union all
         select next.* from template t cross join lateral (
           select w.account, w.template_name, w.template_language from ${this.schema}.open_intents w
           where w.template_name is not null and w.wake_at is not null
             -- With the last column of the index as well: else each leap would walk through its equals.
             and (w.account, w.template_name, w.template_language, w.wake_at)
               > (t.account, t.template_name, t.template_language, 9223372036854775807)
           order by w.account, w.template_name, w.template_language, w.wake_at limit 1
         ) next
       ), awake as (
         select due.* from asked cross join lateral (
           select ${WAKE} from ${this.schema}.open_intents w
           where w.status = asked.status and w.wake_at <= $2
           order by w.wake_at limit $3
         ) due
         union
         select waiting.* from template t
         join ${this.schema}.templates approved
           on approved.account = t.account and approved.name = t.template_name
             and approved.language = t.template_language and approved.status = 'APPROVED'
         cross join lateral (
           select ${WAKE} from ${this.schema}.open_intents w
           where w.template_name is not null and w.wake_at is not null and w.account = t.account
             and w.template_name = t.template_name and w.template_language = t.template_language
           order by w.wake_at limit $3
         ) waiting
       )
       select * from awake order by wake_at, account, customer, intent_id limit $3`,
      [lines(statuses), now, limit],
    );
    return rows.map(wakeRow);
  }

  async lateFacts(after: Position | undefined, limit: number): Promise<readonly LateFactRow[]> {
    const rows = await this.database.query<LateFactRow>(
      `select position, stream from ${this.schema}.late_facts where position > $1 order by position limit $2`,
      [after ?? -1, limit],
    );
    return rows.map(({ position, stream }) => ({ position, stream: fromLine(stream) }));
  }

  async ping(): Promise<void> {
    await this.database.query('select 1');
  }
}
