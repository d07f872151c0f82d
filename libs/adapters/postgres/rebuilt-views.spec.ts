import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CustomerKey, DecisionRow } from '#application/ports/read-model';
import { initialCustomer } from '#domain/gate/state';
import { instantOf } from '#domain/time';
import { memoryDatabase } from './memory-database.js';
import { prepare } from './open-database.js';
import type { PgliteDatabase } from './pglite-database.js';
import { noChanges, openRow } from './read-model-rows.contract.js';
import { RebuiltViews } from './rebuilt-views.js';
import { dropRebuild, indexRebuild, prepareRebuild, REBUILT_VIEWS } from './view-rebuild.js';

const FACT = '00000000-0000-4000-8000-000000000001';
const a: CustomerKey = { account: 'acme', customer: 'a' };
const b: CustomerKey = { account: 'acme', customer: 'b' };
const at = (key: CustomerKey, revision: number) => ({ ...key, revision, state: initialCustomer });
const decision = (key: CustomerKey, revision: number): DecisionRow => ({
  ...key,
  intentId: 'i',
  fingerprint: 'f',
  outcome: 'refused',
  reason: 'a\ttab\\',
  delivery: null,
  commandId: null,
  providerMessageId: null,
  sender: '15550001111',
  decidedAt: instantOf(0),
  revision,
  position: revision,
  decidedIn: key.customer,
  decidedAs: revision,
});

describe('the read model that a rebuild fills', () => {
  let database: PgliteDatabase;
  let views: RebuiltViews;
  beforeAll(async () => {
    database = await memoryDatabase();
    await prepare(database);
  });
  beforeEach(async () => {
    await dropRebuild(database);
    await prepareRebuild(database);
    views = new RebuiltViews(database, REBUILT_VIEWS, 1_000);
  });
  afterAll(() => database.close());

  const count = async (table: string): Promise<number> => {
    const [row] = await database.query<{ count: number }>(`select count(*) as count from ${REBUILT_VIEWS}.${table}`);
    return row?.count ?? 0;
  };

  test('a row that changes many times is written once, with the checkpoint; until then it is read as it was gathered', async () => {
    await views.apply('views', undefined, 1, {
      ...noChanges,
      begun: { ...noChanges.begun, customers: [at(a, 0)] },
    });
    await views.apply('views', 1, 2, { ...noChanges, customers: [at(a, 1)], decisions: [decision(a, 1)] });
    expect([await count('customers'), await views.checkpoint('views')]).toEqual([0, undefined]);
    expect(await views.customers([a, b])).toEqual([at(a, 1)]);
    expect(await views.decisions([{ ...a, intentId: 'i' }])).toEqual([decision(a, 1)]);
    await views.flush();
    expect([await count('customers'), await views.checkpoint('views')]).toEqual([1, 2]);
    const stored = new RebuiltViews(database);
    expect(await stored.customers([a])).toEqual([at(a, 1)]);
    expect(await stored.decisions([{ ...a, intentId: 'i' }])).toEqual([decision(a, 1)]);
  });

  test('a row that is there although it should not be is written over', async () => {
    await views.apply('views', undefined, 1, { ...noChanges, customers: [at(a, 0)] });
    await views.flush();
    const begun = { ...noChanges.begun, customers: [at(a, 2)], facts: [FACT] };
    await views.apply('views', 1, 3, { ...noChanges, begun });
    await views.flush();
    expect(await views.checkpoint('views')).toBe(3);
    expect(await new RebuiltViews(database).customers([a])).toEqual([at(a, 2)]);
    expect(await count('facts')).toBe(1);
  });

  test('an open intent is written as it stands at the end; one that came and went meanwhile is not', async () => {
    const row = (intentId: string, wakeAt: number) => ({ ...openRow({ ...a, intentId }), wakeAt: instantOf(wakeAt) });
    const begun = {
      ...noChanges.begun,
      customers: [at(a, 0)],
      openIntents: ['kept', 'gone', 'back'].map((id) => row(id, 1)),
    };
    await views.apply('views', undefined, 1, { ...noChanges, begun });
    await views.apply('views', 1, 2, {
      ...noChanges,
      openIntents: [row('kept', 2)],
      closed: [row('gone', 1), row('back', 1)],
    });
    const again = { ...noChanges.begun, openIntents: [row('back', 3)] };
    await views.apply('views', 2, 3, { ...noChanges, begun: again });
    await views.flush();
    const stored = () =>
      database.query(`select intent_id, wake_at from ${REBUILT_VIEWS}.open_intents order by intent_id`);
    expect(await stored()).toEqual([
      { intent_id: 'back', wake_at: 3 },
      { intent_id: 'kept', wake_at: 2 },
    ]);
    // Of one that is stored, what it became later on too.
    await views.apply('views', 3, 4, { ...noChanges, closed: [row('back', 3), row('kept', 2)] });
    await views.apply('views', 4, 5, { ...noChanges, begun: { ...noChanges.begun, openIntents: [row('kept', 4)] } });
    await views.flush();
    expect(await stored()).toEqual([{ intent_id: 'kept', wake_at: 4 }]);
  });

  test('a user who counts twice counts once in the month', async () => {
    const user = { ...a, month: '2026-01', firstAt: instantOf(1), firstEventId: 'e1' };
    const begun = { ...noChanges.begun, customers: [at(a, 0)] };
    await views.apply('views', undefined, 1, { ...noChanges, activeUsers: [user], begun });
    await views.apply('views', 1, 2, {
      ...noChanges,
      customers: [at(a, 1)],
      activeUsers: [{ ...user, firstEventId: 'e2' }],
    });
    await views.flush();
    await views.apply('views', 2, 3, {
      ...noChanges,
      customers: [at(a, 2)],
      activeUsers: [{ ...user, firstEventId: 'e3' }],
    });
    await views.flush();
    expect(await database.query(`select users from ${REBUILT_VIEWS}.active_months`)).toEqual([{ users: 1 }]);
    expect(await database.query(`select first_event_id from ${REBUILT_VIEWS}.active_users`)).toEqual([
      { first_event_id: 'e1' },
    ]);
  });

  test.each([true, false])(
    'what comes after a takeover of the same customer is not written before it (read in between: %s)',
    async (isRead) => {
      const takeover = { account: 'acme', from: 'a', to: 'b', revision: 5, intentIds: [] };
      const begun = { ...noChanges.begun, customers: [at(a, 1), at(b, 5)] };
      const decisions = [decision(a, 1)];
      await views.apply('views', undefined, 1, { ...noChanges, decisions, takeovers: [takeover], begun });
      const moved = { ...decision(b, 5), position: 1, decidedIn: 'a', decidedAs: 1 };
      const read = isRead ? await views.decisions([{ ...b, intentId: 'i' }]) : [moved];
      expect(read).toEqual([moved]);
      const next = { ...moved, revision: 6 };
      const later = { ...decision(a, 2), intentId: 'j' };
      await views.apply('views', 1, 2, { ...noChanges, customers: [at(a, 2), at(b, 6)], decisions: [next, later] });
      await views.flush();
      expect(await count('decisions')).toBe(2);
      const stored = new RebuiltViews(database);
      expect(await stored.decisions([{ ...b, intentId: 'i' }])).toEqual([next]);
      // It came after the takeover, and so did not move.
      expect(await stored.decisions([{ ...a, intentId: 'j' }])).toEqual([later]);
    },
  );

  test('a write that fails moves no checkpoint, and is told by the next one', async () => {
    await database.script(`alter table ${REBUILT_VIEWS}.customers add constraint broken check (customer <> 'b')`);
    await views.apply('views', undefined, 1, { ...noChanges, customers: [at(a, 0)] });
    await views.flush();
    await views.apply('views', 1, 2, { ...noChanges, customers: [at(a, 1), at(b, 0)] });
    await expect(views.flush()).rejects.toThrow('broken');
    const next = new RebuiltViews(database);
    expect(await next.checkpoint('views')).toBe(1);
    expect(await next.customers([a])).toEqual([at(a, 0)]);
  });

  test('a fact that the log has twice counts once; its key is made at the end, and once', async () => {
    await views.apply('views', undefined, 1, { ...noChanges, facts: [FACT, FACT] });
    await views.flush();
    expect(await count('facts')).toBe(2);
    await indexRebuild(database);
    expect(await count('facts')).toBe(1);
    await indexRebuild(database);
    // One that is known already comes again, behind the key.
    await views.apply('views', 1, 2, { ...noChanges, facts: [FACT] });
    await views.flush();
    expect([await count('facts'), await views.checkpoint('views')]).toEqual([1, 2]);
    // Tables of a rebuild that is taken up keep theirs.
    await prepareRebuild(database);
    await expect(database.query(`insert into ${REBUILT_VIEWS}.facts values ('${FACT}')`)).rejects.toThrow('facts_pkey');
  });
});
