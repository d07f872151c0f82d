import type { AnalyticsNews, MonthRow, SessionRow } from '#application/ports/analytics';
import type { OutgoingMessage } from '#application/ports/message-queue';
import { endOf } from '#domain/analytics/session';
import { Says, Shown, type Schema } from '../inbound/fields.js';
import { topicName } from '../topics.js';
import { outgoing, written, type Attributes } from './outgoing.js';

const text: Schema = { type: 'string' };
const time: Schema = { type: 'string', format: 'date-time' };
const count: Schema = { type: 'integer', minimum: 0 };
const counts: Schema = { type: 'object', additionalProperties: count };
const position: Schema = { type: 'integer' };
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });
const VERSION = 'Place in the log of the last event that changed it: of two messages of one key the greater holds.';

/** A customer care session as it is now. The key of the message is `<account>.<id>`; a tombstone: it was joined with another. */
export class SessionWindowDto {
  @Says('Stays the same for as long as there is the session.') @Shown(text) id: string;
  @Shown(text) account: string;
  @Says("The customer's id.") @Shown(text) customer: string;
  @Shown(text) sender: string;
  @Says('The first opener, by the time of the provider.') @Shown(time) openedAt: string;
  @Says('24 hours after the last opener, or earlier: when the provider refused, or the number changed.')
  @Shown(time)
  endsAt: string;
  @Says('Openers after the first.') @Shown(count) restarts: number;
  @Says('Acts of the customer by message type, calls as `call`.') @Shown(counts) received: Record<string, number>;
  @Says('Session messages that the provider took.') @Shown(count) sentSession: number;
  @Says('Templates that the provider took.') @Shown(count) sentTemplate: number;
  @Says('Messages that staff wrote in the business app.') @Shown(count) sentEcho: number;
  @Says('The first message to the customer.') @Shown(orNull(time)) firstReplyAt: string | null;
  @Says(VERSION) @Shown(position) position: number;
}

/** The active users of a month as counted by now. The key of the message is `<account>.<month>`. */
export class MauMonthDto {
  @Shown(text) account: string;
  @Says('A month of the billing zone, `2026-11`.') @Shown(text) month: string;
  @Says('The billing time zone.') @Shown(text) zone: string;
  @Says('The rule that counts, with its version.') @Shown(text) rule: string;
  @Shown(count) users: number;
  @Says('When it closed; null while it is open.') @Shown(orNull(time)) closedAt: string | null;
  @Says('As counted when it closed.') @Shown(orNull(count)) closedUsers: number | null;
  @Says('The sum of the adjustments since.') @Shown({ type: 'integer' }) adjusted: number;
  @Says(VERSION) @Shown(position) position: number;
}

const sessionMessage = (row: SessionRow, attributes: Omit<Attributes, 'id'>): OutgoingMessage => {
  const { id, account, customer, sender, openedAt, restarts, received, sent, firstReplyAt } = row;
  return outgoing('session-windows', 'session', `${account}.${id}`, { ...attributes, id: `${id}@${row.position}` }, {
    id,
    account,
    customer,
    sender,
    openedAt: written(openedAt),
    endsAt: written(endOf(row)),
    restarts,
    received,
    sentSession: sent.session,
    sentTemplate: sent.template,
    sentEcho: sent.echo,
    firstReplyAt: firstReplyAt === undefined ? null : written(firstReplyAt),
    position: row.position,
  } satisfies SessionWindowDto);
};

const monthMessage = (row: MonthRow, attributes: Omit<Attributes, 'id'>): OutgoingMessage => {
  const { account, month, zone, rule, users, closed, adjusted } = row;
  const key = `${account}.${month}`;
  return outgoing('mau', 'month', key, { ...attributes, id: `${key}@${row.position}` }, {
    account,
    month,
    zone,
    rule,
    users,
    closedAt: closed === undefined ? null : written(closed.at),
    closedUsers: closed?.users ?? null,
    adjusted,
    position: row.position,
  } satisfies MauMonthDto);
};

/** What is to be told of changes: an id names the row and its version, so a repeat can be dropped. */
export const analyticsMessages = (
  { sessions, removed, months }: Omit<AnalyticsNews, 'upTo'>,
  attributes: Omit<Attributes, 'id'>,
): readonly OutgoingMessage[] => [
  ...sessions.map((row) => sessionMessage(row, attributes)),
  ...removed.map(({ account, id }) => ({
    topic: topicName('session-windows'),
    key: `${account}.${id}`,
    value: null,
    headers: {},
  })),
  ...months.map((row) => monthMessage(row, attributes)),
];
