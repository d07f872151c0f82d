import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Customers } from '#application/customers';
import { DecideIntents } from '#application/decide-intents';
import { LinkCustomers, type LinkCommand } from '#application/link-customers';
import type { AppendOutcome, EventStore, RecordedEvent, StreamAppend } from '#application/ports/event-store';
import { RecordFacts, type FactCommand } from '#application/record-facts';
import type { ConsentScope } from '#domain/consent';
import { isOpen } from '#domain/window';
import { defaultPolicy } from '#domain/policy';
import { HOUR_MS, instantOf, plus, type Instant } from '#domain/time';
import { ACCOUNT, cancellation, intent, openStage, SENDER, T0, wrote, type Stage } from './stage.js';

const metadata = { correlationId: 'link', causationId: 'link' };

const told = (customer: string, other: string, change: Partial<LinkCommand> = {}): LinkCommand => ({
  account: ACCOUNT,
  customer: [customer],
  other: [other],
  relation: 'same',
  claimedAt: T0,
  receivedAt: plus(T0, 500),
  because: 'sandbox/m1',
  metadata,
  ...change,
});

const consent = (
  customer: string,
  status: 'opted-in' | 'opted-out',
  at: Instant,
  scope: ConsentScope = 'all',
): FactCommand => ({
  account: ACCOUNT,
  customer,
  metadata,
  report: {
    kind: 'consent',
    scope,
    status,
    source: 'form',
    reference: `f-${at}`,
    claimedAt: at,
    receivedAt: plus(at, 1),
  },
});

class Crash extends Error {}

/** The store of a process that dies at its how-manieth append: before it is stored, or just after. */
const dying = (store: EventStore, at: number, stored: boolean): EventStore => {
  let appends = 0;
  const append = async (batch: readonly StreamAppend[]): Promise<readonly AppendOutcome[]> => {
    appends += 1;
    if (appends < at) return store.append(batch);
    if (appends === at && stored) await store.append(batch);
    throw new Crash();
  };
  return Object.assign(Object.create(store), {
    append,
    readStreams: (reads: Parameters<EventStore['readStreams']>[0]) => store.readStreams(reads),
  });
};

/** Lets something happen right before an append. */
const disturbed = (store: EventStore, before: (batch: readonly StreamAppend[]) => Promise<void>): EventStore =>
  Object.assign(Object.create(store), {
    append: async (batch: readonly StreamAppend[]) => {
      await before(batch);
      return store.append(batch);
    },
    readStreams: (reads: Parameters<EventStore['readStreams']>[0]) => store.readStreams(reads),
  });

describe('two aliases of one person', () => {
  let stage: Stage;
  let next = 0;
  /** The ids in the order in which they survive each other. */
  const people = (...names: string[]): string[] => {
    next += 1;
    return names.map((name, index) => `p${String(next).padStart(4, '0')}${index}${name}`);
  };
  const linker = (store: EventStore = stage.store) =>
    new LinkCustomers(new Customers(store, stage.readModel), stage.directory);
  const typesOf = async (customer: string) => (await stage.events(customer)).map(({ event }) => event.type);
  const load = async (...customers: string[]) =>
    new Customers(stage.store, stage.readModel).load(customers.map((customer) => ({ account: ACCOUNT, customer })));
  const eventOf = (events: readonly RecordedEvent[], type: string) =>
    events.find(({ event }) => event.type === type)?.event;
  const decide = async (...commands: Parameters<DecideIntents['run']>[0]) =>
    (await stage.dispatcher().run(commands)).map((answer) =>
      answer.kind === 'decided' ? answer.outcome : answer.kind,
    );

  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
    await stage.template('receipt', 'TemplateApproved', T0);
  });
  afterAll(() => stage.close());

  test('case 23: a late link closes one stream, and the other has the windows, consents and intents of both', async () => {
    const [phone = '', user = ''] = people('phone', 'user');
    await stage.recorder().run([wrote(phone, 'm1', plus(T0, -30 * HOUR_MS)), consent(phone, 'opted-in', T0)]);
    await stage.recorder().run([wrote(user, 'm2', T0), consent(user, 'opted-out', plus(T0, 1), 'marketing')]);
    await decide(intent(user, 'a'), intent(phone, 'h', { whenClosed: 'hold' }));
    expect(await linker().run([told(phone, user)])).toEqual(['linked']);
    expect((await typesOf(user)).at(-1)).toBe('CustomerLinked');
    expect((await typesOf(phone)).at(-1)).toBe('CustomerMerged');
    const [byPhone, byUser] = await load(phone, user);
    expect(byUser).toEqual(byPhone);
    expect(byPhone?.customer).toBe(phone);
    expect(isOpen(byPhone?.state.windows[SENDER], T0, defaultPolicy)).toBe(true);
    expect(byPhone?.state.consents).toMatchObject({ all: { status: 'in' }, marketing: { status: 'out' } });
    expect(Object.keys(byPhone?.state.intents ?? {})).toEqual(['h', 'a']);
    expect(await linker().run([told(phone, user), told(user, phone)])).toEqual(['duplicate', 'duplicate']);
  });

  test('case 23: what was taken over has its personal part apart, as all events', async () => {
    const [phone = '', user = ''] = people('phone', 'user');
    await stage.recorder().run([wrote(user, 'm2', T0)]);
    await decide(intent(user, 'a'));
    await stage.recorder().run([wrote(phone, 'm1', T0)]);
    await linker().run([told(phone, user)]);
    const merged = eventOf(await stage.events(phone), 'CustomerMerged');
    expect(JSON.stringify({ ...merged, personal: undefined })).not.toContain('491701234567');
    expect((await load(user))[0]?.state.intents['a']?.personal).toEqual({ to: { phone: '491701234567' }, text: 'hi' });
  });

  test('of an alias that nobody heard of, the other survives, whatever their ids', async () => {
    const [unseen = '', seen = ''] = people('unseen', 'seen');
    await stage.recorder().run([wrote(seen, 'm1', T0)]);
    expect(await linker().run([told(unseen, seen)])).toEqual(['linked']);
    expect(await typesOf(unseen)).toEqual(['CustomerLinked']);
    expect((await load(unseen))[0]).toMatchObject({ customer: seen });
    expect(await decide(intent(unseen, 'a'))).toEqual(['SendAuthorised']);
  });

  test('neither was heard of; and a link to itself is none', async () => {
    const [one = '', other = ''] = people('one', 'other');
    expect(await linker().run([told(one, one)])).toEqual(['duplicate']);
    expect(await typesOf(one)).toEqual([]);
    expect(await linker().run([told(other, one)])).toEqual(['linked']);
    expect(await load(other)).toMatchObject([{ customer: one, state: { aliases: [other] } }]);
  });

  test.each([false, true])(
    'cases 23 and 39: an intent has one decision whichever alias it names; projected: %s',
    async (projected) => {
      const [phone = '', user = ''] = people('phone', 'user');
      await stage.recorder().run([wrote(user, 'm2', T0), wrote(phone, 'm3', T0)]);
      // Refused, so that no state remembers them: only the log and the read model do.
      const refused = { expiresAt: instantOf(1) };
      await decide(intent(user, 'on-user', refused), intent(phone, 'on-phone', refused));
      if (projected) await stage.project();
      await linker().run([told(phone, user)]);
      if (projected) await stage.project();
      for (const customer of [phone, user]) {
        expect(await decide(intent(customer, 'on-user', refused))).toEqual(['duplicate']);
        expect(await decide(intent(customer, 'on-phone', refused))).toEqual(['duplicate']);
        expect(await decide(intent(customer, 'on-user', { fingerprint: 'other' }))).toEqual(['conflict']);
      }
      expect(await decide(intent(phone, 'new'), intent(user, 'new'))).toEqual(['SendAuthorised', 'duplicate']);
      // A redelivered message of the alias is no news.
      expect(await stage.recorder().run([wrote(user, 'm2', T0)])).toEqual([{ kind: 'duplicate' }]);
    },
  );

  test.each([false, true])(
    'case 23: a decision that meets the link is taken on what both know; projected: %s',
    async (projected) => {
      const [phone = '', user = ''] = people('phone', 'user');
      await stage.recorder().run([wrote(user, 'm2', T0), wrote(phone, 'm3', T0)]);
      await decide(intent(user, 'a', { expiresAt: instantOf(1) }));
      if (projected) await stage.project();
      let isLinked = false;
      const store = disturbed(stage.store, async () => {
        if (isLinked) return;
        isLinked = true;
        await linker().run([told(phone, user)]);
      });
      const dispatcher = new DecideIntents(
        new Customers(store, stage.readModel),
        stage.directory,
        stage.readModel,
        stage.clock,
      );
      // The survivor learns of the merge, the loser of its end: both only from the conflict.
      expect(await dispatcher.run([intent(phone, 'a'), intent(user, 'b')])).toEqual([
        { kind: 'duplicate' },
        { kind: 'decided', outcome: 'SendAuthorised' },
      ]);
      const recorder = new RecordFacts(new Customers(store, stage.readModel), stage.directory, stage.readModel);
      expect(await recorder.run([wrote(phone, 'm3', T0), wrote(user, 'm2', T0)])).toEqual([
        { kind: 'duplicate' },
        { kind: 'duplicate' },
      ]);
      expect(await typesOf(user)).toEqual(['CustomerMessageReceived', 'SendExpired', 'CustomerLinked']);
      expect(await typesOf(phone)).toEqual(['CustomerMessageReceived', 'CustomerMerged', 'SendAuthorised']);
    },
  );

  test('a decision on the losing stream between read and close is taken over too', async () => {
    const [phone = '', user = ''] = people('phone', 'user');
    await stage.recorder().run([wrote(user, 'm2', T0), wrote(phone, 'm3', T0)]);
    let decided = 0;
    const store = disturbed(stage.store, async (batch) => {
      if (batch.some(({ stream }) => stream.endsWith(user)) && (decided += 1) <= 2)
        await decide(intent(user, `i${decided}`));
    });
    expect(await linker(store).run([told(phone, user)])).toEqual(['linked']);
    expect((await load(phone))[0]?.state.intents).toMatchObject({ i1: {}, i2: {} });
  });

  test.each([
    ['before the losing stream is closed', 1, false],
    ['when the losing stream is closed and nothing is taken over', 1, true],
    ['before the survivor took over', 2, false],
    ['when the survivor took over', 2, true],
  ])('a crash %s loses nothing: the repeat ends it', async (_, at, stored) => {
    const [phone = '', user = ''] = people('phone', 'user');
    await stage.recorder().run([wrote(user, 'm2', T0), wrote(phone, 'm3', plus(T0, -48 * HOUR_MS))]);
    await expect(linker(dying(stage.store, at, stored)).run([told(phone, user)])).rejects.toThrow(Crash);
    expect(await linker().run([told(phone, user)])).toEqual([at === 1 && !stored ? 'linked' : 'duplicate']);
    expect(await typesOf(user)).toEqual(['CustomerMessageReceived', 'CustomerLinked']);
    expect(await typesOf(phone)).toEqual(['CustomerMessageReceived', 'CustomerMerged']);
    expect(await decide(intent(phone, 'a'))).toEqual(['SendAuthorised']);
  });

  test('after a crash in between, whoever asks for the closed alias lets the survivor take over first', async () => {
    const [phone = '', user = ''] = people('phone', 'user');
    await stage
      .recorder()
      .run([wrote(phone, 'm3', T0), wrote(user, 'm2', T0), consent(user, 'opted-out', plus(T0, 1))]);
    await decide(intent(user, 'a', { expiresAt: instantOf(1) }));
    await expect(linker(dying(stage.store, 1, true)).run([told(phone, user)])).rejects.toThrow(Crash);
    // Several at once: one takeover, and the opt-out and the decision count.
    const answers = await Promise.all(
      [1, 2, 3].map(() => decide(intent(user, 'a', { fingerprint: 'x' }), intent(user, 'b'))),
    );
    expect(answers.map(([first]) => first)).toEqual(['conflict', 'conflict', 'conflict']);
    expect((await typesOf(phone)).filter((type) => type === 'SendRefused')).toHaveLength(1);
    expect((await typesOf(phone)).filter((type) => type === 'CustomerMerged')).toHaveLength(1);
    expect(eventOf(await stage.events(phone), 'SendRefused')).toMatchObject({ reason: 'opted-out' });
  });

  test.each([
    ['one after the other', [0, 1, 2]],
    ['the far end first', [1, 0, 2]],
    ['the closing link first', [2, 1, 0]],
  ])('a chain of links ends with one customer: %s', async (_, order) => {
    const [a = '', b = '', c = '', d = ''] = people('a', 'b', 'c', 'd');
    const ids = [a, b, c, d];
    for (const [index, id] of ids.entries()) {
      await stage.recorder().run([wrote(id, `m${index}`, plus(T0, -index * HOUR_MS))]);
      await decide(intent(id, `i-${index}`));
    }
    const links = [told(d, c), told(c, b), told(b, a)];
    for (const index of order) await linker().run(links.slice(index, index + 1));
    const customers = await load(...ids);
    for (const customer of customers) expect(customer).toEqual(customers[0]);
    expect(new Set(customers[0]?.state.aliases)).toEqual(new Set([b, c, d]));
    expect(Object.keys(customers[0]?.state.intents ?? {}).toSorted()).toEqual(['i-0', 'i-1', 'i-2', 'i-3']);
    for (const id of ids) expect(await decide(intent(id, 'i-2'))).toEqual(['duplicate']);
    expect(await linker().run([told(d, a), told(a, c)])).toEqual(['duplicate', 'duplicate']);
  });

  test('a chain whose middle was closed before it took over is taken over whole', async () => {
    const [a = '', b = '', c = ''] = people('a', 'b', 'c');
    await stage.recorder().run([a, b, c].map((id, index) => wrote(id, `m${index}`, plus(T0, -index * 60 * HOUR_MS))));
    await stage.recorder().run([consent(c, 'opted-out', plus(T0, 1))]);
    await expect(linker(dying(stage.store, 1, true)).run([told(b, c)])).rejects.toThrow(Crash);
    expect(await linker().run([told(a, b)])).toEqual(['linked']);
    expect((await typesOf(b)).at(-1)).toBe('CustomerLinked');
    expect((await load(a))[0]?.state.aliases).toEqual([b]);
    expect((await load(c))[0]).toMatchObject({
      customer: a,
      state: { aliases: [b, c], consents: { all: { status: 'out' } } },
    });
    expect(await decide(intent(a, 'i'))).toEqual(['SendRefused']);
  });

  test('several that a chain leads past are taken over, each in an append that holds it', async () => {
    const [a = '', b = '', c = ''] = people('a', 'b', 'c');
    await stage.recorder().run([a, b, c].map((id, index) => wrote(id, `m${index}`, T0)));
    for (const id of [b, c]) {
      for (let n = 0; n < 7; n += 1) {
        const command = intent(id, `${id}-${n}`);
        const personal = { to: { phone: '491701234567' }, text: 'x'.repeat(60_000) };
        await stage.dispatcher().run([command.kind === 'send' ? { ...command, personal } : command]);
      }
    }
    await expect(linker(dying(stage.store, 1, true)).run([told(b, c)])).rejects.toThrow(Crash);
    await expect(linker(dying(stage.store, 1, true)).run([told(a, b)])).rejects.toThrow(Crash);
    const [customer] = await load(c);
    expect(customer?.state.aliases).toEqual([b, c]);
    expect(Object.keys(customer?.state.intents ?? {})).toHaveLength(14);
    expect((await stage.events(a)).map(({ event }) => event.type)).toEqual([
      'CustomerMessageReceived',
      'CustomerMerged',
      'CustomerMerged',
    ]);
  });

  test('links made at the same time, in both directions and in a ring, never lead in a circle', async () => {
    for (let round = 0; round < 10; round += 1) {
      const ids = people('a', 'b', 'c', 'd');
      // Some were heard of, some not.
      await stage.recorder().run(ids.filter((_, index) => (round >> index) % 2 === 1).map((id) => wrote(id, 'm', T0)));
      const pairs = ids.map((id, index): [string, string] => [id, ids[(index + 1) % ids.length] ?? id]);
      await Promise.all(
        pairs.flatMap(([one, other]) => [linker().run([told(one, other)]), linker().run([told(other, one)])]),
      );
      const customers = await load(...ids);
      for (const customer of customers) expect(customer).toEqual(customers[0]);
      expect(customers[0]?.state.aliases).toHaveLength(3);
    }
  });

  test('a person whose open messages are too many for one event is not linked, and nothing is closed', async () => {
    const [phone = '', user = ''] = people('phone', 'user');
    await stage.recorder().run([wrote(user, 'm2', T0), wrote(phone, 'm3', T0)]);
    for (let n = 0; n < 9; n += 1) {
      const command = intent(user, `i${n}`);
      const personal = { to: { phone: '491701234567' }, text: 'x'.repeat(65_000) };
      await stage.dispatcher().run([command.kind === 'send' ? { ...command, personal } : command]);
    }
    expect(await linker().run([told(phone, user)])).toEqual(['too-large']);
    await stage.dispatcher().run([cancellation(user, 'i0'), cancellation(user, 'i1')]);
    expect(await linker().run([told(phone, user)])).toEqual(['linked']);
  });

  test('an unknown account and an absurd time link nobody', async () => {
    const [phone = '', user = ''] = people('phone', 'user');
    const commands = [told(phone, user, { account: 'nobody' }), told(phone, user, { claimedAt: 1 })];
    expect(await linker().run(commands)).toEqual(['unknown-account', 'quarantined']);
    expect(await typesOf(phone)).toEqual([]);
  });

  describe.each([
    ['survives', 0],
    ['is closed', 1],
  ])('case 22: a number that changed, whose old stream %s', (_, place) => {
    /** The old and the new id, and the new one's link. */
    const changed = async (at: Instant = T0) => {
      const pair = people('one', 'two');
      const [old = '', now = ''] = place === 0 ? pair : pair.toReversed();
      await stage.recorder().run([wrote(old, 'm1', plus(T0, -HOUR_MS)), consent(old, 'opted-in', plus(T0, -HOUR_MS))]);
      await stage.recorder().run([consent(now, 'opted-out', plus(T0, -3 * HOUR_MS), 'marketing')]);
      return { old, now, link: told(now, old, { relation: 'changed', claimedAt: at, because: `sandbox/${at}` }) };
    };

    test('brings neither window nor opt-in, and keeps every no', async () => {
      const { old, now, link } = await changed();
      await stage.recorder().run([consent(old, 'opted-out', plus(T0, -2 * HOUR_MS), 'utility')]);
      expect(await linker().run([link])).toEqual(['linked']);
      const [customer] = await load(now);
      expect(customer?.state.windows).toEqual({});
      expect(customer?.state.consents).toMatchObject({ marketing: { status: 'out' }, utility: { status: 'out' } });
      expect(customer?.state.consents.all).toBeUndefined();
      expect(await decide(intent(now, 'a'), intent(old, 'b'))).toEqual(['SendRefused', 'SendRefused']);
      expect(await linker().run([link])).toEqual(['duplicate']);
    });

    test('the new number opens a window for itself, and the old one for neither', async () => {
      const { old, now, link } = await changed();
      await linker().run([link]);
      // Late, or of whoever has the number now.
      const [late] = await stage.recorder().run([wrote(old, 'm2', plus(T0, 1))]);
      expect(late).toMatchObject({ kind: 'recorded' });
      expect(await stage.recorder().run([consent(old, 'opted-in', plus(T0, 2))])).toEqual([{ kind: 'given-up' }]);
      expect(await decide(intent(now, 'a'))).toEqual(['SendRefused']);
      await stage.recorder().run([wrote(now, 'm3', plus(T0, 3))]);
      stage.clock.at = plus(T0, 4);
      expect(await decide(intent(now, 'b'), intent(old, 'c'))).toEqual(['SendAuthorised', 'SendRefused']);
      expect(await stage.recorder().run([wrote(old, 'm1', plus(T0, -HOUR_MS))])).toEqual([{ kind: 'duplicate' }]);
      stage.clock.at = T0;
    });

    test('what the old number was promised is not sent on the window of the new one', async () => {
      const { old, now, link } = await changed();
      await decide(intent(old, 'permit'), intent(old, 'hold', { whenClosed: 'hold', sendAt: plus(T0, 2) }));
      await linker().run([link]);
      await stage.recorder().run([wrote(now, 'm3', plus(T0, 3))]);
      stage.clock.at = plus(T0, 4);
      await stage.dispatcher().release([{ account: ACCOUNT, customer: old, intentId: 'hold' }]);
      const [customer] = await load(now);
      expect(customer?.state.intents['permit']?.intent.former).toBe(true);
      expect(customer?.state.intents['hold']).toMatchObject({ status: 'held', reason: 'window-closed' });
      stage.clock.at = T0;
    });

    test('who goes back to the old number has it again, whatever is told twice or late', async () => {
      const { old, now, link } = await changed();
      const back = told(old, now, { relation: 'changed', claimedAt: plus(T0, 10), because: 'sandbox/back' });
      expect(await linker().run([link, back, link, back])).toEqual(['linked', 'linked', 'duplicate', 'duplicate']);
      await stage.recorder().run([wrote(now, 'm4', plus(T0, 11))]);
      expect(await decide(intent(old, 'a'))).toEqual(['SendRefused']);
      await stage.recorder().run([wrote(old, 'm5', plus(T0, 12))]);
      expect(await decide(intent(old, 'b'), intent(now, 'c'))).toEqual(['SendAuthorised', 'SendRefused']);
    });

    test('takes its user id along where that is the same, and says nothing about whoever has the number next', async () => {
      const { old, now, link } = await changed();
      const [user = '', stranger = ''] = people('user', 'stranger');
      await linker().run([told(old, user)]);
      expect(await linker().run([{ ...link, customer: [now, user] }])).toEqual(['linked']);
      const [customer] = await load(user);
      expect(customer?.state.windows).toEqual({});
      expect(customer?.state.former).toEqual([old]);
      expect(await linker().run([told(old, stranger)])).toEqual(['given-up']);
      expect(await typesOf(stranger)).toEqual([]);
    });

    test('a crash in between ends the same', async () => {
      const { old, now, link } = await changed();
      await expect(linker(dying(stage.store, 1, true)).run([link])).rejects.toThrow(Crash);
      expect(await decide(intent(old, 'a'), intent(now, 'b'))).toEqual(['SendRefused', 'SendRefused']);
      expect((await load(now))[0]).toMatchObject({ state: { windows: {}, former: [old] } });
      expect(await linker().run([link])).toEqual(['duplicate']);
    });
  });

  test('case 22: consent comes along where the policy says so', async () => {
    const [old = '', now = ''] = people('old', 'now');
    await stage.policy({ changedNumberKeepsConsent: true }, plus(T0, 1_000));
    await stage.recorder().run([wrote(old, 'm1', T0), consent(old, 'opted-in', T0)]);
    const at = plus(T0, 2_000);
    await linker().run([told(now, old, { relation: 'changed', claimedAt: at, receivedAt: at })]);
    expect((await load(now))[0]?.state).toMatchObject({ windows: {}, consents: { all: { status: 'in' } } });
  });

  test('case 24: numbers that differ in a digit are two customers until a provider says otherwise', async () => {
    const recorder = new RecordFacts(new Customers(stage.store, stage.readModel), stage.directory, stage.readModel);
    const [short = '', long = ''] = people('551187654321', '5511987654321');
    await recorder.run([wrote(short, 'm1', T0)]);
    expect(await decide(intent(long, 'a'))).toEqual(['SendRefused']);
    await linker().run([told(short, long, { because: 'sandbox/input-wa_id' })]);
    expect(await decide(intent(long, 'b'))).toEqual(['SendAuthorised']);
  });
});
