import { randomUUID } from 'node:crypto';
import {
  type CustomerKey,
  type CustomerRow,
  type CustomerRows,
  type DecisionRow,
  type IntentKey,
  type OpenIntentRow,
  type ProjectionChanges,
  type Takeover,
  type ProjectionStore,
  type ReadModel,
  type WakeRow,
} from '#application/ports/read-model';
import { initialAccount } from '#domain/account';
import { initialCustomer, type CustomerState, type OpenIntent } from '#domain/gate/state';
import { initialTemplate, type TemplateStatus } from '#domain/template';
import { instantOf, type Instant } from '#domain/time';

export interface Views {
  readonly model: ReadModel;
  readonly store: ProjectionStore;
}

const noRows: CustomerRows = { customers: [], decisions: [], openIntents: [], facts: [], activeUsers: [] };

/** A batch that changes nothing: what a test puts its rows on top of. */
export const noChanges: ProjectionChanges = {
  ...noRows,
  begun: noRows,
  closed: [],
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

const permit = {
  personal: { to: { phone: '491701234567' }, text: awkward },
  ordinal: 1,
  revocations: 0,
  content: 'own',
  validUntil: at(99),
  needsWindow: true,
  usesSlot: false,
  attempt: 1,
} as const;

const openOf = (
  status: OpenIntent['status'],
  intentId: string,
  template?: { readonly name: string; readonly language: string },
): OpenIntent => {
  const intent = {
    intentId,
    sender: '15550001111',
    content: { kind: 'session', messageType: 'text' },
    whenClosed: 'refuse',
    whenPaused: 'refuse',
    fingerprint: 'fingerprint',
  } as const;
  const attempt = { ...permit, intent, claim: 'claim', startedAt: at(0) };
  switch (status) {
    case 'held':
      return { ...permit, intent, status, reason: 'scheduled', wakeAt: at(50), template };
    case 'authorised':
      return { ...permit, intent, status };
    case 'started':
    case 'outcome-unknown':
      return { ...attempt, status };
    case 'accepted':
      return { ...attempt, status, providerMessageId: 'wamid.1' };
  }
};

export const openRow = (
  key: CustomerKey & Partial<IntentKey>,
  wakeAt: Instant | null = at(0),
  status: OpenIntent['status'] = 'authorised',
  template?: { readonly name: string; readonly language: string },
): OpenIntentRow => {
  const { account, customer, intentId = 'intent' } = key;
  return { account, customer, intentId, open: openOf(status, intentId, template), wakeAt };
};

const wakeOf = ({ account, customer, intentId, open: { status }, wakeAt }: OpenIntentRow) => ({
  account,
  customer,
  intentId,
  status,
  wakeAt,
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

    describe('open intents', () => {
      const intentsOf = async (id: string): Promise<readonly OpenIntent[]> => {
        const [row] = await opened().model.customers([customer(id)]);
        return Object.values(row?.state.intents ?? {});
      };

      test('are part of their customer, from both sides, and change and close one by one', async () => {
        const { model, store } = opened();
        const [a, b, other] = [
          openRow({ ...customer('a'), intentId: awkward }),
          openRow({ ...customer('a'), intentId: 'b' }, at(1), 'held', { name: awkward, language: 'en' }),
          openRow({ ...customer('other'), intentId: 'b' }, null, 'outcome-unknown'),
        ] as const;
        const rows = ['a', 'other', 'none'].map((id) => ({ ...customer(id), revision: 1, state: stateOf(id) }));
        await apply({ customers: rows, openIntents: [a, b, other] });
        const withIntents = (row: CustomerRow | undefined, ...intents: readonly OpenIntentRow[]) => ({
          ...row,
          state: { ...row?.state, intents: Object.fromEntries(intents.map(({ intentId, open }) => [intentId, open])) },
        });
        for (const side of [model, store])
          expect(new Set(await side.customers(rows))).toEqual(
            new Set([withIntents(rows[0], a, b), withIntents(rows[1], other), rows[2]]),
          );
        const moved = openRow(b, at(2), 'authorised');
        // What a customer's row itself says of them does not count.
        const next = { ...customer('a'), revision: 2, state: { ...stateOf('a'), intents: { gone: a.open } } };
        await apply({ customers: [next], openIntents: [moved], closed: [a, { ...a, intentId: 'unknown' }] });
        expect(await intentsOf('a')).toEqual([moved.open]);
        expect(await intentsOf('other')).toEqual([other.open]);
        await apply({ closed: [moved] });
        expect(await intentsOf('a')).toEqual([]);
      });
    });

    describe('begun rows', () => {
      const user = (id: string) => ({ ...customer(id), month: '2026-05', firstAt: at(0), firstEventId: id });
      const rowsOf = (id: string, revision: number, fact: string): CustomerRows => ({
        customers: [{ ...customer(id), revision, state: stateOf(`${id}${revision}`) }],
        decisions: [decisionOf(customer(id), { revision, reason: awkward })],
        openIntents: [openRow(customer(id))],
        facts: [fact],
        activeUsers: [user(id)],
      });
      const stored = async (id: string) => ({
        rows: await opened().model.customers([customer(id)]),
        decisions: await opened().model.decisions([{ ...customer(id), intentId: 'intent' }]),
      });

      test('are written as the others are', async () => {
        const { model } = opened();
        const [fact, other] = [randomUUID(), randomUUID()];
        await apply({ begun: rowsOf('a', 3, fact), ...rowsOf('b', 3, other) });
        const { intentId, open } = openRow(customer('a'));
        for (const id of ['a', 'b'])
          expect(await stored(id)).toEqual({
            rows: [{ ...customer(id), revision: 3, state: { ...stateOf(`${id}3`), intents: { [intentId]: open } } }],
            decisions: [decisionOf(customer(id), { reason: awkward })],
          });
        expect(await model.knownFacts([fact, other])).toEqual(new Set([fact, other]));
        expect((await model.activeUsers([{ account, month: '2026-05' }])).users).toEqual([2]);
      });

      test('replace one that is stored all the same, where they are newer', async () => {
        const { model } = opened();
        const fact = randomUUID();
        await apply(rowsOf('a', 3, fact));
        await apply({ begun: { ...rowsOf('a', 4, fact), openIntents: [openRow(customer('a'), at(7), 'started')] } });
        const { intentId, open } = openRow(customer('a'), at(7), 'started');
        expect(await stored('a')).toMatchObject({
          rows: [{ revision: 4, state: { intents: { [intentId]: open } } }],
          decisions: [{ revision: 4 }],
        });
        await apply({ begun: rowsOf('a', 2, fact) });
        expect(await stored('a')).toMatchObject({ rows: [{ revision: 4 }], decisions: [{ revision: 4 }] });
        expect((await model.activeUsers([{ account, month: '2026-05' }])).users).toEqual([1]);
      });
    });

    describe('wakes', () => {
      const own = async (statuses: readonly WakeRow['status'][], now: number): Promise<readonly WakeRow[]> =>
        (await opened().model.awake(statuses, at(now), 1_000)).filter((row) => row.account === account);

      test('come when their time has come, in the order of their times, of the statuses asked for', async () => {
        const rows = [
          openRow(customer('a'), at(30)),
          openRow(customer('b'), at(10), 'held'),
          openRow({ ...customer('c'), intentId: awkward }, at(20), 'started'),
          openRow(customer('d'), null),
        ] as const;
        const [a, b, c] = rows.map(wakeOf);
        await apply({ openIntents: rows });
        expect(await own(['held', 'authorised', 'started'], 9)).toEqual([]);
        expect(await own(['held', 'authorised', 'started'], 20)).toEqual([b, c]);
        expect(await own(['held', 'authorised', 'started', 'accepted'], 30)).toEqual([b, c, a]);
        expect(await own(['authorised'], 99)).toEqual([a]);
        expect(await own([], 99)).toEqual([]);
      });

      test('move where they are named again, end where they close, and else stay', async () => {
        const [a1, a2, b1] = [
          openRow({ ...customer('a'), intentId: '1' }),
          openRow({ ...customer('a'), intentId: '2' }),
          openRow({ ...customer('b'), intentId: '1' }),
        ] as const;
        await apply({ openIntents: [a1, a2, b1] });
        const moved = openRow(a2, at(5), 'started');
        await apply({ openIntents: [moved], closed: [a1, { ...b1, intentId: 'unknown' }] });
        expect(await own(['authorised', 'started'], 9)).toEqual([b1, moved].map(wakeOf));
        await apply({ closed: [moved] });
        expect(await own(['authorised', 'started'], 9)).toEqual([wakeOf(b1)]);
        await apply({ openIntents: [openRow(b1, null)] });
        expect(await own(['authorised', 'started'], 9)).toEqual([]);
      });

      test('a hold for a template wakes when that template is approved', async () => {
        const template = { name: 'name.with\nodd', language: 'en_US' };
        const held = openRow(customer('a'), at(100), 'held', template);
        // A closed stream's is its survivor's to look after.
        const asleep = openRow(customer('b'), null, 'held', template);
        const templateOf = (revision: number, status: TemplateStatus, language = 'en_US') => ({
          account,
          state: { ...initialTemplate(template.name, language), revision, status },
        });
        await apply({
          openIntents: [held, asleep, openRow({ ...held, intentId: 'other' }, at(100))],
          templates: [templateOf(1, 'PAUSED'), templateOf(1, 'APPROVED', 'de')],
        });
        expect(await own(['held', 'authorised'], 0)).toEqual([]);
        await apply({ templates: [templateOf(2, 'APPROVED')] });
        expect(await own(['held', 'authorised'], 0)).toEqual([wakeOf(held)]);
        expect(await own(['authorised'], 0)).toEqual([]);
        expect(await own(['held'], 100)).toEqual([wakeOf(held)]);
      });

      test('holds for many templates wake where theirs is approved, several of one too', async () => {
        const names = ['a', 'b', 'c', 'd', 'e'];
        const holdOf = (id: string, name: string, language: string, ms: number) =>
          openRow(customer(id), at(ms), 'held', { name, language });
        const inEnglish = names.map((name, index) => holdOf(`${name}.en`, name, 'en', 100 + index));
        const inGerman = names.map((name, index) => holdOf(`${name}.de`, name, 'de', 100 + index));
        const another = holdOf('another', 'b', 'en', 99);
        const all = [...inEnglish, ...inGerman, another];
        const templateOf = (name: string, status: TemplateStatus) => ({
          account,
          state: { ...initialTemplate(name, 'en'), revision: 1, status },
        });
        await apply({
          openIntents: all,
          templates: names.map((name) => templateOf(name, ['b', 'c', 'e'].includes(name) ? 'APPROVED' : 'PAUSED')),
        });
        const due = [another, inEnglish[1], inEnglish[2], inEnglish[4]].map((row) => row && wakeOf(row));
        expect(await own(['held'], 0)).toEqual(due);
        await apply({ closed: all });
      });

      test('what is due under another status takes no place of those asked for', async () => {
        const { model } = opened();
        const due = [1, 2, 3].map((ms) => openRow(customer(`d${ms}`), instantOf(ms), 'started'));
        const late = openRow(customer('late'), instantOf(9), 'accepted');
        await apply({ openIntents: [...due, late] });
        expect(await model.awake(['accepted'], instantOf(10), 2)).toEqual([wakeOf(late)]);
        expect(await model.awake(['accepted', 'started'], instantOf(10), 2)).toEqual(due.slice(0, 2).map(wakeOf));
        await apply({ closed: [...due, late] });
      });

      test('come at most so many at a time, the earliest first', async () => {
        const { model } = opened();
        const rows = [5, 4, 3].map((ms) => openRow(customer(`c${ms}`), instantOf(ms)));
        await apply({ openIntents: rows });
        expect(await model.awake(['authorised'], instantOf(10), 2)).toEqual(rows.slice(1).toReversed().map(wakeOf));
        await apply({ closed: rows });
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
