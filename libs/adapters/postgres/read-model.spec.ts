import { initialCustomer } from '#domain/gate/state';
import { memoryDatabase } from './memory-database.js';
import { prepare } from './open-database.js';
import type { PgliteDatabase } from './pglite-database.js';
import { PostgresProjectionStore } from './postgres-projection-store.js';
import { PostgresReadModel } from './postgres-read-model.js';
import { readModelContract } from './read-model.contract.js';
import { noChanges, type Views } from './read-model-rows.contract.js';
import { prepareRebuild, putInPlace, REBUILT_VIEWS } from './view-rebuild.js';

describe('the read model on PGlite', () => {
  let database: PgliteDatabase;
  let views: Views;
  beforeAll(async () => {
    database = await memoryDatabase();
    await prepare(database);
    views = { model: new PostgresReadModel(database), store: new PostgresProjectionStore(database) };
  });
  afterAll(() => database.close());

  readModelContract('PGlite', () => views);

  test('a state that was not written so is not handed out', async () => {
    await database.query(`insert into tidegate_views.customers values ('damaged', 'a', 1, '{"windows":[]}')`);
    const read = views.model.customers([{ account: 'damaged', customer: 'a' }]);
    await expect(read).rejects.toMatchObject({ code: 'store-corrupt' });
  });

  test('a rebuilt read model takes the place of the live one, with the checkpoints that own no rows', async () => {
    const { model, store } = views;
    const key = { account: 'rebuilt', customer: 'a' };
    const row = (revision: number) => ({ ...noChanges, customers: [{ ...key, revision, state: initialCustomer }] });
    await store.apply('live', undefined, 5, row(5));
    await store.moveCheckpoint('publisher', undefined, 4);

    await prepareRebuild(database);
    const rebuilt = new PostgresProjectionStore(database, REBUILT_VIEWS);
    await rebuilt.apply('live', undefined, 3, row(3));
    expect(await model.customers([key])).toMatchObject([{ revision: 5 }]);
    await putInPlace(database);

    expect(await model.customers([key])).toMatchObject([{ revision: 3 }]);
    expect(await store.checkpoint('publisher')).toBe(4);
    await expect(store.apply('live', 5, 6, row(6))).rejects.toMatchObject({ code: 'checkpoint-taken' });
    await store.apply('live', 3, 6, row(6));
    expect(await model.customers([key])).toMatchObject([{ revision: 6 }]);
    // And once more: the name is free again.
    await prepareRebuild(database);
    expect(await rebuilt.checkpoint('live')).toBeUndefined();
  });
});
