import type {
  ActiveUserRow,
  DecidedRow,
  HourRow,
  MonthRow,
  RevisedCount,
  RevisedRow,
  SessionRow,
} from '#application/ports/analytics';
import type {
  ActiveUserView,
  DecidedView,
  DecisionCountView,
  HourView,
  MonthView,
  RevisedCountView,
  RevisedView,
  SessionView,
} from './views.js';
import { written } from '../outbound/outgoing.js';
import { allowanceAt, billingMonth, policyAt, zoneAt, type AccountState } from '#domain/account';
import { closesAt, forecast } from '#domain/analytics/active-user';
import { endOf } from '#domain/analytics/session';
import { dayOfMonth, type MonthSpan } from '#domain/calendar';
import { instantOf, type Instant } from '#domain/time';

const orNull = (at: Instant | null | undefined): string | null =>
  at === undefined || at === null ? null : written(at);

export const sessionView = (session: SessionRow): SessionView => {
  const { id, account, customer, sender, openedAt, openerAt, correctedAt, changedAt, restarts } = session;
  const { received, sent, firstReplyAt } = session;
  return {
    id,
    account,
    customer,
    sender,
    openedAt: written(openedAt),
    endsAt: written(endOf(session)),
    openerAt: written(openerAt),
    correctedAt: orNull(correctedAt),
    changedAt: orNull(changedAt),
    restarts,
    received,
    sentSession: sent.session,
    sentTemplate: sent.template,
    sentEcho: sent.echo,
    firstReplyAt: orNull(firstReplyAt),
    firstReplyMs: firstReplyAt === undefined ? null : firstReplyAt - openedAt,
  };
};

export const sessionFields = [
  'id',
  'account',
  'customer',
  'sender',
  'openedAt',
  'endsAt',
  'openerAt',
  'correctedAt',
  'changedAt',
  'restarts',
  'received',
  'sentSession',
  'sentTemplate',
  'sentEcho',
  'firstReplyAt',
  'firstReplyMs',
] as const satisfies readonly string[];

export const activeUserView = ({ customer, firstAt, firstEventId, rule, zone }: ActiveUserRow): ActiveUserView => ({
  customer,
  firstAt: written(firstAt),
  firstEventId,
  rule,
  zone,
});

export const activeUserFields = ['customer', 'firstAt', 'firstEventId', 'rule', 'zone'] as const;

export const decidedView = (row: DecidedRow): DecidedView => ({
  intentId: row.intentId,
  customer: row.customer,
  sender: row.sender,
  decidedAt: written(row.at),
  outcome: row.outcome,
  reason: row.reason,
  rule: row.rule,
  policy: row.policy,
  cost: row.cost,
  kind: row.kind,
  template: row.template?.name ?? null,
  language: row.template?.language ?? null,
  sentAt: orNull(row.sentAt),
  deliveredAt: orNull(row.deliveredAt),
  failure: row.failure,
});

export const decidedFields = [
  'intentId',
  'customer',
  'sender',
  'decidedAt',
  'outcome',
  'reason',
  'rule',
  'policy',
  'cost',
  'kind',
  'template',
  'language',
  'sentAt',
  'deliveredAt',
  'failure',
] as const satisfies readonly string[];

export const revisedView = (row: RevisedRow): RevisedView => ({
  intentId: row.intentId,
  customer: row.customer,
  sender: row.sender,
  decision: row.decision,
  decidedAt: written(row.decidedAt),
  ...saidView(row),
  fact: row.fact,
  because: row.because,
  trueAt: written(row.trueAt),
  recordedAt: written(row.recordedAt),
});

const saidView = ({ said, withLateFacts }: Pick<RevisedRow, 'said' | 'withLateFacts'>) => ({
  outcome: said.outcome,
  reason: said.reason ?? null,
  revisedOutcome: withLateFacts.outcome,
  revisedReason: withLateFacts.reason ?? null,
});

export const revisedCountView = ({ decisions, ...saids }: RevisedCount): RevisedCountView => ({
  ...saidView(saids),
  decisions,
});

export const revisedFields = [
  'intentId',
  'customer',
  'sender',
  'decision',
  'decidedAt',
  'outcome',
  'reason',
  'revisedOutcome',
  'revisedReason',
  'fact',
  'because',
  'trueAt',
  'recordedAt',
] as const satisfies readonly string[];

export const hourView = ({ hour, outcome, reason, decisions }: HourRow): HourView => ({
  hour: written(hour),
  outcome,
  reason,
  decisions,
});

/** The sum of all hours by outcome and reason, the most frequent first. */
export const totalsOf = (hours: readonly HourRow[]): readonly DecisionCountView[] => {
  const totals = new Map<string, DecisionCountView>();
  for (const { outcome, reason, decisions } of hours) {
    const key = `${outcome}/${reason ?? ''}`;
    totals.set(key, { outcome, reason, decisions: (totals.get(key)?.decisions ?? 0) + decisions });
  }
  return [...totals.values()].sort((a, b) => b.decisions - a.decisions);
};

/** @param row undefined where nobody was counted yet */
export const monthView = (
  account: AccountState,
  span: MonthSpan,
  row: MonthRow | undefined,
  now: Instant,
): MonthView => {
  const { month, from, until } = span;
  const zone = row?.zone ?? zoneAt(account, from);
  const lastInstant = instantOf(until - 1);
  const asOf = instantOf(Math.min(now, lastInstant));
  const allowance = allowanceAt(account, asOf);
  const users = row?.users ?? 0;
  const days = row?.days ?? {};
  const today = billingMonth(account, asOf).month === month ? dayOfMonth(asOf, zone) : 1;
  const policy = policyAt(account, until);
  return {
    account: account.account,
    month,
    zone,
    rule: row?.rule ?? policy.mauRule,
    from: written(from),
    until: written(until),
    users,
    allowance: allowance ?? null,
    overage: allowance === undefined ? 0 : Math.max(0, users - allowance),
    usersByDay: Object.fromEntries(Object.entries(days).filter(([, count]) => count > 0)),
    forecast: forecast({ month, days, from, until }, allowance, today, now),
    closesAt: written(closesAt(until, policy)),
    closed:
      row?.closed === undefined
        ? null
        : {
            at: written(row.closed.at),
            users: row.closed.users,
            position: row.closed.position,
            adjusted: row.adjusted,
          },
  };
};
