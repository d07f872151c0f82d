import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageBatch } from '#application/ports/message-queue';
import { instantOf } from '#domain/time';
import { messageQueueContract } from '#testing/message-queue.contract';
import { until } from '#testing/queue/scene';
import type { Database } from './database.js';
import { DisturbedDatabase } from './disturbed-database.js';
import { partitionOf } from './embedded-producer.js';
import { EmbeddedQueue } from './embedded-queue.js';
import { GroupMembership } from './membership.js';
import { memoryDatabase } from './memory-database.js';
import { prepare } from './open-database.js';
import type { PgliteDatabase } from './pglite-database.js';
import { QueueRetention } from './queue-retention.js';

const clock = { now: () => instantOf(Date.now()) };
const quick = {
  partitions: 4,
  leaseMs: 1_000,
  handOverMs: 200,
  stopMs: 3_000,
  firstPauseMs: 40,
  longestPauseMs: 1_000,
};

let database: PgliteDatabase;
beforeAll(async () => {
  database = await memoryDatabase();
  await prepare(database);
});
afterAll(() => database.close());

messageQueueContract('EmbeddedQueue on PGlite', async () => {
  const views = new Map<unknown, DisturbedDatabase>();
  return {
    partitions: quick.partitions,
    async queue() {
      const view = new DisturbedDatabase(database);
      const queue = new EmbeddedQueue(view, clock, quick);
      views.set(queue, view);
      return await Promise.resolve(queue);
    },
    async crash(queue) {
      const view = views.get(queue);
      if (view !== undefined) view.isCut = true;
      await Promise.resolve();
    },
    async close() {},
  };
});

describe('the queue on PGlite', () => {
  const queues: EmbeddedQueue[] = [];
  const open = (options = {}, on: Database = database): EmbeddedQueue => {
    const queue = new EmbeddedQueue(on, clock, { ...quick, ...options });
    queues.push(queue);
    return queue;
  };
  const messages = (topic: string, count: number, first = 0) =>
    Array.from({ length: count }, (_, index) => ({
      topic,
      key: `key-${first + index}`,
      value: String(first + index),
      headers: {},
    }));
  const send = async (topic: string, count: number, first = 0, on = open()): Promise<void> =>
    await (await on.producer()).send(messages(topic, count, first));
  const join = async (queue: EmbeddedQueue, topic: string, handle: (batch: MessageBatch) => Promise<void> | void) => {
    const consumer = queue.consumer({ group: `${topic}-group`, batchSize: 100 });
    await consumer.start([topic], async (batch) => await handle(batch));
    return consumer;
  };
  const count = async (sql: string, topic: string): Promise<number> =>
    (await database.query<{ count: number }>(`select count(*) as count from tidegate_queue.${sql}`, [topic]))[0]
      ?.count ?? NaN;

  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.close()));
  });

  test('a key belongs to the same partition for ever', () => {
    expect(['', 'a', 'acme.4711', 'ß 🌊'].map((key) => partitionOf(key, 8))).toEqual([6, 7, 3, 1]);
  });

  test('no call overtakes an earlier one that has to make a topic first', async () => {
    const queue = open();
    await queue.createTopics(['overtaken']);
    const producer = await queue.producer();
    const [first, second] = messages('overtaken', 2).map((message) => ({ ...message, key: 'key' }));
    if (first === undefined || second === undefined) throw new Error('No messages.');
    await Promise.all([producer.send([first, { ...first, topic: 'overtaken.new' }]), producer.send([second])]);
    const seen: (string | null)[] = [];
    await join(queue, 'overtaken', ({ messages }) => void seen.push(...messages.map(({ value }) => value)));
    await until(() => seen.length === 2, 'both messages');
    expect(seen).toEqual(['0', '1']);
  });

  test('messages carry the time of the clock', async () => {
    const at = instantOf(1_780_000_000_123);
    const queue = new EmbeddedQueue(database, { now: () => at }, quick);
    queues.push(queue);
    await send('clock', 1, 0, queue);
    let seen: number | undefined;
    await join(queue, 'clock', ({ messages }) => void (seen = messages[0]?.at));
    await until(() => seen !== undefined, 'the message');
    expect(seen).toBe(at);
  });

  test('a member that is cut off aborts its batches when its lease is over, and goes on where it stood after that', async () => {
    await send('cut-off', 3);
    const view = new DisturbedDatabase(database);
    const batches: MessageBatch[] = [];
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    await join(open({ partitions: 1, leaseMs: 300 }, view), 'cut-off', async (batch) => {
      batches.push(batch);
      await released;
    });
    await until(() => batches.length > 0, 'a first batch');
    const running = batches.length;
    view.isCut = true;
    await until(() => batches.every(({ signal }) => signal.aborted), 'the end of the lease');
    view.isCut = false;
    // The handler still runs: so its partition waits, though it is held again.
    await sleep(400);
    expect(batches).toHaveLength(running);
    release();
    await until(() => batches.slice(running).flatMap((batch) => batch.messages).length === 3, 'all of it again');
  });

  test('large messages make small batches, and none is left out', async () => {
    const queue = open({ partitions: 1 });
    const value = 'x'.repeat(900_000);
    const producer = await queue.producer();
    await producer.send(Array.from({ length: 8 }, () => ({ topic: 'bulky', key: 'key', value, headers: {} })));
    const batches: number[][] = [];
    await join(queue, 'bulky', ({ messages }) => void batches.push(messages.map(({ offset }) => offset)));
    await until(() => batches.flat().length === 8, 'all messages');
    expect(batches).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [6, 7],
    ]);
  });

  test('a commit that got no answer is tried again, and nothing comes twice', async () => {
    await send('lost-commit', 1);
    const view = new DisturbedDatabase(database);
    view.loseReplyTo(/update tidegate_queue.claims set next_offset/);
    const seen: (string | null)[] = [];
    await join(open({}, view), 'lost-commit', ({ messages }) => void seen.push(...messages.map(({ value }) => value)));
    await until(() => seen.length > 0, 'the message');
    await send('lost-commit', 1, 1);
    await until(() => seen.includes('1'), 'the next message');
    expect(seen).toEqual(['0', '1']);
  });

  test('a claim that changed hands can no longer be committed, nor an earlier one of the same member', async () => {
    await open({ partitions: 1 }).createTopics(['fenced']);
    const [brief, heir] = [0, 60_000].map((leaseMs) => new GroupMembership(database, 'fenced', ['fenced'], leaseMs));
    const [first] = (await brief?.renew())?.claims ?? [];
    const [second] = (await heir?.renew())?.claims ?? [];
    if (first === undefined || second === undefined) throw new Error('Nothing was claimed.');
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect(await brief?.commit(first, 7)).toBe(false);
    expect(await heir?.commit(first, 7)).toBe(false);
    expect(await heir?.commit(second, 5)).toBe(true);
    // Releasing what was lost takes nothing from the heir.
    await brief?.release([first]);
    expect((await heir?.renew())?.claims).toEqual([{ ...second, offset: 5 }]);
  });

  test('pauses between attempts double up to the longest', async () => {
    await send('pauses', 1);
    const attempts: number[] = [];
    await join(open({ firstPauseMs: 20, longestPauseMs: 80, leaseMs: 60_000 }), 'pauses', () => {
      attempts.push(performance.now());
      throw new Error('Never.');
    });
    await until(() => attempts.length === 7, 'seven attempts');
    const [first = 0, , third = 0, , , sixth = 0, seventh = 0] = attempts;
    // Nothing else wakes the member: it has to wake by itself.
    expect(seventh - first).toBeLessThan(950);
    expect(third - first).toBeGreaterThan(0.75 * (20 + 40));
    expect(sixth - third).toBeGreaterThan(0.75 * (80 + 80 + 80));
  });

  test('partitions that need not move stay with their member', async () => {
    const counts: number[] = [];
    const aborted: boolean[] = [];
    const held: MessageBatch[] = [];
    await send('sticky', 40);
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    await join(open(), 'sticky', async (batch) => {
      held.push(batch);
      await released;
    });
    await until(() => held.length === quick.partitions, 'a batch of each partition');
    await join(open(), 'sticky', ({ messages }) => void counts.push(messages.length));
    await until(() => counts.length === quick.partitions / 2, 'half of the partitions for the new member');
    aborted.push(...held.map(({ signal }) => signal.aborted));
    expect(aborted.filter(Boolean)).toHaveLength(quick.partitions / 2);
    release();
  });

  test('stop aborts what does not end in time, and commits what was finished', async () => {
    await send('stubborn', 1);
    await send('stubborn', 1);
    const queue = open({ partitions: 1, stopMs: 50 });
    let batch: MessageBatch | undefined;
    const consumer = await join(queue, 'stubborn', async (given) => {
      batch = given;
      const [first] = given.messages;
      if (first !== undefined) given.finished(first);
      await new Promise((_, reject) => given.signal.addEventListener('abort', () => reject(new Error('aborted'))));
    });
    await until(() => batch !== undefined, 'the batch');
    await consumer.stop();
    expect(batch?.signal.aborted).toBe(true);
    expect(await count('claims where topic = $1 and owner is not null', 'stubborn')).toBe(0);
    expect(await count('claims where topic = $1 and next_offset = 1', 'stubborn')).toBe(1);
  });

  test('stopping while it starts leaves no member behind', async () => {
    const consumer = open().consumer({ group: 'brief', batchSize: 1 });
    const starting = consumer.start(['brief'], async () => {});
    await consumer.stop();
    await starting;
    expect(await count('members where consumer_group = $1', 'brief')).toBe(0);
  });

  test('what cannot be understood ends the consumer for good', async () => {
    await send('broken', 1);
    await database.query(`update tidegate_queue.messages set body = '{"key":1}' where topic = 'broken'`);
    const consumer = await join(open(), 'broken', () => {});
    expect(await consumer.dead).toMatchObject({ code: 'store-corrupt' });
  });

  describe('retention', () => {
    const day = 24 * 60 * 60_000;
    const later = (days: number) => ({ now: () => instantOf(Date.now() + days * day) });
    const options = { retentionMs: 7 * day, idleGroupMs: 30 * day };
    const stored = (topic: string) => count('messages where topic = $1', topic);

    test('removes what is old and finished by all groups, in as many steps as it takes', async () => {
      await send('retained', 2_500);
      let seen = 0;
      const consumer = await join(
        open({ partitions: 1 }),
        'retained',
        ({ messages }) => void (seen += messages.length),
      );
      await until(() => seen === 2_500, 'all messages');
      await consumer.stop();
      await send('retained', 5);
      for (const [days, left] of [
        [6, 2_505],
        [8, 5],
        [31, 5],
      ] as const) {
        const retention = new QueueRetention(database, later(days), options);
        await retention.run();
        await retention.stop();
        expect(await stored('retained')).toBe(left);
      }
    });

    test('waits for a group that died, until it was idle for too long', async () => {
      await send('died', 3);
      const view = new DisturbedDatabase(database);
      const seen: unknown[] = [];
      await join(open({}, view), 'died', ({ messages }) => void seen.push(...messages));
      await until(() => seen.length === 3, 'all messages');
      view.isCut = true;
      await send('died', 3, 3);
      const retention = new QueueRetention(database, later(40), options);
      const daysAgo = async (days: number): Promise<void> => {
        const at = `clock_timestamp() - interval '${days} days'`;
        await database.query(`update tidegate_queue.claims set used_at = ${at} where topic = 'died'`);
        await database.query(
          `update tidegate_queue.members set expires_at = ${at} where consumer_group = 'died-group'`,
        );
      };
      await daysAgo(29);
      await retention.run();
      expect(await stored('died')).toBe(3);
      await daysAgo(31);
      await retention.run();
      expect(await stored('died')).toBe(0);
      await retention.stop();
    });

    test('a stop does not wait for all that is left to remove', async () => {
      await send('large', 2_500, 0, open({ partitions: 1 }));
      const retention = new QueueRetention(database, later(8), options);
      const removing = retention.run();
      await retention.stop();
      await removing;
      expect(await stored('large')).toBeGreaterThan(0);
      await new QueueRetention(database, later(8), options).run();
      expect(await stored('large')).toBe(0);
    });

    test('goes by time alone where nobody reads, and where a group was given up', async () => {
      await send('unread', 3);
      await (await join(open(), 'given-up', () => new Promise(() => {}))).stop();
      await send('given-up', 3);
      await database.query(
        `update tidegate_queue.claims set used_at = clock_timestamp() - interval '31 days' where topic = 'given-up'`,
      );
      const retention = new QueueRetention(database, later(8), options);
      await retention.run();
      await retention.stop();
      expect(await stored('unread')).toBe(0);
      expect(await stored('given-up')).toBe(0);
      // A reader that comes then goes on behind the gap.
      await send('given-up', 1, 3);
      const seen: (string | null)[] = [];
      await join(open(), 'given-up', ({ messages }) => void seen.push(...messages.map(({ value }) => value)));
      await until(() => seen.length === 1, 'the message behind the gap');
      expect(seen).toEqual(['3']);
    });
  });
});
