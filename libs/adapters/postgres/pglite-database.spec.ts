import { memoryDatabase } from './memory-database.js';
import type { PgliteDatabase } from './pglite-database.js';

describe('PGlite', () => {
  let database: PgliteDatabase;
  beforeAll(async () => {
    database = await memoryDatabase();
  });
  afterAll(() => database.close());

  test('reads int8 as a number and json as text', async () => {
    const rows = await database.query(`select 9007199254740991::bigint as int, '{"a": 1}'::json as json, null as none`);
    expect(rows).toEqual([{ int: 9_007_199_254_740_991, json: '{"a": 1}', none: null }]);
  });

  test('transactions come one after the other, and what failed leaves nothing', async () => {
    await database.script('create table t (id int primary key)');
    const failed = database.transaction(async (transaction) => {
      await transaction.query('insert into t values (1)');
      throw new Error('no');
    });
    const stored = database.transaction(async (transaction) => {
      await transaction.query('insert into t values (2)');
      return await transaction.query('select * from t');
    });
    await expect(failed).rejects.toThrow('no');
    expect(await stored).toEqual([{ id: 2 }]);
    expect(await database.query('select * from t')).toEqual([{ id: 2 }]);
  });

  test('tells listeners of the same channel until they end', () => {
    const heard: (string | undefined)[] = [];
    const end = database.listen('a', (payload) => heard.push(payload));
    database.notify('a', '1');
    database.notify('b', '2');
    end();
    database.notify('a', '3');
    expect(heard).toEqual(['1']);
  });

  test('timers go on while one statement follows the other', async () => {
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 1);
    const until = performance.now() + 200;
    while (performance.now() < until) await database.query('select 1');
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(10);
  });

  test('a statement that comes before the database is closed, and whose turn comes after, is refused', async () => {
    const closed = await memoryDatabase();
    const [statement] = await Promise.allSettled([closed.query('select 1'), closed.close()]);
    expect(statement).toMatchObject({ status: 'rejected', reason: { code: 'database-unavailable' } });
  });

  test('the space of replaced rows is used again', async () => {
    await database.script('create schema tidegate_vacuum; create table tidegate_vacuum.t (id int, text text)');
    const replaceAll = () =>
      database.script(`
        delete from tidegate_vacuum.t;
        insert into tidegate_vacuum.t select i, repeat('x', 500) from generate_series(1, 1000) i;`);
    const pages = async () =>
      (await database.query<{ size: number }>(`select pg_relation_size('tidegate_vacuum.t') as size`))[0]?.size ?? 0;
    await replaceAll();
    const once = await pages();
    for (let round = 0; round < 6; round += 1) {
      await replaceAll();
      await database.vacuum();
    }
    expect(await pages()).toBeLessThanOrEqual(3 * once);
  });
});
