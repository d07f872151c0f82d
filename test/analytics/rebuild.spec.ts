import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import {
  indexAnalyticsRebuild,
  prepareAnalyticsRebuild,
  putAnalyticsInPlace,
  REBUILT_ANALYTICS,
} from '#adapters/postgres/analytics-rebuild';
import { EmbeddedQueue } from '#adapters/postgres/embedded-queue';
import { PostgresAnalyticsStore } from '#adapters/postgres/postgres-analytics-store';
import { PostgresProjectionStore } from '#adapters/postgres/postgres-projection-store';
import { RebuiltAnalytics } from '#adapters/postgres/rebuilt-analytics';
import { reports, REPORTS } from '#adapters/postgres/reports';
import { analyticsCategories, ProjectAnalytics } from '#application/analytics/project-analytics';
import { PublishAnalytics } from '#application/analytics/publish-analytics';
import { rebuild, type Rebuild } from '#application/rebuild';
import { analyticsMessages, MauMonthDto, SessionWindowDto } from '#contracts/outbound/analytics';
import { schemaOf } from '#contracts/inbound/schemas';
import { compactedTopics, topicName } from '#contracts/topics';
import { Ajv } from 'ajv';
import { eventually } from '#testing/eventually';
import { appended, happenings, T0, type Happening } from './happenings.js';
import { openAnalytics, type AnalyticsStage } from './stage.js';

const TABLES = [
  'sessions',
  'removed_sessions',
  'users',
  'months',
  'month_changes',
  'decided',
  'revised',
  'hours',
  'accounts',
];

let stage: AnalyticsStage;
let queue: EmbeddedQueue;
let publisher: PublishAnalytics;
const told: string[] = [];
beforeAll(async () => {
  stage = await openAnalytics(T0);
  queue = new EmbeddedQueue(stage.database, stage.clock, { partitions: 2 });
  await queue.createTopics(compactedTopics.map(topicName), { compacted: true });
  const producer = await queue.producer();
  publisher = new PublishAnalytics(stage.analytics, new PostgresProjectionStore(stage.database), producer, (news) => {
    const messages = analyticsMessages(news, { source: '/test', at: T0 });
    for (const { value } of messages) if (value !== null) told.push(String(Object(JSON.parse(value)).id));
    return messages;
  });
  // What the law happens to draw need not fill every table; these courses do.
  for (const course of fc.sample(happenings, { seed: 7, numRuns: 6 })) await happen(course);
});
afterAll(async () => {
  await queue.close();
  await stage.close();
});

const happen = async (course: readonly Happening[]): Promise<void> => {
  stage.clock.at = T0;
  await appended(stage.store, stage.clock, course);
  await stage.project();
};

const rows = async (): Promise<Readonly<Record<string, readonly string[]>>> =>
  Object.fromEntries(
    await Promise.all(
      TABLES.map(async (table) => {
        const all = await stage.database.query<object>(`select * from tidegate_analytics.${table}`);
        return [table, all.map((row) => JSON.stringify(row)).toSorted()] as const;
      }),
    ),
  );

const removedIds = (all: Readonly<Record<string, readonly string[]>>): readonly string[] =>
  (all['removed_sessions'] ?? []).map((row) => Object(JSON.parse(row)).id);

const publishAll = async (): Promise<void> => {
  for (let index = 0; index < 3; index += 1) await publisher.run();
};

/** What somebody knows who reads the topics from their beginning. */
const heard = async (): Promise<ReadonlyMap<string, unknown>> => {
  const known = new Map<string, unknown>();
  const consumer = queue.consumer({ group: 'reader', batchSize: 100, from: 'earliest' });
  let count = 0;
  await consumer.start(compactedTopics.map(topicName), async ({ messages }) => {
    for (const { topic, key, value } of messages) {
      count += 1;
      if (value === null) known.delete(`${topic}/${key}`);
      else known.set(`${topic}/${key}`, Object(JSON.parse(value)).data);
    }
  });
  const [{ all } = { all: 0 }] = await stage.database.query<{ all: number }>(
    `select count(*) as all from tidegate_queue.messages`,
  );
  await eventually(() => count >= all);
  await consumer.stop();
  return known;
};

/** The same from the tables. */
const shouldBeKnown = async (): Promise<ReadonlyMap<string, unknown>> => {
  const known = new Map<string, unknown>();
  const news = await stage.analytics.news(undefined, 1_000_000);
  const messages = analyticsMessages(
    { sessions: news?.sessions ?? [], removed: [], months: news?.months ?? [] },
    { source: '/test', at: T0 },
  );
  for (const { topic, key, value } of messages) known.set(`${topic}/${key}`, Object(JSON.parse(value ?? '')).data);
  return known;
};

/**
 * @param room for so few rows that some customers are forgotten on the way
 * @param atOnce as few rows, so that several parts are written
 */
const rebuildOf = (
  batchSize: number,
  stopAfter = Infinity,
  room = 12,
  atOnce = 7,
): Rebuild & { readonly stop: AbortSignal } => {
  const tables = new RebuiltAnalytics(stage.database, REBUILT_ANALYTICS, atOnce);
  const end = new AbortController();
  let batches = 0;
  return {
    stop: end.signal,
    categories: analyticsCategories,
    batchSize,
    prepare: () => prepareAnalyticsRebuild(stage.database),
    checkpoint: async () => (await tables.checkpoint())?.position,
    follow: async (signal, applied) => {
      await new ProjectAnalytics(
        stage.store,
        tables,
        ({ recordedAt }, events) => {
          batches += 1;
          if (batches >= stopAfter) end.abort();
          applied(recordedAt, events);
        },
        room,
      ).follow(signal, { batchSize });
      await tables.flush();
    },
    index: () => indexAnalyticsRebuild(stage.database),
    putInPlace: () => putAnalyticsInPlace(stage.database),
  };
};

describe('the topics and a rebuild', () => {
  test('law: who reads the topics from the start ends with the tables, compacted or not; nothing is told twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happenings, { minLength: 1, maxLength: 3 }), async (courses) => {
        for (const steps of courses) {
          await happen(steps);
          await publishAll();
        }
        expect(told.length).toBe(new Set(told).size);
        const expected = await shouldBeKnown();
        expect(await heard()).toEqual(expected);
        await stage.database.query('select tidegate_queue.compact_one($1, 1)', [stage.clock.at]);
        expect(await heard()).toEqual(expected);
      }),
      { numRuns: 8, endOnFailure: true },
    );
  });

  test('what is told is as the contract says', async () => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    const isSession = ajv.compile(schemaOf(SessionWindowDto));
    const isMonth = ajv.compile(schemaOf(MauMonthDto));
    const known = [...(await heard())];
    expect(known.length).toBeGreaterThan(4);
    for (const [key, value] of known) {
      const isValid = key.includes('session-windows') ? isSession : isMonth;
      expect([key, isValid(value), isValid.errors]).toEqual([key, true, null]);
    }
  });

  test('compaction leaves one message of each key, and no old tombstone', async () => {
    // A partition that was compacted when its tombstones were young waits for as many messages again: as if none was.
    await stage.database.query('update tidegate_queue.partitions set clean_offset = 0, clean_count = 0');
    while (
      (
        await stage.database.query<{ more: boolean }>('select tidegate_queue.compact_one($1, 1) as more', [
          Number.MAX_SAFE_INTEGER,
        ])
      )[0]?.more === true
    );
    const messages = await stage.database.query<{ key: string; value: string | null }>(
      `select topic || (body::json->>'key') as key, body::json->>'value' as value from tidegate_queue.messages`,
    );
    expect(messages.length).toBe(new Set(messages.map(({ key }) => key)).size);
    expect(messages.filter(({ value }) => value === null)).toEqual([]);
    expect(await heard()).toEqual(await shouldBeKnown());
  });

  test('a rebuild, interrupted and taken up, equals the live tables row for row, and is told anew', async () => {
    const before = await rows();
    const interrupted = rebuildOf(5, 2);
    expect(await rebuild(stage.store, interrupted, interrupted.stop, () => undefined)).toMatchObject({ isDone: false });
    expect(await rows()).toEqual(before);
    // A session that the rules of now do not give: who was told of it is told that it is no more.
    await stage.database.query(
      `insert into tidegate_analytics.sessions
         (account, customer, sender, opened_at, id, opener_at, corrected_at, ends_at, restarts, received, sent_session,
          sent_template, sent_echo, first_reply_at, position)
       select account, customer, 'stale', opened_at, gen_random_uuid(), opener_at,
         corrected_at, ends_at, restarts, received, sent_session, sent_template, sent_echo, first_reply_at, position
       from tidegate_analytics.sessions limit 1`,
    );
    await stage.database.query(`delete from tidegate_views.checkpoints where name = 'analytics-publisher'`);
    await publishAll();
    expect([...(await heard()).values()].filter((value) => Object(value).sender === 'stale')).toHaveLength(1);

    const seen: number[] = [];
    const signal = new AbortController().signal;
    const { isDone, events } = await rebuild(
      stage.store,
      rebuildOf(50),
      signal,
      (progress) => void seen.push(progress.events),
    );
    expect(isDone).toBe(true);
    expect(seen.at(-1)).toBe(events);
    const after = await rows();
    // One that was removed before as well is told anew, at another position.
    const goneBefore = removedIds(before);
    expect(removedIds(after).filter((id) => !goneBefore.includes(id))).toHaveLength(1);
    expect({ ...after, removed_sessions: [] }).toEqual({ ...before, removed_sessions: [] });
    await publishAll();
    expect(await heard()).toEqual(await shouldBeKnown());

    // The next events go into the new tables.
    await happen(fc.sample(happenings, { seed: 4, numRuns: 1 })[0] ?? []);
    await publishAll();
    expect(await heard()).toEqual(await shouldBeKnown());
  });

  test.each([0, 1, 5, 40, 100_000])(
    'a rebuild that remembers %i rows gives the same tables in batches of any size',
    async (room) => {
      const before = { ...(await rows()), removed_sessions: [] };
      // Of one: then the log ends with a full batch.
      for (const batchSize of [room === 5 ? 1 : 3, 1_000]) {
        const { signal } = new AbortController();
        const tables = rebuildOf(batchSize, Infinity, room, batchSize === 3 ? 100_000 : 7);
        expect(await rebuild(stage.store, tables, signal, () => undefined)).toMatchObject({ isDone: true });
        expect({ ...(await rows()), removed_sessions: [] }).toEqual(before);
      }
    },
  );

  test('a projector of the old tables finds that they are gone', async () => {
    const live = new PostgresAnalyticsStore(stage.database);
    const at = await live.checkpoint();
    await stage.database.query('update tidegate_analytics.checkpoint set position = position - 1');
    const changes = await new ProjectAnalytics(stage.store, live).changes([]);
    const to = { position: 9_999_999, recordedAt: T0 };
    await expect(live.apply(at?.position, to, changes)).rejects.toMatchObject({ code: 'checkpoint-taken' });
    await stage.database.query('update tidegate_analytics.checkpoint set position = position + 1');
  });
});

describe('the SQL views', () => {
  test('have the columns and the words of their description, after a rebuild too', async () => {
    const columns = await stage.database.query<{ view: string; name: string; type: string; about: string }>(
      `select c.relname as view, a.attname as name, format_type(a.atttypid, null) as type, col_description(c.oid, a.attnum) as about
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
       where c.relnamespace = '${REPORTS}'::regnamespace order by c.relname, a.attnum`,
    );
    const described = reports
      .toSorted((a, b) => a.name.localeCompare(b.name))
      .flatMap(({ name: view, columns: own }) =>
        own.map(({ name, type, about }) => ({
          view,
          name,
          type: type === 'timestamptz' ? 'timestamp with time zone' : type,
          about,
        })),
      );
    expect(columns).toEqual(described);
  });

  test('say what the tables say', async () => {
    for (const { name, table } of reports) {
      const [counted] = await stage.database.query<{ a: number; b: number }>(
        `select (select count(*) from ${REPORTS}.${name}) as a, (select count(*) from tidegate_analytics.${table}) as b`,
      );
      expect(counted?.b).toBeGreaterThan(0);
      expect([name, counted?.a]).toEqual([name, counted?.b]);
    }
    const [month] = await stage.database.query<{ same: boolean }>(
      `select bool_and(m.users = (select count(*) from ${REPORTS}.active_users u where u.account = m.account and u.month = m.month)) as same
       from ${REPORTS}.months m`,
    );
    expect(month?.same).toBe(true);
    const [session] = await stage.database.query<{ same: boolean }>(
      `select bool_and(extract(epoch from r.opened_at) * 1000 = s.opened_at and (r.received ->> 'text' is null or (r.received ->> 'text')::int > 0)) as same
       from ${REPORTS}.sessions r join tidegate_analytics.sessions s on s.id = r.session_id`,
    );
    expect(session?.same).toBe(true);
    const [plain] = await stage.database.query<{ text: string }>(
      `select ${REPORTS}.plain('a\\"b\\n') || ${REPORTS}.plain('\\E') || ${REPORTS}.plain('c') as text`,
    );
    expect(plain?.text).toBe('a"b\nc');
  });
});
