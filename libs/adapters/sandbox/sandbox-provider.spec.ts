import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ProviderMessage } from '#application/ports/send-provider';
import type { DeliveryReport } from '#contracts/inbound/delivery-reports';
import { HOUR_MS, instantOf, plus, type Instant } from '#domain/time';
import { eventually } from '#testing/eventually';
import { SandboxProvider } from './sandbox-provider.js';
import type { SandboxOptions } from './sandbox-options.js';

const T0 = instantOf(Date.UTC(2026, 10, 2, 9));
const PHONE = '491701234567';
const calm: SandboxOptions = {
  seed: 1,
  latencyMs: 0,
  failureRate: 0,
  timeoutRate: 0,
  readRate: 1,
  graceMs: 5,
  reportEveryMs: 1,
};
const none = { 'outside-window': 0, 'after-stop': 0, repeated: 0 };

let claims = 0;
const message = (correlation: string, kind: 'session' | 'template' = 'session'): ProviderMessage => ({
  account: 'acme',
  customer: 'c1',
  intentId: correlation,
  claim: `claim-${(claims += 1)}`,
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
  let folder: string;
  let books = 0;
  let file: string;
  const open: SandboxProvider[] = [];
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'tidegate-sandbox-'))));
  afterAll(() => rm(folder, { recursive: true }));
  beforeEach(() => void (file = join(folder, String((books += 1)), 'book.jsonl')));
  afterEach(async () => void (await Promise.all(open.splice(0).map((provider) => provider.close()))));

  const sandbox = (
    options: Partial<SandboxOptions> = {},
    publish: (reports: readonly DeliveryReport[]) => Promise<void> = async () => undefined,
  ) => {
    const clock = { at: T0, now: () => clock.at };
    const provider = new SandboxProvider({ ...calm, ...options }, file, clock, publish);
    open.push(provider);
    const wrote = (text = 'hello', at: Instant = clock.at) =>
      provider.told([{ sender: 'S1', person: `+${PHONE}`, at, text }]);
    return { provider, clock, wrote };
  };
  const graceOver = () => new Promise((resolve) => setTimeout(resolve, 2 * calm.graceMs));

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
    expect(provider.breaches).toEqual({ ...none, 'outside-window': 1 });
    expect(await provider.send(message('c', 'template'))).toMatchObject({ kind: 'accepted' });
  });

  test('keeps windows by sender, and lets an old message shorten none', async () => {
    const { provider, clock, wrote } = sandbox();
    wrote();
    wrote('earlier', plus(T0, -30 * HOUR_MS));
    expect(await provider.send(message('a'))).toMatchObject({ kind: 'accepted' });
    clock.at = plus(T0, 1);
    expect(await provider.send({ ...message('b'), sender: 'S2' })).toMatchObject({ code: '131047' });
  });

  test("waits a moment for the customer's message, which may be told late", async () => {
    const { provider, wrote } = sandbox({ graceMs: 60_000 });
    const sending = provider.send(message('a'));
    wrote('too old', plus(T0, -30 * HOUR_MS));
    await new Promise(setImmediate);
    wrote();
    expect(await sending).toMatchObject({ kind: 'accepted' });
    expect(provider.breaches).toEqual(none);
  });

  test('takes one confirmation of a STOP, then nothing until the customer writes or opts in', async () => {
    const { provider, clock, wrote } = sandbox();
    wrote(' stop ');
    await graceOver();
    expect(await provider.send(message('t', 'template'))).toMatchObject({
      effect: { kind: 'opted-out', scope: 'all' },
    });
    expect(await provider.send(message('a'))).toMatchObject({ kind: 'accepted' });
    expect(await provider.send(message('b'))).toMatchObject({ effect: { kind: 'opted-out' } });
    expect(provider.breaches).toEqual({ ...none, 'after-stop': 2 });
    clock.at = plus(T0, 1_000);
    wrote('why?');
    expect(await provider.send(message('c'))).toMatchObject({ kind: 'accepted' });
    expect(await provider.send(message('d', 'template'))).toMatchObject({ kind: 'failed' });
    provider.consented([{ person: PHONE, status: 'in', at: clock.at }]);
    expect(await provider.send(message('e', 'template'))).toMatchObject({ kind: 'accepted' });
  });

  test('blames nobody for a STOP that the gate may not have heard of yet', async () => {
    const { provider, wrote } = sandbox({ graceMs: 60_000 });
    wrote('STOP');
    expect(await provider.send(message('a', 'template'))).toMatchObject({ kind: 'accepted' });
    expect(provider.breaches).toEqual(none);
  });

  test('counts a correlation that is sent again after it was taken, also by calls at the same time', async () => {
    const { provider, wrote } = sandbox({ latencyMs: 1 });
    wrote();
    await Promise.all([provider.send(message('a')), provider.send(message('a')), provider.send(message('b'))]);
    expect(provider.breaches).toEqual({ ...none, repeated: 1 });
    expect(provider.taken).toBe(3);
  });

  test('the book outlives its process, half lines included, and is shared with others', async () => {
    const first = sandbox();
    first.wrote();
    await first.provider.send(message('a'));
    await appendFile(file, '{"kind":"took","corr');
    const second = sandbox();
    expect(await second.provider.send(message('b'))).toMatchObject({ kind: 'accepted' });
    await first.provider.send(message('b'));
    await second.provider.send(message('a'));
    expect(first.provider.breaches).toEqual({ ...none, repeated: 2 });
    expect(second.provider.breaches).toEqual({ ...none, repeated: 2 });
    const taken = (await readFile(file, 'utf8')).split('\n').filter((line) => /"kind":"took".*}$/.test(line));
    expect(taken).toHaveLength(4);
  });

  test('repeating a definite failure is no breach; repeating what timed out after it was taken is', async () => {
    const failing = sandbox({ failureRate: 1 });
    failing.wrote();
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await failing.provider.send(message('a'))).toEqual({ kind: 'failed', code: '130429', retryable: true });
    }
    expect(failing.provider.breaches).toEqual(none);
    const silent = sandbox({ timeoutRate: 1 });
    for (const correlation of ['a', 'b', 'b', 'a']) {
      expect(await silent.provider.send(message(correlation))).toMatchObject({ kind: 'unknown' });
    }
    // Every other silent call was taken: the first `a` and the second `b`.
    expect(silent.provider.taken).toBe(2);
    expect(silent.provider.breaches).toEqual(none);
    await silent.provider.send(message('x'));
    await silent.provider.send(message('x'));
    await silent.provider.send(message('x'));
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
    const reports: DeliveryReport[] = [];
    const { provider, wrote } = sandbox({ timeoutRate: 1 }, async (more) => void reports.push(...more));
    wrote();
    const sent = message('a');
    await provider.send(sent);
    await eventually(() => reports.length === 3);
    expect(reports.map(({ status }) => status)).toEqual(['sent', 'delivered', 'read']);
    expect(reports[0]).toEqual({
      account: 'acme',
      provider: 'sandbox',
      sender: 'S1',
      customer: { phone: PHONE },
      providerMessageId: `sandbox.${sent.claim}`,
      status: 'sent',
      at: T0,
      correlation: 'a',
    });
  });

  test('reports that the queue did not take come again, also from the next process, and none twice', async () => {
    let refused = 0;
    const first = sandbox({}, async () => {
      refused += 1;
      throw new Error('The queue is down.');
    });
    first.wrote();
    await first.provider.send(message('a'));
    await eventually(() => refused > 1);
    await first.provider.close();
    open.splice(0);
    const reports: DeliveryReport[] = [];
    const second = sandbox({}, async (more) => void reports.push(...more));
    await eventually(() => reports.length === 3);
    await second.provider.close();
    open.splice(0);
    sandbox({}, async (more) => void reports.push(...more));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(reports.map(({ status }) => status)).toEqual(['sent', 'delivered', 'read']);
  });
});
