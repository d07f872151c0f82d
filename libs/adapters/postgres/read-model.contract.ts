import { randomUUID } from 'node:crypto';
import {
  type CustomerKey,
  type CustomerRow,
  type DecisionRow,
  type ProjectionChanges,
  type Takeover,
} from '#application/ports/read-model';
import { initialAccount } from '#domain/account';
import { initialCustomer } from '#domain/gate/state';
import { initialTemplate } from '#domain/template';
import { openIntentsContract } from './open-intents.contract.js';
import { at, awkward, decisionOf, noChanges, stateOf, type Views } from './read-model-rows.contract.js';

/** What every pair of read model and projection store on one database must keep. Works beside other tests' rows. */
export const readModelContract = (name: string, opened: () => Views): void => {
  describe(`read model contract: ${name}`, () => {
    let account: string;
    let projection: string;
    let position: number | undefined;
    beforeEach(() => {
      account = `t${randomUUID().replaceAll('-', '')}`;
      projection = `projection-${account}`;
      position = undefined;
    });
    const apply = async (changes: Partial<ProjectionChanges>): Promise<void> => {
      const to = (position ?? 0) + 10;
      await opened().store.apply(projection, position, to, { ...noChanges, ...changes });
      position = to;
    };
    const customer = (id: string): CustomerKey => ({ account, customer: id });

    test('late facts come in the order of the log, behind a position, each once', async () => {
      const { model } = opened();
      const from = Math.floor(Math.random() * 2 ** 40);
      const row = (behind: number) => ({ position: from + behind, stream: `customer-${account}.${behind}` });
      await apply({ lateFacts: [row(3), row(1)] });
      await apply({ lateFacts: [row(1), row(2)] });
      expect(await model.lateFacts(from, 2)).toEqual([row(1), row(2)]);
      expect(await model.lateFacts(from + 2, 1)).toEqual([row(3)]);
    });

    describe('customers and decisions', () => {
      test('come back as they were written, from both sides, and what is missing does not', async () => {
        const { model, store } = opened();
        const rows: readonly CustomerRow[] = [
          { ...customer('a'), revision: 4, state: stateOf('15550001111') },
          { ...customer(awkward), revision: 0, state: stateOf(awkward) },
          { ...customer(''), revision: 0, state: initialCustomer },
        ];
        const decisions = [
          decisionOf(customer('a')),
          decisionOf(customer('a'), { intentId: awkward, reason: awkward, fingerprint: '', sender: awkward }),
          decisionOf(customer('b'), { outcome: 'held', reason: 'scheduled', delivery: null, commandId: null }),
        ];
        await apply({ customers: rows, decisions });
        for (const side of [model, store]) {
          const found = await side.customers([...rows, customer('missing')]);
          expect(new Set(found)).toEqual(new Set(rows));
          const missing = { ...customer('a'), intentId: 'missing' };
          expect(new Set(await side.decisions([...decisions, missing]))).toEqual(new Set(decisions));
          expect(await side.customers([])).toEqual([]);
          expect(await side.decisions([])).toEqual([]);
        }
        expect(await model.customers([customer('')])).toEqual([rows[2]]);
      });

      test('are never replaced by older ones', async () => {
        const { model } = opened();
        const [newer, older] = [stateOf('newer'), stateOf('older')];
        await apply({
          customers: [{ ...customer('a'), revision: 5, state: newer }],
          decisions: [decisionOf(customer('a'), { revision: 5, outcome: 'refused' })],
        });
        await apply({
          customers: [{ ...customer('a'), revision: 4, state: older }],
          decisions: [decisionOf(customer('a'), { revision: 4, outcome: 'held' })],
        });
        expect(await model.customers([customer('a')])).toEqual([{ ...customer('a'), revision: 5, state: newer }]);
        expect(await model.decisionsByIntentId(account, 'intent', 10)).toMatchObject([{ outcome: 'refused' }]);
      });

      test('a decision keeps its revision while its delivery goes on', async () => {
        const { model } = opened();
        await apply({ decisions: [decisionOf(customer('a'))] });
        await apply({ decisions: [decisionOf(customer('a'), { delivery: 'accepted', providerMessageId: 'wamid.1' })] });
        const intent = { ...customer('a'), intentId: 'intent' };
        expect(await model.decisions([intent])).toMatchObject([{ delivery: 'accepted' }]);
        expect(await model.intentsByProviderMessage(account, ['wamid.1', 'wamid.2'])).toEqual(
          new Map([['wamid.1', intent]]),
        );
        expect(await model.intentsByProviderMessage(`${account}x`, ['wamid.1'])).toEqual(new Map());
        expect(await model.intentsByProviderMessage(account, [])).toEqual(new Map());
      });

      test('the decisions on one intent id of several customers come latest first, at most so many', async () => {
        const { model } = opened();
        const decisions = ['a', 'b', 'c'].map((id, index) => decisionOf(customer(id), { decidedAt: at(index) }));
        await apply({ decisions: [...decisions, decisionOf(customer('a'), { intentId: 'other' })] });
        expect(await model.decisionsByIntentId(account, 'intent', 10)).toEqual(decisions.toReversed());
        expect(await model.decisionsByIntentId(account, 'intent', 2)).toHaveLength(2);
        expect(await model.decisionsByIntentId(`${account}x`, 'intent', 2)).toEqual([]);
      });
    });

    describe('takeovers', () => {
      const user = (id: string, month: string) => ({ ...customer(id), month, firstAt: at(0), firstEventId: id });
      const takeover = (change: Partial<Takeover> = {}): Takeover => ({
        account,
        from: 'loser',
        to: 'survivor',
        revision: 9,
        intentIds: [],
        ...change,
      });

      test('case 23: decisions become the survivor’s, where it has none of its own or the other’s goes on', async () => {
        const { model } = opened();
        const decided = (id: string, intentId: string, change: Partial<DecisionRow> = {}) =>
          decisionOf(customer(id), { intentId, revision: 50, ...change });
        await apply({
          decisions: [
            decided('loser', 'own', { outcome: 'refused' }),
            decided('survivor', 'own', { outcome: 'held' }),
            decided('loser', 'going', { delivery: 'started' }),
            decided('survivor', 'going', { outcome: 'refused' }),
            decided('other', 'alone'),
          ],
        });
        // In the same batch as what it moves.
        await apply({
          decisions: [decided('loser', awkward)],
          takeovers: [takeover({ intentIds: ['going', 'gone'] })],
        });
        const rows = async (id: string) =>
          await model.decisions(['own', 'going', 'alone', awkward].map((intentId) => ({ ...customer(id), intentId })));
        expect(await rows('loser')).toEqual([]);
        // Rows move, events do not.
        const decidedIn = customer('loser').customer;
        expect(new Set(await rows('survivor'))).toEqual(
          new Set([
            decided('survivor', 'own', { outcome: 'held' }),
            decided('survivor', 'going', { delivery: 'started', revision: 9, decidedIn }),
            decided('survivor', awkward, { revision: 9, decidedIn }),
          ]),
        );
        expect(await rows('other')).toHaveLength(1);
        // What the survivor's stream says later counts, however long the other's was.
        await apply({ decisions: [decided('survivor', awkward, { revision: 10, delivery: 'accepted' })] });
        expect(await model.decisionsByIntentId(account, awkward, 9)).toMatchObject([{ delivery: 'accepted' }]);
      });

      test('case 23: nobody counts twice in a month', async () => {
        const { model } = opened();
        await apply({
          activeUsers: [
            user('loser', '2026-05'),
            user('survivor', '2026-05'),
            user('loser', '2026-06'),
            user('survivor', '2026-07'),
            user('other', '2026-05'),
          ],
        });
        await apply({ takeovers: [takeover(), takeover({ from: 'nobody', to: 'other' })] });
        const months = ['2026-05', '2026-06', '2026-07'].map((month) => ({ account, month }));
        expect((await model.activeUsers(months)).users).toEqual([2, 1, 1]);
        await apply({ activeUsers: [user('survivor', '2026-06'), user('survivor', '2026-08')] });
        expect((await model.activeUsers([...months, { account, month: '2026-08' }])).users).toEqual([2, 1, 1, 1]);
      });
    });

    describe('facts, accounts, templates and active users', () => {
      test('facts are known once they were recorded, repeats included', async () => {
        const { model } = opened();
        const [known, again, unknown] = [randomUUID(), randomUUID(), randomUUID()];
        await apply({ facts: [known, again, again] });
        await apply({ facts: [again] });
        expect(await model.knownFacts([known, again, unknown])).toEqual(new Set([known, again]));
        expect(await model.knownFacts([])).toEqual(new Set());
      });

      test('accounts and templates keep the newest state', async () => {
        const { model, store } = opened();
        const accountState = { ...initialAccount(account), revision: 2 };
        const templates = ['welcome', awkward].map((template) => ({
          account,
          state: { ...initialTemplate(template, 'en_US'), revision: 1, status: 'APPROVED' as const },
        }));
        await apply({ accounts: [{ state: accountState }], templates });
        await apply({
          accounts: [{ state: { ...accountState, revision: 1, registered: true } }],
          templates: [{ account, state: { ...initialTemplate('welcome', 'en_US'), revision: 0 } }],
        });
        expect(new Set(await model.templates(account))).toEqual(new Set(templates));
        expect(await model.templates(`${account}x`)).toEqual([]);
        for (const side of [model, store]) {
          expect(await side.accounts()).toContainEqual({ state: accountState });
          expect(await side.templates()).toEqual(expect.arrayContaining(templates));
        }
      });

      test('a user counts once a month, as of the position of the projection', async () => {
        const { model } = opened();
        const user = (id: string, month: string) => ({ ...customer(id), month, firstAt: at(0), firstEventId: id });
        await apply({ activeUsers: [user('a', '2026-05'), user('b', '2026-05'), user('a', '2026-06')] });
        await apply({ activeUsers: [user('a', '2026-05'), user('c', '2026-05'), user('c', '2026-05')] });
        const counted = await model.activeUsers([
          { account, month: '2026-06' },
          { account, month: '2026-07' },
          { account, month: '2026-05' },
        ]);
        expect(counted.users).toEqual([1, 0, 3]);
        expect(counted.position).toBeGreaterThanOrEqual(20);
        expect((await model.activeUsers([])).users).toEqual([]);
      });
    });

    openIntentsContract({ opened, apply, customer });

    describe('checkpoints', () => {
      test('begin undefined and move by compare and swap', async () => {
        const { store } = opened();
        expect(await store.checkpoint(projection)).toBeUndefined();
        await apply({});
        expect(await store.checkpoint(projection)).toBe(10);
        for (const from of [undefined, 0, 20])
          await expect(store.apply(projection, from, 30, noChanges)).rejects.toMatchObject({
            code: 'checkpoint-taken',
          });
        await apply({});
        expect(await store.checkpoint(projection)).toBe(20);
      });

      test('a lost swap leaves no row behind', async () => {
        const { model, store } = opened();
        await apply({});
        const changes = { ...noChanges, customers: [{ ...customer('a'), revision: 1, state: initialCustomer }] };
        await expect(store.apply(projection, undefined, 20, changes)).rejects.toMatchObject({
          code: 'checkpoint-taken',
        });
        expect(await model.customers([customer('a')])).toEqual([]);
      });

      test('of two instances that apply at once, one goes on', async () => {
        const { model, store } = opened();
        for (let from: number | undefined = undefined, round = 1; round <= 10; from = round, round += 1) {
          const state = stateOf(String(round));
          const changes = { ...noChanges, customers: [{ ...customer('a'), revision: round, state }] };
          const outcomes = await Promise.allSettled([1, 2].map(() => store.apply(projection, from, round, changes)));
          expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
        }
        expect(await model.customers([customer('a')])).toMatchObject([{ revision: 10 }]);
      });

      test('can move without rows', async () => {
        const { model, store } = opened();
        await apply({});
        const publisher = `publisher-${account}`;
        await store.moveCheckpoint(publisher, undefined, 9_000_000);
        await expect(store.moveCheckpoint(publisher, undefined, 1)).rejects.toMatchObject({ code: 'checkpoint-taken' });
        await store.moveCheckpoint(publisher, 9_000_000, 9_000_001);
        expect(await store.checkpoint(publisher)).toBe(9_000_001);
        // Only where rows stand counts for what was counted.
        expect((await model.activeUsers([])).position).toBeLessThan(9_000_000);
      });
    });

    test('answers a ping', async () => {
      await expect(opened().model.ping()).resolves.toBeUndefined();
    });
  });
};
