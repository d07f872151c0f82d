import { InfrastructureError } from '#application/errors';
import type {
  ActiveUserRow,
  DecidedRow,
  MonthChange,
  MonthRow,
  RevisedRow,
  SessionRow,
} from '#application/ports/analytics';
import { decisionOutcomes } from '#application/ports/read-model';
import type { UsersByDay } from '#domain/analytics/active-user';
import { endOf } from '#domain/analytics/session';
import type { Said } from '#domain/gate/events';
import { instantOf, type Instant } from '#domain/time';
import { fromLine } from './lines.js';
import { id, json, number, text, type Column } from './table.js';

export const sessionColumns: readonly Column<SessionRow>[] = [
  text('account', ({ account }) => account),
  text('customer', ({ customer }) => customer),
  text('sender', ({ sender }) => sender),
  number('opened_at', ({ openedAt }) => openedAt),
  id('id', (row) => row.id),
  number('opener_at', ({ openerAt }) => openerAt),
  number('corrected_at', ({ correctedAt }) => correctedAt ?? null),
  number('changed_at', ({ changedAt }) => changedAt ?? null),
  number('ends_at', endOf),
  number('restarts', ({ restarts }) => restarts),
  json('received', ({ received }) => received),
  number('sent_session', ({ sent }) => sent.session),
  number('sent_template', ({ sent }) => sent.template),
  number('sent_echo', ({ sent }) => sent.echo),
  number('first_reply_at', ({ firstReplyAt }) => firstReplyAt ?? null),
  number('position', ({ position }) => position),
];

export const userColumns: readonly Column<ActiveUserRow>[] = [
  text('account', ({ account }) => account),
  text('month', ({ month }) => month),
  text('customer', ({ customer }) => customer),
  number('first_at', ({ firstAt }) => firstAt),
  id('first_event_id', ({ firstEventId }) => firstEventId),
  text('rule', ({ rule }) => rule),
  text('zone', ({ zone }) => zone),
  number('position', ({ position }) => position),
];

export const monthColumns: readonly Column<MonthRow>[] = [
  text('account', ({ account }) => account),
  text('month', ({ month }) => month),
  text('zone', ({ zone }) => zone),
  text('rule', ({ rule }) => rule),
  number('users', ({ users }) => users),
  json('days', ({ days }) => days),
  number('closed_at', ({ closed }) => closed?.at ?? null),
  number('closed_users', ({ closed }) => closed?.users ?? null),
  number('closed_position', ({ closed }) => closed?.position ?? null),
  number('adjusted', ({ adjusted }) => adjusted),
  number('position', ({ position }) => position),
];

export const monthChangeColumns: readonly Column<MonthChange>[] = [
  text('account', ({ account }) => account),
  text('month', ({ month }) => month),
  text('customer', ({ customer }) => customer),
  id('because', ({ because }) => because),
  number('change', ({ change }) => change),
  number('position', ({ position }) => position),
];

export const decidedColumns: readonly Column<DecidedRow>[] = [
  text('account', ({ account }) => account),
  text('customer', ({ customer }) => customer),
  text('intent_id', ({ intentId }) => intentId),
  number('position', ({ position }) => position),
  number('at', ({ at }) => at),
  text('outcome', ({ outcome }) => outcome),
  text('reason', ({ reason }) => reason),
  text('rule', ({ rule }) => rule),
  text('policy', ({ policy }) => policy),
  text('cost', ({ cost }) => cost),
  text('sender', ({ sender }) => sender),
  text('kind', ({ kind }) => kind),
  text('template_name', ({ template }) => template?.name ?? null),
  text('template_language', ({ template }) => template?.language ?? null),
  number('sent_at', ({ sentAt }) => sentAt),
  number('delivered_at', ({ deliveredAt }) => deliveredAt),
  text('failure', ({ failure }) => failure),
];

export const revisedColumns: readonly Column<RevisedRow>[] = [
  text('account', ({ account }) => account),
  id('decision', ({ decision }) => decision),
  text('customer', ({ customer }) => customer),
  text('intent_id', ({ intentId }) => intentId),
  text('sender', ({ sender }) => sender),
  number('decided_at', ({ decidedAt }) => decidedAt),
  text('outcome', ({ said }) => said.outcome),
  text('reason', ({ said }) => said.reason ?? null),
  text('revised_outcome', ({ withLateFacts }) => withLateFacts.outcome),
  text('revised_reason', ({ withLateFacts }) => withLateFacts.reason ?? null),
  id('because', ({ because }) => because),
  text('fact', ({ fact }) => fact),
  number('true_at', ({ trueAt }) => trueAt),
  number('recorded_at', ({ recordedAt }) => recordedAt),
  number('position', ({ position }) => position),
];

const corrupt = (what: string): InfrastructureError =>
  new InfrastructureError('store-corrupt', `Analytics holds ${what} that was not written so: rebuild it.`);

export const oneOf = <Word extends string>(words: readonly Word[], word: string, what: string): Word => {
  const known = words.find((candidate) => candidate === word);
  if (known === undefined) throw corrupt(`${what} '${word}'`);
  return known;
};

const counts = (stored: string): { readonly [name: string]: number } => {
  const value: unknown = JSON.parse(stored);
  if (typeof value !== 'object' || value === null) throw corrupt('counts');
  return Object.fromEntries(Object.entries(value).map(([name, count]) => [name, Number(count)]));
};

const instantOrNull = (at: number | null): Instant | null => (at === null ? null : instantOf(at));
const optionalInstant = (at: number | null): Instant | undefined => (at === null ? undefined : instantOf(at));
const lineOrNull = (line: string | null): string | null => (line === null ? null : fromLine(line));

export interface StoredSession {
  readonly account: string;
  readonly customer: string;
  readonly sender: string;
  readonly opened_at: number;
  readonly id: string;
  readonly opener_at: number;
  readonly corrected_at: number | null;
  readonly changed_at: number | null;
  readonly restarts: number;
  readonly received: string;
  readonly sent_session: number;
  readonly sent_template: number;
  readonly sent_echo: number;
  readonly first_reply_at: number | null;
  readonly position: number;
}

export const sessionOf = (row: StoredSession): SessionRow => ({
  account: fromLine(row.account),
  customer: fromLine(row.customer),
  sender: fromLine(row.sender),
  id: row.id,
  openedAt: instantOf(row.opened_at),
  openerAt: instantOf(row.opener_at),
  correctedAt: optionalInstant(row.corrected_at),
  changedAt: optionalInstant(row.changed_at),
  restarts: row.restarts,
  received: counts(row.received),
  sent: { session: row.sent_session, template: row.sent_template, echo: row.sent_echo },
  firstReplyAt: optionalInstant(row.first_reply_at),
  position: row.position,
});

const mauRules = ['sent-or-received-v1'] as const;
const costEffects = ['included', 'new-active-user', 'over-allowance'] as const;
const kinds = ['session', 'template'] as const;

export interface StoredUser {
  readonly account: string;
  readonly month: string;
  readonly customer: string;
  readonly first_at: number;
  readonly first_event_id: string;
  readonly rule: string;
  readonly zone: string;
  readonly position: number;
}

export const userOf = (row: StoredUser): ActiveUserRow => ({
  account: fromLine(row.account),
  month: row.month,
  customer: fromLine(row.customer),
  firstAt: instantOf(row.first_at),
  firstEventId: row.first_event_id,
  rule: oneOf(mauRules, row.rule, 'a rule'),
  zone: fromLine(row.zone),
  position: row.position,
});

export interface StoredMonth {
  readonly account: string;
  readonly month: string;
  readonly zone: string;
  readonly rule: string;
  readonly users: number;
  readonly days: string;
  readonly closed_at: number | null;
  readonly closed_users: number | null;
  readonly closed_position: number | null;
  readonly adjusted: number;
  readonly position: number;
}

export const monthRowOf = (row: StoredMonth): MonthRow => {
  const days: UsersByDay = counts(row.days);
  return {
    account: fromLine(row.account),
    month: row.month,
    zone: fromLine(row.zone),
    rule: oneOf(mauRules, row.rule, 'a rule'),
    users: row.users,
    days,
    closed:
      row.closed_at === null || row.closed_users === null || row.closed_position === null
        ? undefined
        : { at: instantOf(row.closed_at), users: row.closed_users, position: row.closed_position },
    adjusted: row.adjusted,
    position: row.position,
  };
};

export interface StoredDecided {
  readonly account: string;
  readonly customer: string;
  readonly intent_id: string;
  readonly position: number;
  readonly at: number;
  readonly outcome: string;
  readonly reason: string | null;
  readonly rule: string | null;
  readonly policy: string | null;
  readonly cost: string | null;
  readonly sender: string;
  readonly kind: string | null;
  readonly template_name: string | null;
  readonly template_language: string | null;
  readonly sent_at: number | null;
  readonly delivered_at: number | null;
  readonly failure: string | null;
}

export const decidedOf = (row: StoredDecided): DecidedRow => ({
  account: fromLine(row.account),
  customer: fromLine(row.customer),
  intentId: fromLine(row.intent_id),
  position: row.position,
  at: instantOf(row.at),
  outcome: oneOf(decisionOutcomes, row.outcome, 'an outcome'),
  reason: lineOrNull(row.reason),
  rule: lineOrNull(row.rule),
  policy: lineOrNull(row.policy),
  cost: row.cost === null ? null : oneOf(costEffects, row.cost, 'a cost'),
  sender: fromLine(row.sender),
  kind: row.kind === null ? null : oneOf(kinds, row.kind, 'a kind'),
  template:
    row.template_name === null || row.template_language === null
      ? null
      : { name: fromLine(row.template_name), language: fromLine(row.template_language) },
  sentAt: instantOrNull(row.sent_at),
  deliveredAt: instantOrNull(row.delivered_at),
  failure: lineOrNull(row.failure),
});

export interface StoredSaid {
  readonly outcome: string;
  readonly reason: string | null;
  readonly revised_outcome: string;
  readonly revised_reason: string | null;
}

export interface StoredRevised extends StoredSaid {
  readonly account: string;
  readonly decision: string;
  readonly customer: string;
  readonly intent_id: string;
  readonly sender: string;
  readonly decided_at: number;
  readonly because: string;
  readonly fact: string;
  readonly true_at: number;
  readonly recorded_at: number;
  readonly position: number;
}

const saidOf = (outcome: string, reason: string | null): Said => ({
  outcome: oneOf(decisionOutcomes, outcome, 'an outcome'),
  ...(reason === null ? {} : { reason: fromLine(reason) }),
});

export const saidsOf = (row: StoredSaid): Pick<RevisedRow, 'said' | 'withLateFacts'> => ({
  said: saidOf(row.outcome, row.reason),
  withLateFacts: saidOf(row.revised_outcome, row.revised_reason),
});

export const revisedOf = (row: StoredRevised): RevisedRow => ({
  account: fromLine(row.account),
  customer: fromLine(row.customer),
  intentId: fromLine(row.intent_id),
  decision: row.decision,
  decidedAt: instantOf(row.decided_at),
  sender: fromLine(row.sender),
  ...saidsOf(row),
  because: row.because,
  fact: row.fact,
  trueAt: instantOf(row.true_at),
  recordedAt: instantOf(row.recorded_at),
  position: row.position,
});
