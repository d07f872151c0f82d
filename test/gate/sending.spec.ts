import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { AppendOutcome, EventStore } from '#application/ports/event-store';
import type { SendProvider } from '#application/ports/send-provider';
import type { DeliveryCommand } from '#application/record-reports';
import type { DeliveryReport, ProviderOutcome } from '#domain/gate/outcome';
import { DAY_MS, MINUTE_MS, plus } from '#domain/time';
import { eventually } from '#testing/eventually';
import { accepting, RecordingProvider } from './recording-provider.js';
import { ACCOUNT, intent, openStage, SENDER, T0, wrote, type Stage } from './stage.js';

const metadata = { correlationId: 'report', causationId: 'report' };

const never = <T>(): Promise<T> => new Promise(() => undefined);
describe('from command to outcome', () => {
  let stage: Stage;
  let next = 0;

  /** A sending process of its own: nothing cached. */
  const worker = (provider: SendProvider, store?: EventStore) => stage.sender(provider, { store });
  const reports = () => stage.reports();
  const key = (customer: string, intentId: string) => ({ account: ACCOUNT, customer, intentId });
  const typesOf = async (customer: string) => (await stage.events(customer)).map(({ event }) => event.type);
  /** A customer who just wrote, and the authorised replies. */
  const authorised = async (...intentIds: string[]): Promise<string> => {
    const customer = `sent${(next += 1)}`;
    stage.clock.at = T0;
    await stage.recorder().run([wrote(customer, 'm1', T0)]);
    await stage.dispatcher().run(intentIds.map((intentId) => intent(customer, intentId)));
    return customer;
  };
  const reported = (
    status: DeliveryReport['status'],
    providerMessageId: string,
    how: Partial<DeliveryCommand>,
  ): DeliveryCommand => ({
    account: ACCOUNT,
    delivery: { status, at: plus(T0, 1_000), providerMessageId, failure: { code: '131026' } },
    metadata,
    ...how,
  });
  const answered = (outcome: ProviderOutcome, customer: string) =>
    worker(new RecordingProvider(() => Promise.resolve(outcome))).run([key(customer, 'a')]);

  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
  });
  afterAll(() => stage.close());

  test('case 35: an authorised message is claimed, called once and settled, and a replayed command does nothing', async () => {
    const customer = await authorised('a', 'b/1');
    const provider = accepting();
    const intents = [key(customer, 'a'), key(customer, 'b/1'), key(customer, 'a')];
    expect(await worker(provider).run(intents)).toEqual(['accepted', 'accepted', 'not-due']);
    expect(await worker(provider).run(intents)).toEqual(['not-due', 'not-due', 'not-due']);
    expect(provider.calls.map(({ intentId }) => intentId)).toEqual(['a', 'b/1']);
    expect(provider.calls[0]).toEqual({
      ...key(customer, 'a'),
      claim: expect.any(String),
      correlation: `${ACCOUNT}/${customer}/a`,
      sender: SENDER,
      to: { phone: '491701234567' },
      content: { kind: 'session', messageType: 'text', text: 'hi', mediaUrl: undefined, body: undefined },
      validUntil: expect.any(Number),
    });
    expect((await typesOf(customer)).slice(3)).toEqual(['SendStarted', 'SendStarted', 'SendAccepted', 'SendAccepted']);
  });

  test('a template goes out with its values', async () => {
    const customer = await authorised();
    await stage.template('receipt', 'TemplateApproved', T0);
    const content = { kind: 'template', name: 'receipt', language: 'en', parameters: ['total'] } as const;
    const personal = { to: { phone: '491701234567' }, parameters: { total: '5 €' } };
    const command = intent(customer, 'a', { content });
    await stage.dispatcher().run([command.kind === 'send' ? { ...command, personal } : command]);
    const provider = accepting();
    expect(await worker(provider).run([key(customer, 'a')])).toEqual(['accepted']);
    expect(provider.calls[0]?.content).toEqual({
      kind: 'template',
      name: 'receipt',
      language: 'en',
      parameters: { total: '5 €' },
    });
  });

  test('case 11: a template paused a moment ago is not sent: it is read again just before the call', async () => {
    const customer = await authorised();
    await stage.template('news', 'TemplateApproved', T0);
    const content = { kind: 'template', name: 'news', language: 'en', parameters: [] } as const;
    await stage.dispatcher().run([intent(customer, 'a', { content })]);
    const stale = stage.directory.template(ACCOUNT, 'news', 'en');
    await stage.store.append([
      {
        stream: `template-${ACCOUNT}.news.en`,
        expectedRevision: stale?.revision ?? -1,
        events: [
          {
            id: '6a4bfa3e-52a4-4a3c-8b1e-07f6a8b4f0a1',
            event: { type: 'TemplatePaused', at: plus(T0, 1) },
            metadata,
          },
        ],
      },
    ]);
    const provider = accepting();
    expect(await worker(provider).run([key(customer, 'a')])).toEqual(['revoked']);
    expect(provider.calls).toEqual([]);
  });

  /** At the nth append of a process: it dies before the store has it, or when the store has it and nobody told. */
  const dyingAt = (nth: number, isStored: boolean): EventStore => {
    let appends = 0;
    const dying: Pick<EventStore, 'append' | 'readStreams'> = {
      append: async (batch) => {
        if ((appends += 1) < nth) return await stage.store.append(batch);
        if (isStored) await stage.store.append(batch);
        return await never<readonly AppendOutcome[]>();
      },
      readStreams: (reads) => stage.store.readStreams(reads),
    };
    return Object.assign(Object.create(stage.store), dying);
  };
  const answering = () =>
    new RecordingProvider(({ intentId }) => Promise.resolve({ kind: 'accepted', providerMessageId: `w.${intentId}` }));

  test.each([
    // [the process dies, its store, its provider, calls it made, what another process finds and does, calls in all]
    ['before the claim is stored', () => dyingAt(1, false), answering, 0, 'accepted', 1],
    ['after the claim is stored', () => dyingAt(1, true), answering, 0, 'unknown', 0],
    ['during the call', () => stage.store, () => new RecordingProvider(() => never()), 1, 'unknown', 1],
    ['after the call, before its outcome is stored', () => dyingAt(2, false), answering, 1, 'unknown', 1],
    ['after the outcome is stored', () => dyingAt(2, true), answering, 1, 'settled', 1],
  ] as const)(
    'case 10: a process that dies %s never leads to a second call',
    async (_, store, dying, made, found, all) => {
      const customer = await authorised('a');
      const provider = dying();
      void worker(provider, store()).run([key(customer, 'a')]);
      const left = { accepted: [], unknown: ['SendStarted'], settled: ['SendStarted', 'SendAccepted'] }[found];
      await eventually(
        async () => provider.calls.length === made && (await typesOf(customer)).slice(2).join() === left.join(),
      );

      const successor = accepting();
      const other = worker(successor);
      expect(await other.run([key(customer, 'a')])).toEqual([found === 'accepted' ? 'accepted' : 'not-due']);
      stage.clock.at = plus(T0, MINUTE_MS - 1);
      expect(await other.giveUp([key(customer, 'a')])).toBe(0);
      stage.clock.at = plus(T0, MINUTE_MS);
      expect(await other.giveUp([key(customer, 'a')])).toBe(found === 'unknown' ? 1 : 0);
      expect(await worker(successor).giveUp([key(customer, 'a')])).toBe(0);
      expect(await other.run([key(customer, 'a')])).toEqual(['not-due']);
      expect(provider.calls.length + successor.calls.length).toBe(all);
      // A report of the provider settles what nobody knew, once.
      const late = reported('sent', `wamid.${customer}`, { correlation: `${ACCOUNT}/${customer}/a` });
      expect(await reports().run([late, late])).toEqual(
        found === 'unknown' ? ['recorded', 'duplicate'] : ['duplicate', 'duplicate'],
      );
      expect((await typesOf(customer)).at(-1)).toBe('SendAccepted');
    },
  );

  test('case 39: workers that race on one command make one call', async () => {
    const customer = await authorised('a');
    const provider = accepting();
    const answers = await Promise.all([1, 2, 3, 4].map(() => worker(provider).run([key(customer, 'a')])));
    expect(provider.calls).toHaveLength(1);
    expect(answers.flat().toSorted()).toEqual(['accepted', 'not-due', 'not-due', 'not-due']);
    expect((await typesOf(customer)).slice(2)).toEqual(['SendStarted', 'SendAccepted']);
  });

  test('a claim that was stored although the append said conflict is ours: the stream tells', async () => {
    const customer = await authorised('a');
    const provider = accepting();
    let appends = 0;
    const forgetful: Pick<EventStore, 'append' | 'readStreams'> = {
      append: async (batch) => {
        const outcomes = await stage.store.append(batch);
        return (appends += 1) === 1 ? outcomes.map(() => ({ kind: 'conflict', actualRevision: 2 })) : outcomes;
      },
      readStreams: (reads) => stage.store.readStreams(reads),
    };
    const store: EventStore = Object.assign(Object.create(stage.store), forgetful);
    expect(await worker(provider, store).run([key(customer, 'a')])).toEqual(['accepted']);
    expect(provider.calls).toHaveLength(1);
    expect((await typesOf(customer)).slice(2)).toEqual(['SendStarted', 'SendAccepted']);
  });

  test('case 9: a customer who opted out meanwhile gets nothing: the permit is revoked and decided once more', async () => {
    const customer = await authorised('a');
    const provider = accepting();
    const sending = worker(provider);
    await stage.recorder().run([wrote(customer, 'm2', plus(T0, 1), 'STOP')]);
    expect(await sending.run([key(customer, 'a')])).toEqual(['revoked']);
    expect(provider.calls).toEqual([]);
    const events = (await stage.events(customer)).slice(-2).map(({ event }) => event);
    expect(events).toMatchObject([
      { type: 'SendRevoked', reason: 'opted-out' },
      { type: 'SendRefused', reason: 'opted-out' },
    ]);
  });

  test('a definite failure is repeated with a new claim when its pause is over, at most as often as the policy says', async () => {
    const customer = await authorised('a');
    const provider = new RecordingProvider(() => Promise.resolve({ kind: 'failed', code: '130429', retryable: true }));
    const sending = worker(provider);
    expect(await sending.run([key(customer, 'a')])).toEqual(['failed']);
    expect(await sending.run([key(customer, 'a')])).toEqual(['not-due']);
    for (const seconds of [4, 12, 60]) {
      stage.clock.at = plus(T0, seconds * 1_000);
      await sending.run([key(customer, 'a')]);
    }
    expect(new Set(provider.calls.map(({ claim }) => claim)).size).toBe(3);
    expect(provider.calls).toHaveLength(3);
    expect((await stage.events(customer)).at(-1)?.event).toMatchObject({ type: 'SendFailed', final: true });
  });

  test('what waited behind a slow call for longer than the attempt time is not called', async () => {
    const customer = await authorised('slow', 'b');
    const provider = new RecordingProvider(({ intentId }) => {
      if (intentId === 'slow') stage.clock.at = plus(T0, MINUTE_MS);
      return Promise.resolve({ kind: 'accepted', providerMessageId: `wamid.${customer}.${intentId}` });
    });
    expect(await worker(provider).run([key(customer, 'slow'), key(customer, 'b')])).toEqual(['accepted', 'failed']);
    expect(provider.calls).toHaveLength(1);
    expect((await stage.events(customer)).at(-1)?.event).toMatchObject({ code: 'not-called', final: false });
  });

  test("an adapter's fault is an unknown outcome, and the others are settled", async () => {
    const customer = await authorised('a', 'b');
    const provider = new RecordingProvider(({ intentId }) =>
      intentId === 'a'
        ? Promise.reject(new Error('broken'))
        : Promise.resolve({ kind: 'accepted', providerMessageId: `wamid.${customer}` }),
    );
    expect(await worker(provider).run([key(customer, 'a'), key(customer, 'b')])).toEqual(['unknown', 'accepted']);
    expect((await typesOf(customer)).slice(-2)).toEqual(['SendOutcomeUnknown', 'SendAccepted']);
  });

  test('many customers are called concurrently, within the bound; few appends and one read of their template', async () => {
    const customers: string[] = [];
    const content = { kind: 'template', name: 'campaign', language: 'en', parameters: [] } as const;
    for (let count = 0; count < 12; count += 1) customers.push(await authorised());
    await stage.template('campaign', 'TemplateApproved', T0);
    await stage.dispatcher().run(customers.map((customer) => intent(customer, 'a', { content })));
    let running = 0;
    let most = 0;
    const provider = new RecordingProvider(async ({ customer }) => {
      most = Math.max(most, (running += 1));
      await new Promise(setImmediate);
      running -= 1;
      return { kind: 'accepted', providerMessageId: `wamid.${customer}` };
    });
    const append = jest.spyOn(stage.store, 'append');
    const readStreams = jest.spyOn(stage.store, 'readStreams');
    const answers = await worker(provider).run(customers.map((customer) => key(customer, 'a')));
    const templatesRead = readStreams.mock.calls.flatMap(([reads]) =>
      reads.filter(({ stream }) => stream.startsWith('template-')),
    );
    const appends = append.mock.calls.length;
    jest.restoreAllMocks();
    expect(answers).toEqual(customers.map(() => 'accepted'));
    expect([most, templatesRead.length]).toEqual([4, 1]);
    // Claimed and settled four at a time.
    expect(appends).toBeLessThanOrEqual(customers.length / 2);
  });

  test('no more is claimed than is called at once, however slow the provider is: nobody gives up on what waits', async () => {
    const customers: string[] = [];
    for (let count = 0; count < 6; count += 1) customers.push(await authorised('a'));
    const answers: (() => void)[] = [];
    const provider = new RecordingProvider(
      ({ customer }) =>
        new Promise((resolve) => {
          answers.push(() => resolve({ kind: 'accepted', providerMessageId: `wamid.${customer}` }));
        }),
    );
    const running = worker(provider).run(customers.map((customer) => key(customer, 'a')));
    await eventually(() => answers.length === 4);
    const claimed = await Promise.all(
      customers.map(async (customer) => (await typesOf(customer)).includes('SendStarted')),
    );
    expect(claimed).toEqual([true, true, true, true, false, false]);
    for (const answer of answers.splice(0)) answer();
    await eventually(() => answers.length === 2);
    for (const answer of answers) answer();
    expect(await running).toEqual(customers.map(() => 'accepted'));
  });

  test("case 44: what is accepted and not delivered within the policy's time is told, until it is", async () => {
    const customer = await authorised('a');
    await worker(accepting()).run([key(customer, 'a')]);
    await stage.project();
    const undelivered = async (at: number) =>
      (await stage.readModel.awake(['accepted'], plus(T0, at), 500)).filter((row) => row.customer === customer);
    expect(await undelivered(DAY_MS - 1)).toEqual([]);
    expect(await undelivered(DAY_MS)).toMatchObject([{ intentId: 'a', status: 'accepted' }]);
    await reports().run([reported('delivered', 'wamid.a', { correlation: `${ACCOUNT}/${customer}/a` })]);
    await stage.project();
    expect(await undelivered(DAY_MS)).toEqual([]);
  });

  test('a person settles what nobody knows, once, and says who it was', async () => {
    const customer = await authorised('a', 'b');
    const provider = new RecordingProvider(() => Promise.resolve({ kind: 'unknown', cause: 'time-out' }));
    await worker(provider).run([key(customer, 'a')]);
    const settlement = { outcome: 'failed', settledBy: 'jane' } as const;
    const said = (intentId: string) => ({ ...key(customer, intentId), settlement, metadata });
    expect(await stage.settlements().run([said('a'), said('b'), said('c')])).toEqual([
      'settled',
      'not-unknown',
      'gone',
    ]);
    expect(await stage.settlements().run([said('a')])).toEqual(['gone']);
    expect((await stage.events(customer)).at(-1)?.event).toMatchObject({
      type: 'SendFailed',
      final: true,
      settledBy: 'jane',
    });
    // The provider knew better: a delivery outweighs it (ADR 0011).
    const delivered = reported('delivered', 'wamid.late', { correlation: `${ACCOUNT}/${customer}/a` });
    expect(await reports().run([delivered])).toEqual(['recorded']);
    await stage.project();
    const [row] = await stage.readModel.decisions([key(customer, 'a')]);
    expect(row?.delivery).toBe('delivered');
  });

  describe('delivery reports', () => {
    test('are recorded once, by correlation, also by another process and after projection', async () => {
      const customer = await authorised('a');
      await worker(accepting()).run([key(customer, 'a')]);
      const id = `wamid.${customer}`;
      const correlation = `${ACCOUNT}/${customer}/a`;
      const both = [reported('delivered', id, { correlation }), reported('read', id, { correlation })];
      expect(await reports().run([...both, ...both])).toEqual(['recorded', 'recorded', 'duplicate', 'duplicate']);
      expect(await reports().run(both)).toEqual(['duplicate', 'duplicate']);
      await stage.project();
      expect(await reports().run(both)).toEqual(['duplicate', 'duplicate']);
      expect((await typesOf(customer)).slice(-2)).toEqual(['MessageDelivered', 'MessageRead']);
    });

    test("lead to their intent by the provider's id, projected or not, and never by another account's correlation", async () => {
      const customer = await authorised('p1', 'p2');
      await worker(accepting()).run([key(customer, 'p1'), key(customer, 'p2')]);
      const fresh = reported('delivered', 'wamid.p1', { customer, correlation: `other/${customer}/p2` });
      expect(await reports().run([fresh])).toEqual(['recorded']);
      await stage.project();
      expect(await reports().run([reported('delivered', 'wamid.p2', {})])).toEqual(['recorded']);
      expect((await stage.events(customer)).slice(-2).map(({ event }) => event)).toMatchObject([
        { type: 'MessageDelivered', intentId: 'p1' },
        { type: 'MessageDelivered', intentId: 'p2' },
      ]);
    });

    test('of nobody are unmatched, and those of an absurd time quarantined', async () => {
      const customer = await authorised('a');
      const absurd = reported('delivered', 'wamid.x', { customer });
      expect(
        await reports().run([
          reported('delivered', 'wamid.nobody', {}),
          { ...absurd, delivery: { ...absurd.delivery, at: plus(T0, Number.NEGATIVE_INFINITY) } },
          absurd,
        ]),
      ).toEqual(['unmatched', 'quarantined', 'recorded']);
    });

    test('of a failure after the acceptance end the intent', async () => {
      const customer = await authorised('a');
      await answered({ kind: 'accepted', providerMessageId: `wamid.${customer}` }, customer);
      const failed = reported('failed', `wamid.${customer}`, { correlation: `${ACCOUNT}/${customer}/a` });
      expect(await reports().run([failed])).toEqual(['recorded']);
      expect((await stage.events(customer)).at(-1)?.event).toMatchObject({ type: 'SendFailed', code: '131026' });
    });
  });
});
