import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { KafkaQueue } from '#adapters/kafka/kafka-queue';
import { openDatabase } from '#adapters/postgres/open-database';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { PostgresProjectionStore } from '#adapters/postgres/postgres-projection-store';
import { prepareRebuild, REBUILT_VIEWS } from '#adapters/postgres/view-rebuild';
import { LIVE_VIEWS } from '#adapters/postgres/view-schema';
import type { OutgoingMessage } from '#application/ports/message-queue';
import { Project, segmentsOf, viewCategories } from '#application/project';
import { HOUR_MS } from '#domain/time';
import { startPostgres, type PostgresServer } from '#testing/postgres';
import { startBroker, type Broker } from '../../deploy/kafka/broker.js';
import {
  ACCOUNT,
  accountMessages,
  impostorOf,
  intentTo,
  pastOf,
  SENDER,
  storiesOf,
  wrote,
  type Sent,
  type Story,
} from './crash-load.js';
import { QueueReader, type Event } from './queue-reader.js';
import { Supervisor } from './supervisor.js';

const CUSTOMERS = 2_000;
const INTENTS_EACH = 10;
/** Names the run: the same seed chooses the same victims and the same provider failures. */
const SEED = Number(process.env['TIDEGATE_TEST_SEED'] ?? Date.now() % 100_000);
const ENOUGH_KILLS = 12;
const QUIET_WITHIN_MS = 180_000;

/** Park and Miller's generator: enough to choose victims by. */
const drawing = (seed: number): (() => number) => {
  let state = (seed % 2_147_483_646) + 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
};

describe(`apps killed at random on Kafka and Postgres, seed ${SEED}`, () => {
  const random = drawing(SEED);
  const now = Date.now();
  const stories = storiesOf(CUSTOMERS);
  const sent: Sent[] = [];
  let folder: string;
  let broker: Broker;
  let postgres: PostgresServer;
  let databaseUrl: string;
  let queue: KafkaQueue;
  let apps: Supervisor;
  let decisions: QueueReader;
  let commands: QueueReader;
  let insights: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-crash-'));
    [broker, postgres] = await Promise.all([startBroker({ folder: join(folder, 'kafka') }), startPostgres()]);
    databaseUrl = await postgres.createDatabase();
    queue = new KafkaQueue(`${broker.url}?sessionTimeoutMs=6000&deadAfterMs=60000`, { log: () => undefined });
    apps = new Supervisor(
      ['recorder', 'dispatcher', 'projector', 'provider', 'insights'],
      {
        TIDEGATE_DATA: join(folder, 'data'),
        TIDEGATE_DATABASE: databaseUrl,
        TIDEGATE_QUEUE: `${broker.url}?sessionTimeoutMs=6000&deadAfterMs=60000`,
        TIDEGATE_IDENTITY_KEY: 'ab'.repeat(32),
        TIDEGATE_SANDBOX: `seed=${SEED}&latencyMs=40&failureRate=0.03&timeoutRate=0.03&graceMs=60000`,
      },
      random,
    );
    await apps.start();
    decisions = new QueueReader(queue, ['send-decisions']);
    commands = new QueueReader(queue, ['send-commands']);
    await Promise.all([decisions.start(), commands.start()]);
  }, 240_000);

  afterAll(async () => {
    await apps?.stop();
    await queue?.close();
    await postgres?.stop();
    await broker?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  const metric = async (app: 'projector' | 'dispatcher', pattern: RegExp): Promise<number> => {
    const text = await fetch(`${await apps.url(app)}/metrics`).then((response) => response.text());
    return Number(pattern.exec(text)?.[1] ?? Number.NaN);
  };
  const windowsOf = (story: Story) =>
    fetch(`${insights}/v1/accounts/${ACCOUNT}/customers/%2B${story.phone}/windows`).then(({ ok }) => ok);
  const until = async (what: string, isSo: () => Promise<boolean> | boolean): Promise<void> => {
    for (const deadline = Date.now() + QUIET_WITHIN_MS; !(await isSo()); await sleep(200)) {
      if (Date.now() > deadline) throw new Error(`In vain waited until ${what}. ${apps.failures.join('\n')}`);
    }
  };

  test('a day of deaths loses nothing and sends nothing twice', async () => {
    const producer = await queue.producer();
    insights = await apps.url('insights');
    await producer.send(accountMessages(now));
    // Between topics there is no order: what is told of an unknown account is a dead letter.
    await until('the account is known', () =>
      fetch(`${insights}/v1/accounts/${ACCOUNT}/templates`).then(({ ok }) => ok),
    );
    await producer.send(stories.flatMap((story) => pastOf(story, now)));
    const told = stories.filter(({ sort }) => sort === 'stopped' || sort === 'lapsed').slice(-8);
    await until('the past is known', async () => (await Promise.all(told.map(windowsOf))).every(Boolean));

    const haunting = new AbortController();
    const nemesis = apps.haunt(haunting.signal);
    for (let turn = 0; turn < INTENTS_EACH; turn += 1) {
      for (let from = 0; from < CUSTOMERS; from += 200) {
        const wishes = stories.slice(from, from + 200).map((story) => intentTo(story, turn));
        sent.push(...wishes);
        const messages: OutgoingMessage[] = wishes.map(({ message }) => message);
        // Upstreams repeat themselves, and some reuse ids.
        messages.push(...wishes.slice(0, 20).map(({ message }) => message), ...wishes.slice(20, 24).map(impostorOf));
        await producer.send(messages);
        await sleep(200);
      }
      // Those who are waited for write, in the middle of it all.
      if (turn === 6)
        await producer.send(stories.filter(({ sort }) => sort === 'waiting').map((story) => wrote(story, Date.now())));
    }
    // A fast machine is done before many have died.
    await until('enough have died', () => apps.kills >= ENOUGH_KILLS);
    haunting.abort();
    await nemesis;
    await apps.ready();
    insights = await apps.url('insights');

    const database = await openDatabase(databaseUrl);
    const openWork = async (): Promise<number> => {
      const [row] = await database.query<{ count: number }>(
        `select count(*) as count from ${LIVE_VIEWS}.decisions
         where outcome = 'held' or delivery in ('pending', 'started', 'accepted', 'revoked')`,
      );
      return row?.count ?? -1;
    };
    const decidedIntents = async (): Promise<number> => {
      const [row] = await database.query<{ count: number }>(`select count(*) as count from ${LIVE_VIEWS}.decisions`);
      return row?.count ?? -1;
    };
    await until('every intent is decided', async () => (await decidedIntents()) === sent.length);
    await until('no send is under way', async () => (await openWork()) === 0);
    for (const [app, projection] of [
      ['projector', 'views'],
      ['dispatcher', 'publisher'],
    ] as const) {
      const gap = new RegExp(`^tidegate_projection_gap_events\\{projection="${projection}"\\} (\\d+)$`, 'm');
      await until(`${projection} is at the end of the log`, async () => (await metric(app, gap)) === 0);
    }
    await sleep(1_000);
    await database.close();
    // An app may give up because Kafka or the checkpoint was another's for a moment; it must not happen by itself.
    expect(apps.failures.filter((failure) => !/checkpoint-taken|queue-unavailable/.test(failure))).toEqual([]);
  }, 600_000);

  const byIntent = (events: readonly Event[]): ReadonlyMap<string, readonly Event[]> => {
    const groups = new Map<string, Map<string, Event>>();
    for (const event of events) {
      const key = `${String(event.data['customer'])}/${String(event.data['intentId'])}`;
      groups.set(key, (groups.get(key) ?? new Map()).set(event.id, event));
    }
    return new Map([...groups].map(([key, group]) => [key, [...group.values()]]));
  };
  const isConflict = ({ data }: Event): boolean => data['reason'] === 'intent-conflict';
  const ordinalOf = ({ data }: Event): number => Number(data['ordinal']);

  test('each intent has exactly one decision, and further ones only after a release or a revocation', () => {
    const decided = byIntent(decisions.events.filter((event) => !isConflict(event)));
    expect(decided.size).toBe(sent.length);
    const ordinals = [...decided.values()].map((group) => group.map(ordinalOf).toSorted((a, b) => a - b));
    expect(ordinals.filter((own) => own.some((ordinal, index) => ordinal !== index + 1))).toEqual([]);
    const held = [...decided].filter(([key]) => key.includes('/waiting-'));
    expect(held).toHaveLength((CUSTOMERS / 8) * INTENTS_EACH);
    expect(held.every(([, group]) => group.some(({ data }) => data['outcome'] === 'authorised'))).toBe(true);
    expect(decisions.events.filter(isConflict).length).toBeGreaterThanOrEqual(4 * INTENTS_EACH * (CUSTOMERS / 200));
  });

  test('each authorisation has exactly one command', () => {
    const authorisations = new Set(
      decisions.events.filter(({ data }) => data['outcome'] === 'authorised').map(({ id }) => id),
    );
    expect(authorisations.size).toBeGreaterThan(sent.length / 3);
    expect(new Set(commands.events.map(({ id }) => id))).toEqual(authorisations);
    for (const [key, group] of byIntent(commands.events)) {
      expect([key, new Set(group.map(ordinalOf)).size]).toEqual([key, group.length]);
    }
  });

  test('nothing reached the platform outside its window, without an opt-in, or twice', async () => {
    const book = (await readFile(join(folder, 'data', 'sandbox', 'book.jsonl'), 'utf8')).split('\n').filter(Boolean);
    const entries = book.flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return [];
      }
    });
    expect(entries.filter(({ kind }) => kind === 'breach')).toEqual([]);
    const taken = entries.filter(({ kind }) => kind === 'took');
    expect(new Set(taken.map(({ correlation }) => correlation)).size).toBe(taken.length);
    expect(taken.length).toBeGreaterThan(sent.length / 4);
    const storyOf = new Map(stories.map((story) => [story.phone, story]));
    const forbidden = taken.filter(({ session, to, sender, at }) => {
      const sort = storyOf.get(to.phone)?.sort;
      if (sender !== SENDER) return true;
      // By what the test itself had them do: an hour ago, just now, or never.
      if (session) return sort === 'wrote' ? at >= now + 23 * HOUR_MS : sort !== 'waiting';
      return sort === 'stranger' || sort === 'stopped' || sort === 'waiting';
    });
    expect(forbidden).toEqual([]);
  });

  test('the read model equals a fresh fold of the log, row for row', async () => {
    const database = await openDatabase(databaseUrl);
    const store = new PostgresEventStore(database, { now: () => 0 as never });
    await prepareRebuild(database);
    const rebuilt = new PostgresProjectionStore(database, REBUILT_VIEWS);
    const project = new Project(store, rebuilt);
    const done = new AbortController();
    let checkpoint: number | undefined;
    const options = {
      name: 'fresh',
      after: undefined,
      categories: viewCategories,
      batchSize: 1_000,
      signal: done.signal,
    };
    for await (const { events, caughtUp } of store.subscribe(options)) {
      for (const segment of events.length === 0 ? [] : segmentsOf(events)) {
        const to = segment.at(-1)?.position ?? 0;
        await rebuilt.apply('views', checkpoint, to, await project.changes(segment));
        checkpoint = to;
      }
      if (caughtUp) done.abort();
    }
    for (const table of [
      'customers',
      'decisions',
      'facts',
      'open_intents',
      'active_users',
      'active_months',
      'accounts',
      'templates',
    ]) {
      const differing = await database.query(
        `(select * from ${LIVE_VIEWS}.${table} except select * from ${REBUILT_VIEWS}.${table})
         union all (select * from ${REBUILT_VIEWS}.${table} except select * from ${LIVE_VIEWS}.${table}) limit 3`,
      );
      expect([table, differing]).toEqual([table, []]);
    }
    const [row] = await database.query<{ count: number }>(`select count(*) as count from ${REBUILT_VIEWS}.customers`);
    expect(row?.count).toBeGreaterThanOrEqual(CUSTOMERS);
    await database.close();
  }, 120_000);
});
