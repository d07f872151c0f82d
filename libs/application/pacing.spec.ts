import * as fc from 'fast-check';
import type { ProviderEffect, ProviderOutcome } from '#domain/gate/outcome';
import { PAIR_BURST } from '#domain/gate/pair-limit';
import { HOUR_MS, instantOf, MINUTE_MS, plus, SECOND_MS, type Instant } from '#domain/time';
import { Pacing, platformLimits, type Sending } from './pacing.js';

const T0 = instantOf(Date.UTC(2026, 10, 2, 9));
const to = (customer: string, account = 'acme', sender = 'S1'): Sending => ({ account, sender, customer });
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const refusal = (effect: ProviderEffect): ProviderOutcome => ({ kind: 'failed', code: 'x', retryable: true, effect });
const accepted: ProviderOutcome = { kind: 'accepted', providerMessageId: 'm' };

describe('pacing before the call', () => {
  const goes = (pacing: Pacing, sending: Sending, at: Instant): boolean => pacing.admit([sending], at).go.length === 1;
  /** Asks without counting: what is let go takes no room. */
  const notBefore = (pacing: Pacing, sending: Sending, at: Instant): number =>
    (pacing.admit([sending], at, 0).later[0]?.notBefore ?? Number.NaN) - at;

  describe('of one pair', () => {
    test('lets a burst go at once, and then one every six seconds', () => {
      const pacing = new Pacing({ ...platformLimits, perSecond: () => 10_000 });
      const { go, later } = pacing.admit(
        times(PAIR_BURST + 2, () => to('c1')),
        T0,
      );
      expect(go).toHaveLength(PAIR_BURST);
      expect(later.map(({ notBefore }) => notBefore - T0)).toEqual([6_000, 12_000]);
      expect(goes(pacing, to('c1'), plus(T0, 5_999))).toBe(false);
      expect(goes(pacing, to('c1'), plus(T0, 6_000))).toBe(true);
      expect(goes(pacing, to('c1'), plus(T0, 6_000))).toBe(false);
    });

    test('has its burst again once it is paid back, after as many times six seconds', () => {
      const pacing = new Pacing({ ...platformLimits, perSecond: () => 10_000 });
      const burst = times(60, () => to('c1'));
      pacing.admit(burst, T0);
      expect(pacing.admit(burst, plus(T0, PAIR_BURST * 6 * SECOND_MS - 1)).go).toHaveLength(PAIR_BURST - 1);
      expect(new Pacing().admit(burst, T0).go.length).toBeLessThan(PAIR_BURST);
    });

    test('does not hold up other customers, nor the same customer at another sender', () => {
      const pacing = new Pacing({ ...platformLimits, perSecond: () => 10_000, pairBurst: 1 });
      const { go, later } = pacing.admit([to('c1'), to('c1'), to('c2'), to('c1', 'acme', 'S2')], T0);
      expect(go).toEqual([to('c1'), to('c2'), to('c1', 'acme', 'S2')]);
      expect(later.map(({ item }) => item)).toEqual([to('c1')]);
    });

    test('that has many waiting takes nothing of what its sender may send', () => {
      const pacing = new Pacing({ ...platformLimits, pairBurst: 1 });
      const { go } = pacing.admit([...times(100, () => to('c1')), to('c2')], T0);
      expect(go).toEqual([to('c1'), to('c2')]);
    });

    test('backs off by 4^n s when the platform says that it was too fast, and that pair alone', () => {
      const pacing = new Pacing();
      let at = T0;
      for (const seconds of [4, 16, 64, 256, 1_024]) {
        pacing.noted(to('c1'), refusal({ kind: 'pair-limited' }), at);
        expect(notBefore(pacing, to('c1'), at)).toBe(seconds * SECOND_MS);
        expect(notBefore(pacing, to('c2'), at)).toBe(0);
        at = plus(at, seconds * SECOND_MS);
      }
      pacing.noted(to('c1'), refusal({ kind: 'pair-limited' }), at);
      expect(notBefore(pacing, to('c1'), at)).toBe(HOUR_MS);
    });

    test('begins its back-off anew after a message went through', () => {
      const pacing = new Pacing();
      pacing.noted(to('c1'), refusal({ kind: 'pair-limited' }), T0);
      pacing.noted(to('c1'), accepted, plus(T0, 4_000));
      pacing.noted(to('c1'), refusal({ kind: 'pair-limited' }), plus(T0, 5_000));
      expect(notBefore(pacing, to('c1'), plus(T0, 5_000))).toBe(4_000);
    });
  });

  describe('of one sender', () => {
    test('lets a tenth of its throughput go at once and spreads the rest of the second', () => {
      const pacing = new Pacing();
      const { go, later } = pacing.admit(
        times(81, (index) => to(`c${index}`)),
        T0,
      );
      expect(go).toHaveLength(8);
      expect(later.map(({ notBefore }) => notBefore - T0).slice(0, 3)).toEqual([14, 28, 42]);
      expect(later.at(-1)?.notBefore).toBe(plus(T0, 1_001));
    });

    test('has the throughput that is known of it', () => {
      const pacing = new Pacing({ ...platformLimits, perSecond: ({ sender }) => (sender === 'fast' ? 1_000 : 1) });
      const all = times(200, (index) => to(`c${index}`, 'acme', index % 2 === 0 ? 'fast' : 'slow'));
      const { go } = pacing.admit(all, T0);
      expect(go.filter(({ sender }) => sender === 'fast')).toHaveLength(100);
      expect(go.filter(({ sender }) => sender === 'slow')).toHaveLength(1);
      expect(goes(pacing, to('d', 'acme', 'slow'), plus(T0, 999))).toBe(false);
      expect(goes(pacing, to('d', 'acme', 'slow'), plus(T0, 1_000))).toBe(true);
    });

    test('pauses when its throughput was exceeded, once for all that were on their way, longer each time', () => {
      const pacing = new Pacing();
      for (const customer of ['c1', 'c2', 'c3'])
        pacing.noted(to(customer), refusal({ kind: 'throughput-limited' }), T0);
      expect(notBefore(pacing, to('c9'), T0)).toBe(2_000);
      pacing.noted(to('c1'), refusal({ kind: 'throughput-limited' }), plus(T0, 2_000));
      expect(notBefore(pacing, to('c9'), plus(T0, 2_000))).toBe(4_000);
      expect(notBefore(pacing, to('c9', 'acme', 'S2'), T0)).toBe(0);
    });

    test('is left alone for as long as it is blocked; an answer to an earlier message does not lift that', () => {
      const pacing = new Pacing();
      pacing.noted(to('c1'), refusal({ kind: 'sender-blocked', forMs: HOUR_MS }), T0);
      pacing.noted(to('c2'), accepted, plus(T0, 1));
      pacing.noted(to('c3'), refusal({ kind: 'sender-blocked', forMs: 1 }), plus(T0, 1));
      expect(goes(pacing, to('c1'), plus(T0, HOUR_MS - 1))).toBe(false);
      expect(goes(pacing, to('c1', 'acme', 'S2'), T0)).toBe(true);
      expect(goes(pacing, to('c1'), plus(T0, HOUR_MS))).toBe(true);
    });
  });

  describe('of one account', () => {
    test('stops all its senders when the platform halted it', () => {
      const pacing = new Pacing();
      pacing.noted(to('c1'), refusal({ kind: 'account-halted', extent: 'account' }), T0);
      expect(notBefore(pacing, to('c2', 'acme', 'S2'), T0)).toBe(15 * MINUTE_MS);
      expect(notBefore(pacing, to('c1', 'other'), T0)).toBe(0);
    });

    test('sends one message after a halt, and the rest once that is accepted', () => {
      const pacing = new Pacing();
      const halt = refusal({ kind: 'account-halted', extent: 'account' });
      const many = times(5, (index) => to(`c${index}`));
      pacing.noted(to('c1'), halt, T0);
      const [second, third] = [plus(T0, 15 * MINUTE_MS), plus(T0, 30 * MINUTE_MS)];
      const trial = pacing.admit(many, second);
      expect(trial.go).toHaveLength(1);
      expect(trial.later.map(({ notBefore }) => notBefore)).toEqual(times(4, () => plus(second, MINUTE_MS)));
      pacing.noted(to('c0'), halt, second);
      expect(pacing.admit(many, plus(third, -1)).go).toEqual([]);
      expect(pacing.admit(many, third).go).toHaveLength(1);
      pacing.noted(to('c0'), accepted, plus(third, 100));
      expect(pacing.admit(many, plus(third, 100)).go).toHaveLength(5);
    });

    test('tries again after a minute when nobody knows what became of the one', () => {
      const pacing = new Pacing();
      const many = times(5, (index) => to(`c${index}`));
      pacing.noted(to('c1'), refusal({ kind: 'sender-blocked', forMs: 1_000 }), T0);
      expect(pacing.admit(many, plus(T0, 1_000)).go).toHaveLength(1);
      pacing.noted(to('c0'), { kind: 'unknown', cause: 'x' }, plus(T0, 1_100));
      expect(pacing.admit(many, plus(T0, 60_999)).go).toHaveLength(0);
      expect(pacing.admit(many, plus(T0, 61_000)).go).toHaveLength(1);
    });

    test('goes on when only one country was halted, and after other refusals', () => {
      const pacing = new Pacing();
      pacing.noted(to('c1'), refusal({ kind: 'account-halted', extent: 'country' }), T0);
      pacing.noted(to('c1'), refusal({ kind: 'window-closed' }), T0);
      pacing.noted(to('c1'), { kind: 'failed', code: 'x', retryable: false }, T0);
      pacing.noted(to('c1'), { kind: 'unknown', cause: 'x' }, T0);
      expect(goes(pacing, to('c1'), T0)).toBe(true);
    });

    test('takes turns with the others, also from one call to the next', () => {
      const pacing = new Pacing();
      const many = times(6, (index) => to(`c${index}`, 'a'));
      const few = [to('c0', 'b'), to('c0', 'c')];
      const order = (room: number) => pacing.admit([...many, ...few], T0, room).go.map(({ account }) => account);
      expect(order(5).join('')).toBe('abcaa');
      expect([order(1), order(1), order(1)].flat().join('')).toBe('bca');
    });

    test('does not lose its turn to one that may not send', () => {
      const pacing = new Pacing();
      pacing.noted(to('c', 'a'), refusal({ kind: 'account-halted', extent: 'account' }), T0);
      const all = [...times(50, (index) => to(`c${index}`, 'a')), to('c', 'b')];
      expect(pacing.admit(all, T0, 1).go).toEqual([to('c', 'b')]);
    });
  });

  test('tells what has no room that it may go at once', () => {
    const { go, later } = new Pacing().admit([to('c1'), to('c2')], T0, 1);
    expect(go).toEqual([to('c1')]);
    expect(later).toEqual([{ item: to('c2'), notBefore: T0 }]);
  });

  test('forgets what is idle, but not what the platform has just refused', () => {
    const pacing = new Pacing({ ...platformLimits, perSecond: () => 100_000 });
    let at = T0;
    pacing.noted(to('refused'), refusal({ kind: 'pair-limited' }), at);
    pacing.noted(to('c', 'acme', 'blocked'), refusal({ kind: 'sender-blocked', forMs: 1 }), at);
    for (let round = 0; round < 20; round += 1) {
      at = plus(at, 6_001);
      pacing.admit(
        times(600, (index) => to(`c${round}-${index}`)),
        at,
      );
    }
    expect(pacing.remembered).toBeLessThan(2_500);
    pacing.noted(to('refused'), refusal({ kind: 'pair-limited' }), at);
    expect(notBefore(pacing, to('refused'), at)).toBe(16 * SECOND_MS);
    expect(
      pacing.admit(
        times(5, (index) => to(`d${index}`, 'acme', 'blocked')),
        at,
      ).go,
    ).toHaveLength(1);
  });

  describe('always', () => {
    const name = (names: string): fc.Arbitrary<string> => fc.constantFrom(...names);
    const sendings = fc.array(fc.record({ account: name('abc'), sender: name('ST'), customer: name('xyz') }), {
      maxLength: 80,
    });
    const batches = fc.array(
      fc.record({
        items: sendings,
        afterMs: fc.integer({ min: 0, max: 9_000 }),
        room: fc.integer({ min: 0, max: 60 }),
      }),
      { maxLength: 25 },
    );
    const limits = fc.record({
      rate: fc.integer({ min: 1, max: 100 }),
      pairBurst: fc.integer({ min: 1, max: 6 }),
    });

    test('keeps each limit in any span of time, loses nothing, and keeps the order of a pair', () => {
      fc.assert(
        fc.property(limits, batches, ({ rate, pairBurst }, given) => {
          const pacing = new Pacing({ ...platformLimits, perSecond: () => rate, pairBurst });
          const wentAt = new Map<string, number[]>();
          let at = T0;
          let index = 0;
          for (const { items, afterMs, room } of given) {
            at = plus(at, afterMs);
            const numbered = items.map((item) => ({ ...item, index: (index += 1) }));
            const { go, later } = pacing.admit(numbered, at, room);
            expect(go.length).toBeLessThanOrEqual(room);
            const told = [...go, ...later.map(({ item }) => item)];
            expect(told.map((item) => item.index).sort((a, b) => a - b)).toEqual(numbered.map((item) => item.index));
            for (const pair of new Set(numbered.map((item) => `${item.account}${item.sender}${item.customer}`))) {
              const ofPair = told.filter((item) => `${item.account}${item.sender}${item.customer}` === pair);
              expect(ofPair.map((item) => item.index)).toEqual(ofPair.map((item) => item.index).sort((a, b) => a - b));
            }
            for (const { account, sender, customer } of go) {
              for (const key of [`${account}${sender}`, `${account}${sender}${customer}`]) {
                wentAt.set(key, [...(wentAt.get(key) ?? []), at]);
              }
            }
          }
          for (const [key, instants] of wentAt) {
            const [limit, spanMs] = key.length === 2 ? [rate, 1_000] : [pairBurst, 6_000];
            // No more than the limit within the span: the one after them is at least the span away.
            instants.slice(limit).forEach((later, place) => {
              expect(later - (instants[place] ?? Number.NaN)).toBeGreaterThanOrEqual(spanMs);
            });
          }
        }),
      );
    });

    test('lets a message go at the instant that it named, if nothing else went', () => {
      fc.assert(
        fc.property(limits, batches, ({ rate, pairBurst }, given) => {
          const pacing = new Pacing({ ...platformLimits, perSecond: () => rate, pairBurst });
          let at = T0;
          for (const { items, afterMs } of given) {
            at = plus(at, afterMs);
            const { go, later } = pacing.admit(items, at);
            const [first] = later;
            if (first === undefined) continue;
            // Those behind it to other customers went, and took of the sender's throughput after the instant was named.
            const behind = items.slice(items.indexOf(first.item) + 1);
            const { account, sender } = first.item;
            if (go.some((item) => item.account === account && item.sender === sender && behind.includes(item)))
              continue;
            expect(first.notBefore).toBeGreaterThan(at);
            expect(goes(pacing, first.item, plus(first.notBefore, -1))).toBe(false);
            expect(goes(pacing, first.item, first.notBefore)).toBe(true);
            at = first.notBefore;
          }
        }),
      );
    });

    test('gives no account two messages more than another that could send as well', () => {
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 2, maxLength: 6 }),
          fc.nat(60),
          (counts, room) => {
            const pacing = new Pacing({ ...platformLimits, perSecond: () => 10_000 });
            const items = counts.flatMap((count, account) => times(count, (index) => to(`c${index}`, `a${account}`)));
            const { go, later } = pacing.admit(items, T0, room);
            const went = (account: string) => go.filter((item) => item.account === account).length;
            const waits = new Set(later.map(({ item }) => item.account));
            for (const waiting of waits) {
              for (const { account } of items) expect(went(account) - went(waiting)).toBeLessThanOrEqual(1);
            }
          },
        ),
      );
    });
  });
});
