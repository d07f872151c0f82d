import { billingMonthNamed, policyAt, zoneAt, type AccountState, type MauEvent } from '#domain/account';
import { closesAt } from '#domain/analytics/active-user';
import { monthOf, type MonthSpan } from '#domain/calendar';
import { DAY_MS, plus, type Instant } from '#domain/time';
import { appendSurely } from '../append-surely.js';
import { factId } from '../event-ids.js';
import type { Analytics, MonthChange, MonthRow } from '../ports/analytics.js';
import type { Clock } from '../ports/clock.js';
import type { EventStore, NewEvent } from '../ports/event-store.js';
import { mauStream } from '../streams.js';

/** Months and adjustments of one run at most. */
const AT_ONCE = 500;

/**
 * Closes months that are over (rules §9) and adjusts closed ones. Any number of processes may run it, and any may die at
 * any time: a month's stream is appended to at its exact revision, under ids that are made of the facts.
 */
export class CloseMonths {
  constructor(
    private readonly store: EventStore,
    private readonly analytics: Pick<Analytics, 'checkpoint' | 'accounts' | 'months' | 'countUpTo' | 'unsettled'>,
    private readonly clock: Clock,
  ) {}

  async run(): Promise<void> {
    await this.#close();
    await this.#adjust();
  }

  async #close(): Promise<void> {
    const now = this.clock.now();
    const checkpoint = await this.analytics.checkpoint();
    if (checkpoint === undefined) return;
    let isUpToDate: boolean | undefined;
    for (const account of await this.analytics.accounts()) {
      const due = dueMonths(account, await this.analytics.months(account.account), now);
      for (const { span, at } of due.slice(0, AT_ONCE)) {
        if (checkpoint.recordedAt < at) {
          // Behind, it would close on too little and have to adjust much.
          isUpToDate ??= (await this.store.gap(checkpoint.position, ['customer'], 1)) === 0;
          if (!isUpToDate) return;
        }
        await this.#closeMonth(account, span, now);
      }
    }
  }

  async #closeMonth(account: AccountState, { month, from, until }: MonthSpan, now: Instant): Promise<void> {
    const key = { account: account.account, month };
    const count = await this.analytics.countUpTo(key);
    if (count === undefined) return;
    const stream = mauStream(key.account, month);
    const id = factId(stream, 'closed');
    const rule = policyAt(account, until).mauRule;
    const event: MauEvent = { type: 'MonthClosed', at: now, month, zone: zoneAt(account, from), rule, ...count };
    // A conflict: it is closed already, and analytics has not come to it yet.
    await appendSurely(this.store, [{ stream, expectedRevision: -1, events: [{ id, event, metadata: metadata(id) }] }]);
  }

  /** What was appended is settled once analytics has folded it; until then it is found again, and is there already. */
  async #adjust(): Promise<void> {
    const unsettled = await this.analytics.unsettled(AT_ONCE);
    if (unsettled.length === 0) return;
    const byStream = new Map<string, MonthChange[]>();
    for (const change of unsettled) {
      const stream = mauStream(change.account, change.month);
      byStream.set(stream, [...(byStream.get(stream) ?? []), change]);
    }
    const now = this.clock.now();
    const streams = [...byStream];
    const known = await this.store.readStreams(streams.map(([stream]) => ({ stream, fromRevision: 0 })));
    const appends = streams.flatMap(([stream, changes], index) => {
      const there = known[index] ?? [];
      const ids = new Set(there.map(({ id }) => id));
      const events = changes.map((change) => adjustment(stream, change, now)).filter(({ id }) => !ids.has(id));
      return events.length === 0 ? [] : [{ stream, expectedRevision: there.length - 1, events }];
    });
    await appendSurely(this.store, appends);
  }
}

const metadata = (id: string) => ({ correlationId: id, causationId: id });

const adjustment = (stream: string, { month, customer, change, because }: MonthChange, at: Instant): NewEvent => {
  const id = factId(stream, `adjusted/${customer}/${because}`);
  return {
    id,
    event: { type: 'MauAdjusted', at, month, customer, change, because },
    metadata: { correlationId: because, causationId: because },
  };
};

/** Months that are to be closed: those with users, and all since the account was registered, though nobody came. */
const dueMonths = (
  account: AccountState,
  known: readonly Pick<MonthRow, 'month' | 'closed'>[],
  now: Instant,
): readonly { readonly span: MonthSpan; readonly at: Instant }[] => {
  const closed = new Set(known.flatMap((row) => (row.closed === undefined ? [] : [row.month])));
  const spans = new Map<string, MonthSpan>();
  const add = (span: MonthSpan | undefined): void => {
    if (span !== undefined && !closed.has(span.month)) spans.set(span.month, span);
  };
  for (const { month } of known) add(billingMonthNamed(account, month));
  const registeredAt = account.zones[0]?.effectiveAt;
  for (let at = registeredAt; at !== undefined && at < now;) {
    const span = monthOf(at, zoneAt(account, at));
    add(span);
    // The next month begins in its own zone, which may be another.
    at = plus(span.until, DAY_MS);
  }
  return [...spans.values()]
    .map((span) => ({ span, at: closesAt(span.until, policyAt(account, span.until)) }))
    .filter(({ at }) => at <= now)
    .sort((a, b) => a.span.from - b.span.from);
};
