import { randomUUID } from 'node:crypto';
import type {
  CustomerKey,
  CustomerRow,
  CustomerRows,
  OpenIntentRow,
  ProjectionChanges,
  WakeRow,
} from '#application/ports/read-model';
import type { OpenIntent } from '#domain/gate/state';
import { initialTemplate, type TemplateStatus } from '#domain/template';
import { instantOf } from '#domain/time';
import { at, awkward, decisionOf, openRow, stateOf, wakeOf, type Views } from './read-model-rows.contract.js';

export interface Scene {
  readonly opened: () => Views;
  readonly apply: (changes: Partial<ProjectionChanges>) => Promise<void>;
  /** Of the account that is this test's own. */
  readonly customer: (id: string) => CustomerKey;
}

/** The read model's contract on what is open of customers, and on rows that cannot be stored yet. */
export const openIntentsContract = ({ opened, apply, customer }: Scene): void => {
  const accountOf = (): string => customer('').account;

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
      expect((await model.activeUsers([{ account: accountOf(), month: '2026-05' }])).users).toEqual([2]);
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
      expect((await model.activeUsers([{ account: accountOf(), month: '2026-05' }])).users).toEqual([1]);
    });
  });

  describe('wakes', () => {
    const own = async (statuses: readonly WakeRow['status'][], now: number): Promise<readonly WakeRow[]> =>
      (await opened().model.awake(statuses, at(now), 1_000)).filter((row) => row.account === accountOf());

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
        account: accountOf(),
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
        account: accountOf(),
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
};
