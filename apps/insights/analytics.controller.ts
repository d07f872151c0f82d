import { applyDecorators, Controller, Get, Param, Query as QueryOf, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiQuery, ApiResponse, ApiTags } from '#platform/api-description';
import { InfrastructureError } from '#application/errors';
import {
  Analytics,
  type ActiveUserRow,
  type DecidedRow,
  type RevisedRow,
  type SessionRow,
} from '#application/ports/analytics';
import { Clock } from '#application/ports/clock';
import { decisionOutcomes } from '#application/ports/read-model';
import {
  ActiveUsersView,
  DecidedListView,
  DecisionCountsView,
  MonthView,
  RevisedListView,
  SessionsView,
} from '#contracts/http/views';
import { written } from '#contracts/outbound/outgoing';
import { billingMonthNamed } from '#domain/account';
import { DAY_MS, HOUR_MS, instantOf, plus } from '#domain/time';
import { Answers, Problems, schemaRef, UNREADABLE } from '#platform/answers';
import { Needs } from './access.js';
import { AccountLookup } from './account-lookup.js';
import {
  activeUserFields,
  activeUserView,
  decidedFields,
  decidedView,
  hourView,
  monthView,
  revisedCountView,
  revisedFields,
  revisedView,
  sessionFields,
  sessionView,
  totalsOf,
} from '#contracts/http/analytics-views';
import { CustomerLookup } from './customer-lookup.js';
import {
  activeUsersExample,
  countsExample,
  decidedExample,
  monthExample,
  revisedExample,
  sessionsExample,
} from './examples.js';
import { answerList, type ListRequest, type ListResponse } from './lists/answer-list.js';
import { CSV_TYPE, LINES_TYPE } from './lists/formats.js';
import { csvRecord } from '#contracts/http/csv';
import { instantIn, onlyKnown, oneIn, textIn, type Query } from './lists/query.js';

const PAGING = ['limit', 'cursor'] as const;
const LONGEST_COUNT_DAYS = 92;

const Filter = (name: string, description: string, example?: string): MethodDecorator =>
  ApiQuery({ name, required: false, description, ...(example === undefined ? {} : { example }) });

/** A list: a page as JSON, all of it as JSON Lines or CSV. */
const Lists = (view: { readonly name: string }, example: object, fields: readonly string[]): MethodDecorator => {
  const [rows = []] = Object.values(example);
  const [row = {}]: readonly Readonly<Record<string, unknown>>[] = rows;
  const csv = csvRecord(fields) + csvRecord(fields.map((field) => row[field]));
  const text = { type: 'string' };
  return applyDecorators(
    Filter(
      'limit',
      'Rows of a page of JSON, at most 1000, by default 100; of an export at most, by default all',
      '100',
    ),
    Filter('cursor', 'Where to go on; follow `next` as it is'),
    ApiResponse({
      status: 200,
      description: 'As the client accepts: a page of JSON, or all that is left as JSON Lines or CSV',
      content: {
        'application/json': { schema: schemaRef(view), example },
        [LINES_TYPE]: { schema: text, example: `${JSON.stringify(row)}\n` },
        [CSV_TYPE]: { schema: text, example: csv },
      },
    }),
    Problems({
      400: 'A parameter is not one, or the cursor is of another question; `field` names it',
      404: 'The account is unknown',
      406: 'The client accepts none of the formats',
      503: UNREADABLE,
    }),
  );
};

const MONTH = { name: 'month', description: 'A month of the billing zone', example: '2026-11' };

/** What analysts came for: sessions, active users, decisions. From a projection that may be a little behind. */
@ApiTags('analytics')
@Controller('v1/accounts/:account')
@Needs('reader')
export class AnalyticsController {
  constructor(
    private readonly analytics: Analytics,
    private readonly clock: Clock,
    private readonly accounts: AccountLookup,
    private readonly customers: CustomerLookup,
  ) {}

  @Get('sessions')
  @ApiOperation({ summary: 'Customer care sessions: openers, messages both ways, first reply' })
  @Filter('from', 'Sessions that began then or later, RFC 3339', '2026-11-01T00:00:00Z')
  @Filter('until', 'Sessions that began before then, RFC 3339')
  @Filter('sender', 'Only of this sender')
  @Filter('customer', "A customer id, `+` and E.164 digits, or the provider's user id")
  @Lists(SessionsView, sessionsExample, sessionFields)
  async sessions(
    @Param('account') account: string,
    @QueryOf() query: Query,
    @Req() request: ListRequest,
    @Res() response: ListResponse,
  ): Promise<void> {
    onlyKnown(query, ['from', 'until', 'sender', 'customer', ...PAGING]);
    const { analytics } = this;
    const filter = {
      from: instantIn(query, 'from'),
      until: instantIn(query, 'until'),
      sender: textIn(query, 'sender'),
      customer: this.#customer(account, query),
    };
    await this.accounts.named(account);
    const list = {
      name: 'sessions',
      fields: sessionFields,
      view: (row: SessionRow) => ({ ...sessionView(row) }),
      placeOf: ({ openedAt, id }: SessionRow) => [openedAt, id],
      page: (after: readonly (string | number)[] | undefined, limit: number) => {
        const [openedAt, id] = after ?? [];
        return analytics.sessions(
          account,
          filter,
          after && { openedAt: instantOf(Number(openedAt)), id: String(id) },
          limit,
        );
      },
    };
    await answerList(list, request, response, () => analytics.checkpoint());
  }

  @Get('mau/:month')
  @ApiOperation({
    summary: 'The active users of a month: total, allowance, overage, forecast, close',
    description:
      'A month that is closed keeps `closed.users`; what is found later adjusts it, so that `users` is that and `closed.adjusted`, as soon as the log has the adjustment.',
  })
  @ApiParam(MONTH)
  @Answers(200, MonthView, 'As of now', monthExample)
  @Problems({ 400: 'Not a month', 404: 'The account is unknown', 503: UNREADABLE })
  async month(@Param('account') account: string, @Param('month') month: string): Promise<MonthView> {
    const state = await this.accounts.named(account);
    const span = billingMonthNamed(state, month);
    if (span === undefined) throw notAMonth();
    const row = (await this.analytics.months(account)).find((known) => known.month === month);
    return monthView(state, span, row, this.clock.now());
  }

  @Get('mau/:month/users')
  @ApiOperation({ summary: 'The active users of a month, each with the first fact that counts' })
  @ApiParam(MONTH)
  @Lists(ActiveUsersView, activeUsersExample, activeUserFields)
  async users(
    @Param('account') account: string,
    @Param('month') month: string,
    @QueryOf() query: Query,
    @Req() request: ListRequest,
    @Res() response: ListResponse,
  ): Promise<void> {
    onlyKnown(query, PAGING);
    const { analytics } = this;
    if (billingMonthNamed(await this.accounts.named(account), month) === undefined) throw notAMonth();
    const list = {
      name: 'users',
      fields: activeUserFields,
      view: (row: ActiveUserRow) => ({ ...activeUserView(row) }),
      placeOf: ({ customer }: ActiveUserRow) => [customer],
      page: (after: readonly (string | number)[] | undefined, limit: number) =>
        analytics.users(account, month, after && { customer: String(after[0]) }, limit),
    };
    await answerList(list, request, response, () => analytics.checkpoint());
  }

  @Get('decisions')
  @ApiOperation({ summary: 'Decisions with what became of the messages' })
  @Filter('from', 'Taken then or later, RFC 3339', '2026-11-01T00:00:00Z')
  @Filter('until', 'Taken before then, RFC 3339')
  @Filter('outcome', `One of ${decisionOutcomes.join(', ')}`, 'refused')
  @Filter('reason', 'Of a refusal or a hold', 'window-closed')
  @Filter('sender', 'Only of this sender')
  @Filter('customer', "A customer id, `+` and E.164 digits, or the provider's user id")
  @Lists(DecidedListView, decidedExample, decidedFields)
  async decisions(
    @Param('account') account: string,
    @QueryOf() query: Query,
    @Req() request: ListRequest,
    @Res() response: ListResponse,
  ): Promise<void> {
    onlyKnown(query, ['from', 'until', 'outcome', 'reason', 'sender', 'customer', ...PAGING]);
    const { analytics } = this;
    const filter = {
      from: instantIn(query, 'from'),
      until: instantIn(query, 'until'),
      outcome: oneIn(query, 'outcome', decisionOutcomes),
      reason: textIn(query, 'reason'),
      sender: textIn(query, 'sender'),
      customer: this.#customer(account, query),
    };
    await this.accounts.named(account);
    const list = {
      name: 'decisions',
      fields: decidedFields,
      view: (row: DecidedRow) => ({ ...decidedView(row) }),
      placeOf: ({ at, position }: DecidedRow) => [at, position],
      page: (after: readonly (string | number)[] | undefined, limit: number) => {
        const [at, position] = after ?? [];
        return analytics.decided(
          account,
          filter,
          after && { at: instantOf(Number(at)), position: Number(position) },
          limit,
        );
      },
    };
    await answerList(list, request, response, () => analytics.checkpoint());
  }

  @Get('decisions/revised')
  @ApiOperation({
    summary: 'Decisions that late facts prove wrong',
    description: 'They stand: a fact that comes late changes no decision. This is what lateness cost.',
  })
  @Filter('from', 'Taken then or later, RFC 3339', '2026-11-01T00:00:00Z')
  @Filter('until', 'Taken before then, RFC 3339')
  @Filter('customer', "A customer id, `+` and E.164 digits, or the provider's user id")
  @Lists(RevisedListView, revisedExample, revisedFields)
  async revised(
    @Param('account') account: string,
    @QueryOf() query: Query,
    @Req() request: ListRequest,
    @Res() response: ListResponse,
  ): Promise<void> {
    onlyKnown(query, ['from', 'until', 'customer', ...PAGING]);
    const { analytics } = this;
    const filter = {
      from: instantIn(query, 'from'),
      until: instantIn(query, 'until'),
      customer: this.#customer(account, query),
    };
    await this.accounts.named(account);
    const list = {
      name: 'revised',
      fields: revisedFields,
      view: (row: RevisedRow) => ({ ...revisedView(row) }),
      placeOf: ({ decidedAt, decision }: RevisedRow) => [decidedAt, decision],
      page: (after: readonly (string | number)[] | undefined, limit: number) => {
        const [at, decision] = after ?? [];
        return analytics.revised(
          account,
          filter,
          after && { decidedAt: instantOf(Number(at)), decision: String(decision) },
          limit,
        );
      },
    };
    await answerList(list, request, response, () => analytics.checkpoint());
  }

  @Get('decisions/counts')
  @ApiOperation({ summary: 'How many decisions by outcome, reason and hour' })
  @Filter('from', 'From the hour of this instant on; by default 24 hours before `until`', '2026-11-01T00:00:00Z')
  @Filter('until', `Before this instant; by default now. At most ${LONGEST_COUNT_DAYS} days after \`from\``)
  @Answers(200, DecisionCountsView, 'In the order of the hours', countsExample)
  @Problems({ 400: 'A parameter is not one; `field` names it', 404: 'The account is unknown', 503: UNREADABLE })
  async counts(@Param('account') account: string, @QueryOf() query: Query): Promise<DecisionCountsView> {
    onlyKnown(query, ['from', 'until']);
    const until = instantIn(query, 'until') ?? this.clock.now();
    const asked = instantIn(query, 'from') ?? plus(until, -DAY_MS);
    const from = instantOf(Math.floor(asked / HOUR_MS) * HOUR_MS);
    if (from >= until || until - from > LONGEST_COUNT_DAYS * DAY_MS + HOUR_MS) {
      throw new InfrastructureError(
        'message-invalid',
        `Give a from that lies before until, by at most ${LONGEST_COUNT_DAYS} days.`,
        { field: 'from' },
      );
    }
    await this.accounts.named(account);
    const hours = await this.analytics.hours(account, from, until);
    const revised = await this.analytics.revisedCounts(account, from, until);
    return {
      from: written(from),
      until: written(until),
      totals: totalsOf(hours),
      revised: revised.map(revisedCountView),
      hours: hours.map(hourView),
    };
  }

  #customer(account: string, query: Query): string | undefined {
    const named = textIn(query, 'customer');
    return named === undefined ? undefined : this.customers.idOf(account, named);
  }
}

const notAMonth = (): InfrastructureError =>
  new InfrastructureError('message-invalid', 'Give a month such as 2026-11.', { field: 'month' });
