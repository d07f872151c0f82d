import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { NO_STREAM } from '#application/ports/event-store';
import { instantOf } from '#domain/time';
import { eventStoreContract } from '#testing/event-store.contract';
import { newMessage } from '#testing/events';
import { messageQueueContract } from '#testing/message-queue.contract';
import { startPostgres, type PostgresServer } from '#testing/postgres';
import { DisturbedDatabase } from './disturbed-database.js';
import { EmbeddedQueue } from './embedded-queue.js';
import { openDatabase, prepare } from './open-database.js';
import { PostgresEventStore } from './postgres-event-store.js';
import { PostgresProjectionStore } from './postgres-projection-store.js';
import { PostgresReadModel } from './postgres-read-model.js';
import { readModelContract } from './read-model.contract.js';
import type { Views } from './read-model-rows.contract.js';
import { ServerDatabase } from './server-database.js';

jest.setTimeout(60_000);

const clock = { now: () => instantOf(Date.now()) };
const quick = {
  partitions: 4,
  leaseMs: 2_000,
  handOverMs: 300,
  stopMs: 3_000,
  firstPauseMs: 40,
  longestPauseMs: 1_000,
};

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(() => server.stop());

test.each(['same int', 'same int, more int'])(
  'a statement that a connection keeps reads the table that was put in the place of another (%s)',
  async (columns) => {
    const database = new ServerDatabase(await server.createDatabase(), { connections: 1 });
    const made = (schema: string, to: string, same: number) =>
      database.script(
        `create schema ${schema}; create table ${schema}.t (${to}); insert into ${schema}.t (same) values (${same})`,
      );
    const read = () => database.query<{ same: number }>('select * from live.t where same > $1', [0]);
    await made('live', 'same int', 1);
    expect(await read()).toMatchObject([{ same: 1 }]);
    await made('next', columns, 2);
    await database.script('drop schema live cascade; alter schema next rename to live');
    expect(await read()).toMatchObject([{ same: 2 }]);
    await database.close();
  },
);

eventStoreContract(
  'Postgres',
  async () => {
    const url = await server.createDatabase();
    const [database, otherDatabase] = [new ServerDatabase(url), new ServerDatabase(url)];
    await prepare(database);
    const disturbed = new DisturbedDatabase(database);
    const store = new PostgresEventStore(disturbed, clock);
    return {
      store,
      other: new PostgresEventStore(otherDatabase, clock),
      async disrupt(disruption) {
        if (disruption === 'lost-reply') disturbed.loseReplyTo(/append_events/);
        else await server.cutConnections();
      },
      async close() {
        await database.close();
        await otherDatabase.close();
      },
    };
  },
  ['lost-reply', 'cut-connections'],
);

messageQueueContract('EmbeddedQueue on Postgres', async () => {
  const url = await server.createDatabase();
  const database = await openDatabase(url);
  const views = new Map<unknown, DisturbedDatabase>();
  return {
    partitions: quick.partitions,
    async queue() {
      // As another process would, each over connections of its own.
      const view = new DisturbedDatabase(new ServerDatabase(url, { connections: 3 }));
      const queue = new EmbeddedQueue(view, clock, quick);
      const close = queue.close.bind(queue);
      views.set(queue, view);
      return await Promise.resolve(Object.assign(queue, { close: () => close().then(() => view.end()) }));
    },
    async crash(queue) {
      const view = views.get(queue);
      if (view !== undefined) view.isCut = true;
      await Promise.resolve();
    },
    close: () => database.close(),
  };
});

describe('the read model on Postgres', () => {
  let database: ServerDatabase;
  let views: Views;
  beforeAll(async () => {
    database = new ServerDatabase(await server.createDatabase());
    await prepare(database);
    views = { model: new PostgresReadModel(database), store: new PostgresProjectionStore(database) };
  });
  afterAll(() => database.close());

  readModelContract('Postgres', () => views);
});

describe('a Postgres server', () => {
  let url: string;
  let database: ServerDatabase;
  beforeEach(async () => {
    url = await server.createDatabase();
    database = new ServerDatabase(url);
  });
  afterEach(() => database.close());

  test('is brought up to date once, by many processes that start together', async () => {
    const starters = Array.from({ length: 6 }, () => new ServerDatabase(url, { connections: 1 }));
    await Promise.all(starters.map((starter) => prepare(starter)));
    await prepare(database);
    const applied = await database.query<{ count: number }>(
      'select count(*) as count from tidegate_log.applied_scripts',
    );
    expect(applied).toEqual([{ count: 1 }]);
    await Promise.all(starters.map((starter) => starter.close()));
  });

  test('reads int8 as a number and json as text', async () => {
    const rows = await database.query(`select 9007199254740991::bigint as int, '{"a": 1}'::json as json, null as none`);
    expect(rows).toEqual([{ int: 9_007_199_254_740_991, json: '{"a": 1}', none: null }]);
  });

  test('rolls back what failed, and keeps the connection of it usable', async () => {
    await database.script('create table t (id int primary key)');
    const one = new ServerDatabase(url, { connections: 1 });
    const doubled = one.transaction(async (transaction) => {
      await transaction.query('insert into t values (1)');
      await transaction.query('insert into t values (1)');
    });
    // A mistake of ours, not of the connection.
    await expect(doubled).rejects.toMatchObject({ code: '23505' });
    expect(await one.query('select * from t')).toEqual([]);
    await one.close();
  });

  test('copies several tables at once, all or nothing, and keeps the connection usable', async () => {
    await database.script('create table a (id int primary key); create table b (id int)');
    const one = new ServerDatabase(url, { connections: 1 });
    const copied = (first: string, second: string): Promise<void> =>
      one.transaction((transaction) =>
        transaction.copy([
          { into: 'a (id)', rows: first },
          { into: 'b (id)', rows: second },
        ]),
      );
    const many = Array.from({ length: 200_000 }, (_, index) => `${index}\n`).join('');
    await copied(many, '1\n2\n');
    // The first of them fails when the rows of both are on their way.
    await expect(copied(many, many)).rejects.toMatchObject({ code: '23505' });
    await expect(copied('-1\n', 'x\n')).rejects.toMatchObject({ code: '22P02' });
    await copied('-2\n', '3\n');
    await one.transaction((transaction) => transaction.copy([]));
    expect(await one.query('select count(*) as count from a')).toEqual([{ count: 200_001 }]);
    expect(await one.query('select id from b order by id')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
    await one.close();
  });

  test('tells listeners of other processes, also after the connection broke', async () => {
    const other = new ServerDatabase(url);
    const heard: (string | undefined)[] = [];
    const end = database.listen('channel', (payload) => heard.push(payload));
    const until = async (condition: () => boolean): Promise<void> => {
      for (const deadline = Date.now() + 10_000; !condition() && Date.now() < deadline;) await sleep(5);
      expect(condition()).toBe(true);
    };
    // Listening begins with the word that something may have been missed.
    await until(() => heard.includes(undefined));
    other.notify('channel', 'first');
    await until(() => heard.includes('first'));

    heard.length = 0;
    await server.cutConnections();
    await until(() => heard.includes(undefined));
    other.notify('channel', 'second');
    await until(() => heard.includes('second'));

    end();
    heard.length = 0;
    database.listen('other channel', (payload) => heard.push(payload));
    await until(() => heard.includes(undefined));
    other.notify('channel', 'third');
    other.notify('other channel', 'fourth');
    await until(() => heard.includes('fourth'));
    expect(heard).not.toContain('third');
    await other.close();
  });

  test('a cut in the middle of a transaction is told as such, and leaves nothing', async () => {
    await database.script('create table t (id int primary key)');
    const cut = database.transaction(async (transaction) => {
      await transaction.query('insert into t values (1)');
      await server.cutConnections();
      await transaction.query('insert into t values (2)');
    });
    await expect(cut).rejects.toMatchObject({ name: 'InfrastructureError', code: 'database-unavailable' });
    expect(await database.query('select * from t')).toEqual([]);
  });

  test('answers nothing when it is not there, in the words of each port', async () => {
    const nowhere = new ServerDatabase('postgres://tidegate:tidegate@127.0.0.1:1/tidegate');
    const store = new PostgresEventStore(nowhere, clock);
    const queue = new EmbeddedQueue(nowhere, clock);
    const event = { stream: 'customer-a.b', expectedRevision: NO_STREAM, events: [newMessage()] };
    expect(await store.append([event])).toMatchObject([{ kind: 'unknown' }]);
    await expect(store.ping()).rejects.toMatchObject({ code: 'store-unavailable' });
    await expect(store.readStreams([])).rejects.toMatchObject({ code: 'store-unavailable' });
    await expect(new PostgresReadModel(nowhere).ping()).rejects.toMatchObject({ code: 'database-unavailable' });
    await expect(queue.ping()).rejects.toMatchObject({ code: 'queue-unavailable' });
    const message = { topic: 't', key: 'k', value: 'v', headers: {} };
    await expect((await queue.producer()).send([message])).rejects.toMatchObject({ code: 'queue-unavailable' });
    const consumer = queue.consumer({ group: 'g', batchSize: 1 });
    await expect(consumer.start(['t'], async () => {})).rejects.toMatchObject({ code: 'queue-unavailable' });
    await queue.close();
    await nowhere.close();
  });

  test('a wrong password is a matter of configuration', async () => {
    const refused = openDatabase(url.replace(':tidegate@', ':wrong@'));
    await expect(refused).rejects.toMatchObject({ code: 'config-invalid' });
  });
});
