import { Client } from 'pg';
import { CopyIn } from '#adapters/postgres/copy-in';
import { openDatabase } from '#adapters/postgres/open-database';
import { PostgresAnalyticsStore } from '#adapters/postgres/postgres-analytics-store';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { PostgresProjectionStore } from '#adapters/postgres/postgres-projection-store';
import { analyticsCategories, ProjectAnalytics } from '#application/analytics/project-analytics';
import { appendSurely } from '#application/append-surely';
import type { CustomerIdentity } from '#application/customer-identity';
import { customerEventId, factId } from '#application/event-ids';
import type { EventStore } from '#application/ports/event-store';
import { Project, viewCategories, VIEWS } from '#application/project';
import { accountStream, customerStream } from '#application/streams';
import { evolveAccount, initialAccount, type AccountEvent } from '#domain/account';
import { decide } from '#domain/gate/decide';
import type { CustomerEvent } from '#domain/gate/events';
import { evolve } from '#domain/gate/evolve';
import { initialCustomer } from '#domain/gate/state';
import { DAY_MS, HOUR_MS, instantOf, MINUTE_MS, plus, SECOND_MS, type Instant } from '#domain/time';
import { SystemClock } from '#platform/clock';
import { ACCOUNT, phoneOf, SENDER } from './load.js';

// A store of many customers in little time: one of them is made by the rules, the stores and the projections themselves,
// and Postgres multiplies its events and rows under the others' names. Each step of all customers comes before the next
// step, so that what happens to one of them is spread over the log.

/** As wide as the name of a customer, and like no other. */
const FIRST = 'the-first-of-the-customers';
const AT_ONCE = 100_000;

/** Opted in, then so many conversations of a message and a reply that was delivered, a day apart, then a message an hour ago. */
const course = (conversations: number, now: Instant): readonly CustomerEvent[] => {
  const start = plus(now, -HOUR_MS - conversations * DAY_MS);
  const account = accountEvents.reduce(evolveAccount, initialAccount(ACCOUNT));
  const events: CustomerEvent[] = [];
  let customer = initialCustomer;
  const happened = (event: CustomerEvent): void => {
    events.push(event);
    customer = evolve(customer, event);
  };
  const wrote = (at: Instant, number: number): void =>
    happened({
      type: 'CustomerMessageReceived',
      at,
      provider: 'sandbox',
      sender: SENDER,
      messageId: `${FIRST}-${number}`,
      messageType: 'text',
      origin: 'customer',
      receivedAt: plus(at, SECOND_MS),
      opens: true,
      authored: true,
      policy: 'sinch-2021@1',
      personal: { name: 'Ada', text: 'Where is my order? It should have come yesterday.' },
    });
  happened({
    type: 'CustomerOptedIn',
    at: plus(start, -HOUR_MS),
    scope: 'all',
    source: 'form',
    reference: FIRST,
    receivedAt: start,
  });
  for (let number = 0; number < conversations; number += 1) {
    const at = plus(start, number * DAY_MS);
    wrote(at, number);
    const intentId = `${FIRST}-${number}`;
    const said = plus(at, MINUTE_MS);
    const content = { kind: 'session', messageType: 'text' } as const;
    happened(
      decide(
        { intentId, sender: SENDER, content, whenClosed: 'refuse', whenPaused: 'refuse', fingerprint: 'f'.repeat(32) },
        { to: {}, text: 'It is on its way and will be there by noon.' },
        {
          now: said,
          customer,
          customerRevision: events.length - 1,
          account,
          template: () => undefined,
          activeUsers: { users: 0 },
        },
      ),
    );
    for (const event of deliveredOf(intentId, 1, plus(said, SECOND_MS))) happened(event);
  }
  wrote(plus(now, -HOUR_MS), conversations);
  return events;
};

/** What becomes of an authorised intent, as the provider's app and the recorder write it. */
export const deliveredOf = (intentId: string, ordinal: number, at: Instant): readonly CustomerEvent[] => {
  const evidence = { customerRevision: 0, accountRevision: 0 };
  const providerMessageId = `wamid.${intentId}`;
  return [
    { type: 'SendStarted', at, intentId, ordinal, attempt: 1, claim: intentId, sender: SENDER, evidence },
    { type: 'SendAccepted', at: plus(at, 200), intentId, claim: intentId, providerMessageId },
    { type: 'MessageDelivered', at: plus(at, 900), intentId, providerMessageId, sender: SENDER },
  ];
};

const accountEvents: readonly AccountEvent[] = [
  { type: 'AccountRegistered', at: instantOf(0), zone: 'Europe/Berlin' },
  { type: 'SenderRegistered', at: instantOf(0), sender: SENDER, onboardedAt: instantOf(0) },
];

const written = async (store: EventStore, conversations: number): Promise<number> => {
  const metadata = { correlationId: FIRST, causationId: FIRST };
  const stream = customerStream(ACCOUNT, FIRST);
  const account = accountStream(ACCOUNT);
  const events = course(conversations, new SystemClock().now());
  await appendSurely(store, [
    {
      stream: account,
      expectedRevision: -1,
      events: accountEvents.map((event) => ({ id: factId(account, event.type), event, metadata })),
    },
    {
      stream,
      expectedRevision: -1,
      events: events.map((event) => ({ id: customerEventId(stream, event), event, metadata })),
    },
  ]);
  return events.length;
};

/** Until nothing is left behind what it has applied. */
const folded = async (
  follow: (signal: AbortSignal, applied: () => void) => Promise<void>,
  isLeft: () => Promise<boolean>,
): Promise<void> => {
  const end = new AbortController();
  const ended = follow(end.signal, () => void isLeft().then((left) => (left ? undefined : end.abort())));
  await ended;
};

/** @returns the number of events in the log */
export const multipliedStore = async (
  url: string,
  identity: CustomerIdentity,
  customers: number,
  conversations: number,
): Promise<number> => {
  const database = await openDatabase(url);
  const store = new PostgresEventStore(database, new SystemClock());
  const views = new PostgresProjectionStore(database);
  const analytics = new PostgresAnalyticsStore(database);
  const revisions = await written(store, conversations);
  await folded(
    (signal, applied) => new Project(store, views, applied).follow(signal),
    async () => (await store.gap(await views.checkpoint(VIEWS), viewCategories, 1)) > 0,
  );
  await folded(
    (signal, applied) => new ProjectAnalytics(store, analytics, applied).follow(signal),
    async () => (await store.gap((await analytics.checkpoint())?.position, analyticsCategories, 1)) > 0,
  );
  await store.close();
  await database.close();

  // Of a server's own settings: these statements read whole tables.
  const client = new Client(url);
  await client.connect();
  try {
    // In their order, so that the indexes grow at one end: in any other it takes several times as long.
    await client.query(`create table names (n bigint generated always as identity, customer text collate "C")`);
    const names = Array.from({ length: customers }, (_, index) =>
      identity.customerOf(ACCOUNT, { phone: phoneOf(index) }),
    ).toSorted();
    for (let from = 0; from < customers; from += AT_ONCE) {
      const copy = new CopyIn([
        { into: 'names (customer)', rows: `${names.slice(from, from + AT_ONCE).join('\n')}\n` },
      ]);
      client.query(copy);
      await copy.done;
    }
    await client.query('analyze names');
    const last = await client.query<{ last: number }>('select max(position)::int as last from tidegate_log.events');
    const base = last.rows[0]?.last ?? 0;
    const position = (revision: string): string => `${base} + ${revision} * ${customers}::bigint + names.n`;
    const named = (column: string): string => `replace(${column}, '${FIRST}', names.customer)`;
    const id = (revision: string): string => `md5(names.customer || '/' || ${revision})::uuid`;
    for (let revision = 0; revision < revisions; revision += 1) {
      await client.query(
        `insert into tidegate_log.events (position, category, stream, revision, id, type, data, metadata, recorded_at)
         overriding system value
         select ${position('e.revision')}, category, ${named('stream')}, revision, ${id('e.revision')}, type,
           ${named('data')}, ${named('metadata')}, recorded_at
         from tidegate_log.events e, names
         where e.stream = '${customerStream(ACCOUNT, FIRST)}' and e.revision = ${revision} order by names.n`,
      );
    }
    const end = base + revisions * customers;
    await client.query(`
      select setval(pg_get_serial_sequence('tidegate_log.events', 'position'), ${end});
      insert into tidegate_views.facts
        select ${id('e.revision')} from tidegate_views.facts f join tidegate_log.events e on e.id = f.id, names
        order by 1;
      insert into tidegate_views.customers
        select account, names.customer, revision, ${named('state')} from tidegate_views.customers, names;
      insert into tidegate_views.decisions
        select account, names.customer, ${named('intent_id')}, fingerprint, outcome, reason, delivery,
          ${id('decided_as')}::text, ${named('provider_message_id')}, sender, decided_at, revision,
          ${position('revision')}, names.customer, decided_as
        from tidegate_views.decisions, names;
      insert into tidegate_views.active_users
        select u.account, u.month, names.customer, u.first_at, ${id('e.revision')}::text
        from tidegate_views.active_users u join tidegate_log.events e on e.id::text = u.first_event_id, names;
      update tidegate_views.active_months set users = users + ${customers};
      update tidegate_views.checkpoints set position = ${end};
      update tidegate_analytics.checkpoint set position = ${end};
      drop table names;
    `);
    // As autovacuum would, in time.
    await client.query('vacuum analyze');
    await client.query('checkpoint');
    return end;
  } finally {
    await client.end();
  }
};
