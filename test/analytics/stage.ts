import { memoryDatabase } from '#adapters/postgres/memory-database';
import { prepare } from '#adapters/postgres/open-database';
import { PostgresAnalytics } from '#adapters/postgres/postgres-analytics';
import { PostgresAnalyticsStore } from '#adapters/postgres/postgres-analytics-store';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { analyticsCategories, ProjectAnalytics } from '#application/analytics/project-analytics';
import { CloseMonths } from '#application/analytics/close-months';
import { factId } from '#application/event-ids';
import { readLog } from '#application/history/read-log';
import { Clock } from '#application/ports/clock';
import type { DomainEvent, RecordedEvent } from '#application/ports/event-store';
import { customerStream } from '#application/streams';
import type { CustomerEvent } from '#domain/gate/events';
import { instantOf, type Instant } from '#domain/time';

export class TestClock extends Clock {
  constructor(public at: Instant) {
    super();
  }
  now(): Instant {
    return this.at;
  }
}

export const utc = (text: string): Instant => instantOf(Date.parse(text));

/** A log and analytics on it, on an embedded database. */
export const openAnalytics = async (at: Instant) => {
  const database = await memoryDatabase();
  await prepare(database);
  const clock = new TestClock(at);
  const store = new PostgresEventStore(database, clock);
  const analytics = new PostgresAnalytics(database);
  const put = async (stream: string, ...events: readonly DomainEvent[]): Promise<readonly string[]> => {
    const [known = []] = await store.readStreams([{ stream, fromRevision: 0 }]);
    const added = events.map((event, index) => {
      const id = factId(stream, String(known.length + index));
      return { id, event, metadata: { correlationId: id, causationId: id } };
    });
    const [outcome] = await store.append([{ stream, expectedRevision: known.length - 1, events: added }]);
    if (outcome?.kind !== 'appended') throw new Error(`not appended to ${stream}`);
    return added.map(({ id }) => id);
  };
  return {
    database,
    clock,
    store,
    analytics,
    put,
    customer: (account: string, customer: string, ...events: readonly CustomerEvent[]) =>
      put(customerStream(account, customer), ...events),
    /** Lets the projection catch up with the log. */
    project: async (batchSize = 7): Promise<void> => {
      const tables = new PostgresAnalyticsStore(database);
      const projection = new ProjectAnalytics(store, tables);
      let from = await projection.begin();
      for await (const events of readLog(store, {
        name: 'test',
        after: from,
        categories: analyticsCategories,
        batchSize,
      })) {
        const last = events.at(-1);
        if (last === undefined) continue;
        await tables.apply(from, last, await projection.changes(events));
        from = last.position;
      }
    },
    closer: () => new CloseMonths(store, analytics, clock),
    stream: async (stream: string): Promise<readonly RecordedEvent[]> => {
      const [events = []] = await store.readStreams([{ stream, fromRevision: 0 }]);
      return events;
    },
    close: () => database.close(),
  };
};
export type AnalyticsStage = Awaited<ReturnType<typeof openAnalytics>>;

export const wroteAt = (at: Instant, messageId: string, sender = '4930'): CustomerEvent => ({
  type: 'CustomerMessageReceived',
  at,
  provider: 'sandbox',
  sender,
  messageId,
  messageType: 'text',
  origin: 'customer',
  receivedAt: at,
  opens: true,
  authored: true,
  policy: 'sinch-2021@1',
});

export const mergedInto = (at: Instant, from: string): CustomerEvent => ({
  type: 'CustomerMerged',
  at,
  from,
  fromRevision: 0,
  windows: {},
  consents: {},
  slots: [],
  intents: {},
});
