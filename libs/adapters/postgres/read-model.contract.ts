import { randomUUID } from 'node:crypto';
import {
  type CustomerKey,
  type CustomerRow,
  type DecisionRow,
  type ProjectionChanges,
  type Takeover,
  type ProjectionStore,
  type ReadModel,
  type WakeRow,
} from '#application/ports/read-model';
import { initialAccount } from '#domain/account';
import { initialCustomer, type CustomerState } from '#domain/gate/state';
import { initialTemplate, type TemplateStatus } from '#domain/template';
import { instantOf } from '#domain/time';

export interface Views {
  readonly model: ReadModel;
  readonly store: ProjectionStore;
}

/** A batch that changes nothing: what a test puts its rows on top of. */
export const noChanges: ProjectionChanges = {
  customers: [],
  decisions: [],
  facts: [],
  wakes: [],
  asleep: [],
  activeUsers: [],
  lateFacts: [],
  takeovers: [],
  accounts: [],
  templates: [],
};

/** Text that a line, an SQL literal or a UTF-8 text column could each stumble over. */
const awkward = 'a\nb\\n\\N\t\'"\u0000\u001f\ud83d ß 🌊 \\E';

const at = (ms: number) => instantOf(1_780_000_000_000 + ms);

const stateOf = (sender: string): CustomerState => ({
  ...initialCustomer,
  windows: { [sender]: { openerAt: at(0) } },
  lastActiveAt: at(1),
});

const decisionOf = (key: CustomerKey, change: Partial<DecisionRow> = {}): DecisionRow => ({
  ...key,
  intentId: 'intent',
  fingerprint: 'fingerprint',
  outcome: 'authorised',
  reason: null,
  delivery: 'pending',
  commandId: 'command',
  providerMessageId: null,
  sender: '15550001111',
  decidedAt: at(0),
  revision: 3,
  position: 30,
  decidedIn: key.customer,
  decidedAs: 2,
  ...change,
});

const wakeOf = (key: CustomerKey, change: Partial<WakeRow> = {}): WakeRow => ({
  ...key,
  intentId: 'intent',
  status: 'authorised',
  reason: null,
  template: null,
  wakeAt: at(0),
  ...change,
});

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

    describe('wakes', () => {
      const own = async (statuses: readonly WakeRow['status'][], now: number): Promise<readonly WakeRow[]> =>
        (await opened().model.awake(statuses, at(now), 1_000)).filter((row) => row.account === account);

      test('come when their time has come, in the order of their times, of the statuses asked for', async () => {
        const rows = [
          wakeOf(customer('a'), { wakeAt: at(30) }),
          wakeOf(customer('b'), { wakeAt: at(10), status: 'held', reason: 'scheduled' }),
          wakeOf(customer('c'), { wakeAt: at(20), status: 'started', intentId: awkward }),
        ] as const;
        await apply({ wakes: rows });
        expect(await own(['held', 'authorised', 'started'], 9)).toEqual([]);
        expect(await own(['held', 'authorised', 'started'], 20)).toEqual([rows[1], rows[2]]);
        expect(await own(['held', 'authorised', 'started', 'accepted'], 30)).toEqual([rows[1], rows[2], rows[0]]);
        expect(await own(['authorised'], 99)).toEqual([rows[0]]);
        expect(await own([], 99)).toEqual([]);
      });

      test('move where they are named again, end where they are put to sleep, and else stay', async () => {
        const [a1, a2, b1] = [
          wakeOf(customer('a'), { intentId: '1' }),
          wakeOf(customer('a'), { intentId: '2' }),
          wakeOf(customer('b'), { intentId: '1' }),
        ] as const;
        await apply({ wakes: [a1, a2, b1] });
        const moved = { ...a2, status: 'started' as const, wakeAt: at(5) };
        await apply({ wakes: [moved], asleep: [a1, { ...b1, intentId: 'unknown' }] });
        expect(await own(['authorised', 'started'], 9)).toEqual([b1, moved]);
        await apply({ asleep: [moved] });
        expect(await own(['authorised', 'started'], 9)).toEqual([b1]);
      });

      test('a hold for a template wakes when that template is approved', async () => {
        const template = { name: 'name.with\nodd', language: 'en_US' };
        const held = wakeOf(customer('a'), { status: 'held', reason: 'template-paused', template, wakeAt: at(100) });
        const templateOf = (revision: number, status: TemplateStatus, language = 'en_US') => ({
          account,
          state: { ...initialTemplate(template.name, language), revision, status },
        });
        await apply({
          wakes: [held, wakeOf(held, { intentId: 'other', wakeAt: at(100) })],
          templates: [templateOf(1, 'PAUSED'), templateOf(1, 'APPROVED', 'de')],
        });
        expect(await own(['held', 'authorised'], 0)).toEqual([]);
        await apply({ templates: [templateOf(2, 'APPROVED')] });
        expect(await own(['held', 'authorised'], 0)).toEqual([held]);
        expect(await own(['authorised'], 0)).toEqual([]);
        expect(await own(['held'], 100)).toEqual([held]);
      });

      test('holds for many templates wake where theirs is approved, several of one too', async () => {
        const names = ['a', 'b', 'c', 'd', 'e'];
        const holdOf = (id: string, name: string, language: string, ms: number): WakeRow =>
          wakeOf(customer(id), {
            status: 'held',
            reason: 'template-paused',
            template: { name, language },
            wakeAt: at(ms),
          });
        const inEnglish = names.map((name, index) => holdOf(`${name}.en`, name, 'en', 100 + index));
        const inGerman = names.map((name, index) => holdOf(`${name}.de`, name, 'de', 100 + index));
        const another = holdOf('another', 'b', 'en', 99);
        const all = [...inEnglish, ...inGerman, another];
        const templateOf = (name: string, status: TemplateStatus) => ({
          account,
          state: { ...initialTemplate(name, 'en'), revision: 1, status },
        });
        await apply({
          wakes: all,
          templates: names.map((name) => templateOf(name, ['b', 'c', 'e'].includes(name) ? 'APPROVED' : 'PAUSED')),
        });
        expect(await own(['held'], 0)).toEqual([another, inEnglish[1], inEnglish[2], inEnglish[4]]);
        await apply({ asleep: all });
      });

      test('what is due under another status takes no place of those asked for', async () => {
        const { model } = opened();
        const due = [1, 2, 3].map((ms) => wakeOf(customer(`d${ms}`), { status: 'started', wakeAt: instantOf(ms) }));
        const late = wakeOf(customer('late'), { status: 'accepted', wakeAt: instantOf(9) });
        await apply({ wakes: [...due, late] });
        expect(await model.awake(['accepted'], instantOf(10), 2)).toEqual([late]);
        expect(await model.awake(['accepted', 'started'], instantOf(10), 2)).toEqual(due.slice(0, 2));
        await apply({ asleep: [...due, late] });
      });

      test('come at most so many at a time, the earliest first', async () => {
        const { model } = opened();
        const rows = [5, 4, 3].map((ms) => wakeOf(customer(`c${ms}`), { wakeAt: instantOf(ms) }));
        await apply({ wakes: rows });
        expect(await model.awake(['authorised'], instantOf(10), 2)).toEqual([rows[2], rows[1]]);
        await apply({ asleep: rows });
      });
    });

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
