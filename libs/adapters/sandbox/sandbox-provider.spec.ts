import { afterEach, describe, expect, test } from '@jest/globals';
import type { ProviderMessage } from '#application/ports/send-provider';
import type { DeliveryReport } from '#contracts/inbound/delivery-reports';
import { HOUR_MS, instantOf, plus } from '#domain/time';
import { eventually } from '#testing/eventually';
import { SandboxProvider, type SandboxOptions } from './sandbox-provider.js';

const T0 = instantOf(Date.UTC(2026, 10, 2, 9));
const PHONE = '491701234567';
const calm: SandboxOptions = {
  seed: 1,
  latencyMs: 0,
  failureRate: 0,
  timeoutRate: 0,
  readRate: 1,
  graceMs: 5,
  reportEveryMs: 0,
  stopWords: ['STOP'],
};
const none = { outsideWindow: 0, afterStop: 0, repeated: 0 };

const message = (correlation: string, kind: 'session' | 'template' = 'session'): ProviderMessage => ({
  account: 'acme',
  customer: 'c1',
  intentId: correlation,
  claim: 'claim',
  correlation,
  sender: 'S1',
  to: { phone: PHONE },
  content:
    kind === 'session'
      ? { kind, messageType: 'text', text: 'hi' }
      : { kind, name: 'receipt', language: 'en', parameters: {} },
  validUntil: plus(T0, HOUR_MS),
});

describe('the sandbox provider', () => {
  let open: SandboxProvider | undefined;
  afterEach(() => open?.close());

  const sandbox = (options: Partial<SandboxOptions> = {}) => {
    const clock = { at: T0, now: () => clock.at };
    const reports: DeliveryReport[] = [];
    const provider = new SandboxProvider({ ...calm, ...options }, clock, (report) => reports.push(report));
    open = provider;
    return {
      provider,
      clock,
      reports,
      wrote: (text = 'hello') => provider.told({ sender: 'S1', phone: `+${PHONE}`, at: clock.at, text }),
    };
  };

  test('takes a session message for 24 hours, and not a millisecond longer', async () => {
    const { provider, clock, wrote } = sandbox();
    wrote();
    clock.at = plus(T0, 24 * HOUR_MS - 1);
    expect(await provider.send(message('a'))).toMatchObject({ kind: 'accepted' });
    clock.at = plus(T0, 24 * HOUR_MS);
    expect(await provider.send(message('b'))).toEqual({
      kind: 'failed',
      code: '131047',
      retryable: false,
      effect: { kind: 'window-closed' },
    });
    expect(provider.breaches).toEqual({ ...none, outsideWindow: 1 });
    expect(await provider.send(message('c', 'template'))).toMatchObject({ kind: 'accepted' });
  });

  test('keeps windows by sender, and lets an old message shorten none', async () => {
    const { provider, clock, wrote } = sandbox();
    wrote();
    provider.told({ sender: 'S1', phone: PHONE, at: plus(T0, -30 * HOUR_MS) });
    expect(await provider.send(message('a'))).toMatchObject({ kind: 'accepted' });
    clock.at = plus(T0, 1);
    expect(await provider.send({ ...message('b'), sender: 'S2' })).toMatchObject({ code: '131047' });
  });

  test("waits a moment for the customer's message, which may be told late", async () => {
    const { provider, wrote } = sandbox({ graceMs: 60_000 });
    const sending = provider.send(message('a'));
    provider.told({ sender: 'S1', phone: PHONE, at: plus(T0, -30 * HOUR_MS) });
    await new Promise(setImmediate);
    wrote();
    expect(await sending).toMatchObject({ kind: 'accepted' });
    expect(provider.breaches).toEqual(none);
  });

  test('takes one confirmation of a STOP, then nothing until the customer writes or opts in', async () => {
    const { provider, clock, wrote } = sandbox();
    wrote(' stop ');
    expect(await provider.send(message('t', 'template'))).toMatchObject({
      effect: { kind: 'opted-out', scope: 'all' },
    });
    expect(await provider.send(message('a'))).toMatchObject({ kind: 'accepted' });
    expect(await provider.send(message('b'))).toMatchObject({ effect: { kind: 'opted-out' } });
    expect(provider.breaches).toEqual({ ...none, afterStop: 2 });
    clock.at = plus(T0, 1_000);
    wrote('why?');
    expect(await provider.send(message('c'))).toMatchObject({ kind: 'accepted' });
    expect(await provider.send(message('d', 'template'))).toMatchObject({ kind: 'failed' });
    provider.optedIn('S1', PHONE);
    expect(await provider.send(message('e', 'template'))).toMatchObject({ kind: 'accepted' });
  });

  test('counts a correlation that is sent again after it was accepted, also by calls at the same time', async () => {
    const { provider, wrote } = sandbox({ latencyMs: 1 });
    wrote();
    await Promise.all([provider.send(message('a')), provider.send(message('a')), provider.send(message('b'))]);
    expect(provider.breaches).toEqual({ ...none, repeated: 1 });
    expect(provider.sent).toBe(3);
  });

  test('repeating a definite failure is no breach; repeating what timed out after it was taken is', async () => {
    const failing = sandbox({ failureRate: 1 });
    failing.wrote();
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await failing.provider.send(message('a'))).toEqual({ kind: 'failed', code: '130429', retryable: true });
    }
    expect(failing.provider.breaches).toEqual(none);
    const silent = sandbox({ timeoutRate: 1 });
    silent.wrote();
    for (const correlation of ['a', 'b', 'b', 'a']) {
      expect(await silent.provider.send(message(correlation))).toMatchObject({ kind: 'unknown' });
    }
    // Every other silent call was taken: the first `a` and the second `b`.
    expect(silent.provider.sent).toBe(2);
    expect(silent.provider.breaches).toEqual({ ...none, repeated: 1 });
  });

  test('the same seed fails the same calls', async () => {
    const kinds = async (seed: number) => {
      const { provider, wrote } = sandbox({ seed, failureRate: 0.5 });
      wrote();
      const outcomes = [];
      for (let call = 0; call < 40; call += 1) outcomes.push((await provider.send(message(`m${call}`))).kind);
      return outcomes;
    };
    const first = await kinds(7);
    expect(await kinds(7)).toEqual(first);
    expect(await kinds(8)).not.toEqual(first);
    expect(new Set(first)).toEqual(new Set(['accepted', 'failed']));
  });

  test('reports sent, delivered and read, with the correlation, also on a message whose call timed out', async () => {
    const { provider, reports, wrote } = sandbox({ timeoutRate: 1 });
    wrote();
    await provider.send(message('a'));
    await eventually(() => reports.length === 3);
    expect(reports.map(({ status }) => status)).toEqual(['sent', 'delivered', 'read']);
    expect(reports[0]).toEqual({
      account: 'acme',
      provider: 'sandbox',
      sender: 'S1',
      customer: { phone: PHONE },
      providerMessageId: 'sandbox.1.1',
      status: 'sent',
      at: T0,
      correlation: 'a',
    });
  });
});
