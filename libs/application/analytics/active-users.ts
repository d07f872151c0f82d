import { earlierOf } from '#domain/analytics/active-user';
import { dayOfMonth, monthNamed } from '#domain/calendar';
import { DAY_MS } from '#domain/time';
import type { ActiveUserRow, AnalyticsChanges, MonthChange, MonthKey, MonthRow } from '../ports/analytics.js';
import type { Position } from '../ports/event-store.js';
import type { CustomerKey } from '../ports/read-model.js';
import { customerId } from '../keys.js';
import type { Noted, NotedMonth } from './noted.js';

type UserKey = MonthKey & CustomerKey;

const userKey = ({ account, month, customer }: UserKey): string => `${account}/${month}/${customer}`;
const monthKey = ({ account, month }: MonthKey): string => `${account}/${month}`;

const distinct = <Key>(keys: readonly Key[], idOf: (key: Key) => string): readonly Key[] => [
  ...new Map(keys.map((key) => [idOf(key), key])).values(),
];

/** The users that the events count, each in its month. */
export const countedUsers = (noted: readonly Noted[]): readonly UserKey[] =>
  distinct(
    noted.flatMap(({ account, customer, counted }) =>
      counted === undefined ? [] : [{ account, customer, month: counted.month }],
    ),
    userKey,
  );

/** Both of each merge: all their months become one person's. */
export const mergedCustomers = (noted: readonly Noted[]): readonly CustomerKey[] =>
  distinct(
    noted.flatMap(({ account, customer, event }) =>
      event.type === 'CustomerMerged'
        ? [
            { account, customer },
            { account, customer: event.from },
          ]
        : [],
    ),
    customerId,
  );

/** The months that can change. */
export const touchedMonths = (
  users: readonly UserKey[],
  known: readonly ActiveUserRow[],
  closings: readonly NotedMonth[],
): readonly MonthKey[] =>
  distinct(
    [...users, ...known, ...closings].map(({ account, month }) => ({ account, month })),
    monthKey,
  );

/** What is recorded so long before a month's end, or later, may come after its close: clocks differ. */
const MAY_BE_LATE_MS = DAY_MS;

type UserChanges = Pick<AnalyticsChanges, 'users' | 'removedUsers' | 'months' | 'monthChanges' | 'settled'>;

/** @param known the users of `countedUsers` and all months of `mergedCustomers` @param stored the `touchedMonths` */
export const foldUsers = (
  noted: readonly Noted[],
  closings: readonly NotedMonth[],
  known: readonly ActiveUserRow[],
  stored: readonly MonthRow[],
): UserChanges => {
  const users = new Map(known.map((row) => [userKey(row), row]));
  const months = new Map(stored.map((row) => [monthKey(row), row]));
  const changedUsers = new Map<string, ActiveUserRow>();
  const removedUsers = new Map<string, UserKey>();
  const changedMonths = new Map<string, MonthRow>();
  const monthChanges: MonthChange[] = [];

  const put = (row: ActiveUserRow): void => {
    const id = userKey(row);
    users.set(id, row);
    changedUsers.set(id, row);
    removedUsers.delete(id);
  };
  const remove = ({ account, month, customer }: ActiveUserRow): void => {
    const key = { account, month, customer };
    users.delete(userKey(key));
    changedUsers.delete(userKey(key));
    removedUsers.set(userKey(key), key);
  };
  const changeMonth = (
    { account, month, rule, zone }: MonthKey & Pick<MonthRow, 'rule' | 'zone'>,
    position: Position,
    to: (row: MonthRow) => Partial<MonthRow>,
  ): void => {
    const id = monthKey({ account, month });
    const row = months.get(id) ?? { account, month, zone, rule, users: 0, days: {}, adjusted: 0, position };
    const next = { ...row, ...to(row), position };
    months.set(id, next);
    changedMonths.set(id, next);
  };
  const countDay = (user: ActiveUserRow, by: 1 | -1, position: Position): void => {
    const day = dayOfMonth(user.firstAt, user.zone);
    changeMonth(user, position, ({ users: count, days }) => ({
      users: count + by,
      days: { ...days, [day]: (days[day] ?? 0) + by },
    }));
  };
  const noteChange = ({ account, month, customer, zone }: ActiveUserRow, change: 1 | -1, by: Noted): void => {
    const until = monthNamed(month, zone)?.until ?? 0;
    if (by.recordedAt < until - MAY_BE_LATE_MS) return;
    monthChanges.push({ account, month, customer, change, because: by.id, position: by.position });
  };
  const count = (row: ActiveUserRow, by: Noted): void => {
    const before = users.get(userKey(row));
    const first = earlierOf(before, row);
    if (first === before) return;
    if (before === undefined) noteChange(row, 1, by);
    else countDay(before, -1, by.position);
    countDay(row, 1, by.position);
    put(row);
  };
  const merge = (by: Noted, from: string): void => {
    const { account, customer, position } = by;
    const theirs = [...users.values()].filter((user) => user.account === account && user.customer === from);
    for (const user of theirs) {
      const own = { ...user, customer, position };
      const before = users.get(userKey(own));
      remove(user);
      if (before !== undefined) {
        // Two that were counted are one: the later of their first facts counts no more.
        const first = earlierOf(before, own);
        countDay(first === before ? user : before, -1, position);
        noteChange(user, -1, by);
        if (first !== before) put(first);
      } else put(own);
    }
  };

  const takeMonth = ({ account, month, position, event }: NotedMonth): void => {
    if (event.type === 'MonthClosed') {
      const { at, rule, zone, users: closedUsers, position: upTo } = event;
      changeMonth({ account, month, rule, zone }, position, () => ({
        closed: { at, users: closedUsers, position: upTo },
        rule,
        zone,
      }));
    } else {
      const row = months.get(monthKey({ account, month }));
      if (row !== undefined) changeMonth(row, position, ({ adjusted }) => ({ adjusted: adjusted + event.change }));
    }
  };

  // In the order of the log, whichever stream an event stands in.
  let next = 0;
  for (const one of noted) {
    for (
      let closing = closings[next];
      closing !== undefined && closing.position < one.position;
      closing = closings[next]
    ) {
      takeMonth(closing);
      next += 1;
    }
    const { account, customer, counted, position, event } = one;
    if (counted !== undefined) count({ account, customer, ...counted, position }, one);
    if (event.type === 'CustomerMerged') merge(one, event.from);
  }
  for (const closing of closings.slice(next)) takeMonth(closing);

  return {
    users: [...changedUsers.values()],
    removedUsers: [...removedUsers.values()],
    months: [...changedMonths.values()],
    monthChanges,
    settled: closings.flatMap(({ account, month, event }) =>
      event.type === 'MauAdjusted' ? [{ account, month, customer: event.customer, because: event.because }] : [],
    ),
  };
};
