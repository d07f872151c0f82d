import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Pacing, platformLimits } from '#application/pacing';
import { WaitingSends } from '#application/waiting-sends';
import { DAY_MS, MINUTE_MS, plus, SECOND_MS, type Instant } from '#domain/time';
import { accepting, RecordingProvider } from './recording-provider.js';
import { ACCOUNT, intent, openStage, T0, wrote, type Stage } from './stage.js';

/** Fewer than the platform's 45: calls reach it at another pace than they leave. */
const BURST = 44;

describe("the platform's limits are kept before the call (rules §7)", () => {
  let stage: Stage;
  let next = 0;

  const key = (customer: string, intentId: string, account = ACCOUNT) => ({ account, customer, intentId });
  /** A customer who just wrote, with authorised replies. */
  const authorised = async (intentIds: readonly string[], account = ACCOUNT) => {
    const customer = `paced${(next += 1)}`;
    await stage.recorder().run([{ ...wrote(customer, 'm1', T0), account }]);
    await stage.dispatcher().run(intentIds.map((id) => ({ ...intent(customer, id), account })));
    return intentIds.map((id) => key(customer, id, account));
  };
  const ids = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `i${index}`);
  const at = (afterMs: number): Instant => (stage.clock.at = plus(T0, afterMs));

  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
    await stage.registerAccount('beta');
  });
  beforeEach(() => void at(0));
  afterAll(() => stage.close());

  test('throughput: no second sees more than the sender may, the rest follows in its order, and none is lost', async () => {
    const keys = (await Promise.all(ids(60).map(() => authorised(['a'])))).flat();
    const calls: Instant[] = [];
    const provider = new RecordingProvider(({ customer }) => {
      calls.push(stage.clock.at);
      return Promise.resolve({ kind: 'accepted', providerMessageId: customer });
    });
    const sender = stage.sender(provider, { pacing: new Pacing({ ...platformLimits, perSecond: () => 20 }) });
    const answers = await sender.run(keys);
    expect(answers.filter((answer) => answer === 'accepted')).toHaveLength(2);
    expect(answers.filter((answer) => answer === 'paced')).toHaveLength(58);
    for (let ms = 50; ms <= 4_000; ms += 50) {
      at(ms);
      await sender.runWaiting();
    }
    expect(provider.calls.map(({ customer }) => customer)).toEqual(keys.map(({ customer }) => customer));
    for (const from of calls) {
      expect(calls.filter((call) => call >= from && call < from + SECOND_MS).length).toBeLessThanOrEqual(20);
    }
  });

  test('one customer gets a burst, then one in six seconds in order, and holds up no other', async () => {
    const mine = await authorised(ids(BURST + 3));
    const [other] = await authorised(['a']);
    const provider = accepting();
    const sender = stage.sender(provider);
    const answers = await sender.run([...mine, ...(other === undefined ? [] : [other])]);
    expect(answers.slice(BURST)).toEqual(['paced', 'paced', 'paced', 'accepted']);
    const [late] = await authorised(['late']);
    if (late === undefined) throw new Error('nobody is late');
    for (const [ms, expected] of [
      [5_999, BURST],
      [6_000, BURST + 1],
      [11_999, BURST + 1],
      [12_000, BURST + 2],
      [18_000, BURST + 3],
    ] as const) {
      at(ms);
      await sender.runWaiting();
      expect(provider.calls.filter(({ customer }) => customer === mine[0]?.customer)).toHaveLength(expected);
    }
    expect(
      provider.calls.filter(({ customer }) => customer === mine[0]?.customer).map((call) => call.intentId),
    ).toEqual(ids(BURST + 3));
  });

  test('what comes for a customer for whom others wait stands behind them', async () => {
    const mine = await authorised(ids(BURST + 2));
    const [news] = mine.slice(-1);
    const provider = accepting();
    const sender = stage.sender(provider);
    await sender.run(mine.slice(0, -1));
    at(6_000);
    expect(news === undefined ? [] : await sender.run([news])).toEqual(['paced']);
    await sender.runWaiting();
    expect(provider.called.at(-1)).toBe(`i${BURST}`);
  });

  test('a process that was killed leaves nothing behind: another finds what waited, and keeps the limit of the pair', async () => {
    const mine = await authorised(ids(BURST + 2));
    const first = accepting();
    await stage.sender(first).run(mine);
    expect(first.calls).toHaveLength(BURST);
    // The first one dies, with all that it remembers.
    at(29_999);
    await stage.project();
    const ours = (rows: readonly { readonly customer: string }[]) =>
      rows.filter(({ customer }) => customer === mine[0]?.customer);
    expect(ours(await stage.readModel.awake(['authorised'], stage.clock.at, 500))).toEqual([]);
    at(30_000);
    const awake = await stage.readModel.awake(['authorised'], stage.clock.at, 500);
    expect(ours(awake)).toHaveLength(2);
    at(6_500);
    const second = accepting();
    const sender = stage.sender(second);
    await sender.run(awake.filter(({ customer }) => customer === mine[0]?.customer));
    expect(second.calls).toHaveLength(1);
    at(12_000);
    await sender.runWaiting();
    expect(second.calls).toHaveLength(2);
  });

  test('what waits for its turn is never called after its permit', async () => {
    const mine = await authorised(ids(BURST + 1));
    const provider = accepting();
    const sender = stage.sender(provider);
    await sender.run(mine);
    at(DAY_MS);
    await sender.runWaiting();
    expect(provider.calls).toHaveLength(BURST);
    const [events] = [await stage.events(mine[0]?.customer ?? '')];
    expect(events.slice(-2).map(({ event }) => event)).toMatchObject([
      { type: 'SendRevoked', reason: 'permit-lapsed' },
      { type: 'SendRefused', reason: 'window-closed' },
    ]);
  });

  test('an account with many messages does not hold up another', async () => {
    const campaign = (await Promise.all(ids(20).map(() => authorised(['a'])))).flat();
    const reply = await authorised(['b'], 'beta');
    const provider = accepting();
    await stage.sender(provider).run([...campaign, ...reply]);
    expect(provider.calls.slice(0, 8).map(({ account }) => account)).toContain('beta');
  });

  test('a call that nobody answers holds up no other customer, and its own customer stays in order', async () => {
    const [mine, other] = [await authorised(['a', 'b']), await authorised(['c'])];
    let answer: (() => void) | undefined;
    const provider = new RecordingProvider(
      ({ intentId }) =>
        new Promise((resolve) => {
          const accepted = (): void => resolve({ kind: 'accepted', providerMessageId: intentId });
          if (intentId === 'a') answer = accepted;
          else accepted();
        }),
    );
    const sender = stage.sender(provider);
    expect(await sender.run(mine.slice(0, 1))).toEqual(['not-due']);
    expect(await sender.run([...mine.slice(1), ...other])).toEqual(['paced', 'accepted']);
    at(1_000);
    await sender.runWaiting();
    expect(provider.called).toEqual(['a', 'c']);
    answer?.();
    await sender.idle();
    at(2_000);
    await sender.runWaiting();
    expect(provider.called).toEqual(['a', 'c', 'b']);
    const [event] = (await stage.events(mine[0]?.customer ?? '')).slice(-1);
    expect(event?.event).toMatchObject({ type: 'SendAccepted', intentId: 'b' });
  });

  test('a cancellation is possible while a message waits for its turn', async () => {
    const mine = await authorised(ids(BURST + 1));
    const provider = accepting();
    const sender = stage.sender(provider);
    await sender.run(mine);
    const { customer = '' } = mine[0] ?? {};
    await stage.dispatcher().run([
      {
        kind: 'cancel',
        ...key(customer, `i${BURST}`),
        metadata: { correlationId: 'cancel', causationId: 'cancel' },
      },
    ]);
    at(MINUTE_MS);
    await sender.runWaiting();
    expect(provider.calls).toHaveLength(BURST);
  });
});

describe('the memory of those that wait', () => {
  const waits = (intentId: string, afterMs: number) => ({
    account: ACCOUNT,
    customer: 'c1',
    sender: '1',
    intentId,
    notBefore: plus(T0, afterMs),
  });

  test('gives back whose turn has come, in the order in which they began to wait', () => {
    const waiting = new WaitingSends();
    for (const one of [waits('a', 20), waits('b', 10), waits('c', 30)]) waiting.add(one);
    expect(waiting.behind({ account: ACCOUNT, customer: 'c1', sender: '1' })).toBe(plus(T0, 30));
    expect(waiting.take(plus(T0, 20), 10).map(({ intentId }) => intentId)).toEqual(['a', 'b']);
    expect([waiting.size, waiting.has(waits('a', 0)), waiting.has(waits('c', 0))]).toEqual([1, false, true]);
    waiting.take(plus(T0, 30), 10);
    expect(waiting.behind({ account: ACCOUNT, customer: 'c1', sender: '1' })).toBeUndefined();
  });

  test('forgets those for whom it has no room: the read model wakes them', () => {
    const waiting = new WaitingSends();
    for (let index = 0; index < 2_501; index += 1) waiting.add(waits(`i${index}`, 1));
    expect([waiting.size, waiting.hasRoom]).toEqual([2_500, true]);
    waiting.add({ ...waits('other', 1), account: 'beta' });
    for (let index = 0; index < 10_000; index += 1) waiting.add({ ...waits('x', 1), account: `a${index}` });
    expect([waiting.size, waiting.hasRoom]).toEqual([10_000, false]);
    waiting.take(plus(T0, 1), 10_000);
    for (let index = 0; index < 2_501; index += 1) waiting.add(waits(`i${index}`, 1));
    expect(waiting.size).toBe(2_500);
  });
});
