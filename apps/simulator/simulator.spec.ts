import { createHmac } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { MetaProvider } from '#adapters/meta/meta-provider';
import { MetaSettings } from '#adapters/meta/settings';
import { SinchProvider } from '#adapters/sinch/sinch-provider';
import { SinchSettings } from '#adapters/sinch/settings';
import type { ProviderMessage, SendProvider } from '#application/ports/send-provider';
import { HOUR_MS, instantOf, plus } from '#domain/time';
import { settingsByAccount } from '#platform/settings';
import { eventually } from '#testing/eventually';
import { answering, startScriptedServer, type ScriptedServer } from '#testing/scripted-server';
import { calm, type SimulatorOptions } from './options.js';
import { startSimulator, type RunningSimulator } from './start.js';

const PHONE = '491701234567';
const sinch = { projectId: 'p1', keyId: 'k1', keySecret: 'ks', apps: { '4930': 'app1' } };
const meta = { accessToken: 'tok', phoneNumberIds: { '1555': '1065' } };
const accounts = {
  acme: {
    sinch: { ...sinch, webhookSecret: 'ws' },
    meta: { ...meta, appSecret: 'as' },
    templates: [{ name: 'receipt', language: 'en', category: 'utility' as const }],
  },
};

const clock = { now: () => instantOf(Date.now()) };
const message = (correlation: string, content: ProviderMessage['content']): ProviderMessage => ({
  account: 'acme',
  customer: 'c1',
  intentId: correlation,
  claim: 'claim',
  correlation,
  sender: '1555',
  to: { phone: PHONE },
  content,
  validUntil: plus(clock.now(), HOUR_MS),
});
const text = { kind: 'session', messageType: 'text', text: 'hi' } as const;
const template = (name: string) => ({ kind: 'template', name, language: 'en', parameters: { 1: 'Ann' } }) as const;

/** Reads JSON by its path, as a webhook's reader would. */
const at = (json: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>(
    (part, key) => (typeof part === 'object' && part !== null ? Reflect.get(part, key) : undefined),
    json,
  );

describe('the platform simulator', () => {
  let folder: string;
  let gate: ScriptedServer;
  let running: RunningSimulator | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'simulator-'));
    gate = await startScriptedServer(answering(200, {}));
  });
  afterEach(async () => {
    await running?.stop();
    await gate.close();
    rmSync(folder, { recursive: true });
  });

  const start = async (given: Partial<SimulatorOptions> = {}): Promise<RunningSimulator> => {
    const book = join(folder, 'book.jsonl');
    const webhooks = `${gate.url}/webhooks`;
    running = await startSimulator({ ...calm, reportEveryMs: 1, accounts, book, webhooks, ...given }, 0);
    return running;
  };
  const url = (): string => running?.url ?? '';
  const api = async (method: string, path: string, body?: object): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url()}${path}`, { method, headers, body: JSON.stringify(body) });
    const answer = await response.text();
    return response.ok ? (answer === '' ? undefined : JSON.parse(answer)) : `${response.status} ${answer}`;
  };
  const throughMeta = (): SendProvider =>
    new MetaProvider(settingsByAccount(MetaSettings, { acme: { ...meta, apiUrl: url() } }, 'meta'), clock);
  const throughSinch = (): SendProvider => {
    const settings = { ...sinch, region: 'eu', apiUrl: url(), authUrl: url() };
    return new SinchProvider(settingsByAccount(SinchSettings, { acme: settings }, 'sinch'), clock);
  };
  const wrote = (body: object = {}) =>
    api('POST', `/customers/%2B${PHONE}/messages`, {
      account: 'acme',
      provider: 'meta',
      sender: '1555',
      text: 'hi',
      ...body,
    });

  test("speaks Meta's API: takes, refuses, and keeps the breaches", async () => {
    await start();
    const provider = throughMeta();
    expect(await provider.send(message('a', text))).toMatchObject({
      code: '131047',
      effect: { kind: 'window-closed' },
    });
    await wrote();
    expect(await provider.send(message('a', text))).toMatchObject({ kind: 'accepted' });
    expect(await provider.send(message('b', template('receipt')))).toMatchObject({ kind: 'accepted' });
    expect(await provider.send(message('c', template('nope')))).toMatchObject({ code: '132001' });
    await provider.send(message('b', text));
    expect(await api('GET', '/breaches')).toMatchObject([
      { breach: 'outside-window', correlation: 'a' },
      { breach: 'repeated', correlation: 'b' },
    ]);
    expect(await api('GET', '/')).toMatchObject({ attempts: 5, taken: 3, refused: 2, lost: 0, breaches: 2 });
  });

  test("speaks Sinch's API: takes all, and reports later what the channel refused", async () => {
    await start({ readRate: 0 });
    const provider = throughSinch();
    const sent = { ...message('a', text), sender: '4930' };
    expect(await provider.send(sent)).toMatchObject({ kind: 'accepted' });
    await eventually(() => gate.requests.length === 1);
    const report = at(JSON.parse(gate.requests[0]?.body ?? ''), 'message_delivery_report');
    expect(report).toMatchObject({
      status: 'FAILED',
      metadata: 'a',
      reason: { code: 'OUTSIDE_ALLOWED_SENDING_WINDOW', channel_code: '131047' },
    });
    await wrote({ provider: 'sinch', sender: '4930' });
    expect(await provider.send({ ...sent, correlation: 'b' })).toMatchObject({ kind: 'accepted' });
    await eventually(() => gate.requests.length === 4);
    expect(gate.requests.slice(2).map(({ body }) => at(JSON.parse(body), 'message_delivery_report', 'status'))).toEqual(
      expect.arrayContaining(['QUEUED_ON_CHANNEL', 'DELIVERED']),
    );
  });

  test('fails and falls silent as often as it is told; what is silent may have been taken', async () => {
    await start({ failureRate: 1 });
    expect(await throughMeta().send(message('a', template('receipt')))).toMatchObject({
      code: '131016',
      retryable: true,
    });
    expect(await throughSinch().send({ ...message('a', text), sender: '4930' })).toMatchObject({ retryable: true });
    await running?.stop();
    await start({ silenceRate: 1, book: join(folder, 'silent.jsonl') });
    const names = Array.from({ length: 12 }, (_, index) => `s${index}`);
    const outcomes = await Promise.all(names.map((name) => throughMeta().send(message(name, template('receipt')))));
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['unknown']));
    const fates = running?.simulator.messages().map(({ fate }) => fate);
    expect(new Set(fates)).toEqual(new Set(['taken', 'lost']));
  });

  test("signs Meta's webhooks over the escaped bytes on the wire, and batches them", async () => {
    await start();
    gate.script = () => undefined;
    await wrote({ text: 'Grüße 👋' });
    await eventually(() => gate.requests.length === 1);
    const [first] = gate.requests;
    const wire = first?.body ?? '';
    expect(first?.path).toBe('/webhooks/meta/acme');
    expect(wire).toMatch(/^[\x20-\x7e]+$/u);
    expect(wire).toContain('Gr\\u00fc\\u00dfe \\ud83d\\udc4b');
    expect(first?.headers['x-hub-signature-256']).toBe(
      `sha256=${createHmac('sha256', 'as').update(wire).digest('hex')}`,
    );
    expect(at(JSON.parse(wire), 'entry', 0, 'changes', 0)).toMatchObject({
      field: 'messages',
      value: {
        metadata: { display_phone_number: '1555', phone_number_id: '1065' },
        messages: [{ from: PHONE, type: 'text', text: { body: 'Grüße 👋' } }],
      },
    });
  });

  test("signs Sinch's webhooks over body, nonce and time", async () => {
    await start();
    await wrote({ provider: 'sinch', sender: '4930', text: 'é' });
    await eventually(() => gate.requests.length === 1);
    const { path, headers, body = '' } = gate.requests[0] ?? {};
    const nonce = String(headers?.['x-sinch-webhook-signature-nonce']);
    const timestamp = String(headers?.['x-sinch-webhook-signature-timestamp']);
    expect(path).toBe('/webhooks/sinch/acme');
    expect(headers?.['x-sinch-webhook-signature']).toBe(
      createHmac('sha256', 'ws').update(`${body}.${nonce}.${timestamp}`).digest('base64'),
    );
    expect(at(JSON.parse(body), 'message')).toMatchObject({
      contact_message: { text_message: { text: 'é' } },
      sender_id: '4930',
    });
  });

  test('repeats what was not taken in, sends twice as often as it is told, and tells once it is done', async () => {
    await start({ duplicateRate: 1, lateMs: 10 });
    let refusals = 0;
    gate.script = (request, response) => (refusals++ < 2 ? answering(503, {}) : answering(200, {}))(request, response);
    await wrote();
    expect(await api('GET', '/')).toMatchObject({ pending: 1 });
    await eventually(() => gate.requests.length === 4);
    await pause(100);
    expect(gate.requests).toHaveLength(4);
    expect(await api('GET', '/')).toMatchObject({ pending: 0 });
    expect(
      new Set(
        gate.requests.map(({ body }) => at(JSON.parse(body), 'entry', 0, 'changes', 0, 'value', 'messages', 0, 'id')),
      ).size,
    ).toBe(1);
  });

  test('puts updates out of order, late, in batches', async () => {
    await start({ shuffleMs: 300, batch: 10 });
    for (let index = 0; index < 30; index += 1) await wrote({ text: String(index) });
    const texts = () =>
      gate.requests.flatMap(({ body }) => {
        const changes = at(JSON.parse(body), 'entry', 0, 'changes');
        return Array.isArray(changes)
          ? changes.map((change) => at(change, 'value', 'messages', 0, 'text', 'body'))
          : [];
      });
    await eventually(() => texts().length === 30);
    expect(texts()).not.toEqual([...texts()].sort((a, b) => Number(a) - Number(b)));
    expect(gate.requests.length).toBeLessThan(30);
  });

  test('knows after it was killed what it knew, and sends what was not taken in', async () => {
    await start();
    gate.script = answering(503, {});
    await wrote();
    await throughMeta().send(message('a', text));
    await running?.stop();
    appendFileSync(join(folder, 'book.jsonl'), '{"kind":"attempt","id":"half');
    gate.script = answering(200, {});
    const before = gate.requests.length;
    await start();
    const provider = throughMeta();
    expect(await provider.send(message('b', text))).toMatchObject({ kind: 'accepted' });
    await provider.send(message('a', text));
    expect(await api('GET', '/breaches')).toMatchObject([{ breach: 'repeated', correlation: 'a' }]);
    await eventually(async () => at(await api('GET', '/'), 'pending') === 0);
    expect(
      gate.requests
        .slice(before)
        .map(({ body }) => body)
        .join('\n'),
    ).toContain('"from":');
    await running?.stop();
    await start();
    expect(await api('GET', '/')).toMatchObject({ attempts: 3, taken: 3, pending: 0 });
  });

  test('moves its time at command, also past the end of a window', async () => {
    await start();
    await wrote();
    await api('POST', '/clock', { byMs: 24 * HOUR_MS });
    expect(await throughMeta().send(message('a', text))).toMatchObject({ code: '131047' });
    await running?.stop();
    await start();
    expect(Date.parse(String(at(await api('GET', '/'), 'now'))) - Date.now()).toBeGreaterThan(23 * HOUR_MS);
  });

  test('tells of templates and preferences, and refuses by them', async () => {
    await start({ graceMs: 0 });
    await api('PUT', '/templates/receipt/en', { account: 'acme', status: 'PAUSED', category: 'utility' });
    await api('PUT', '/templates/offer/en', { account: 'acme', status: 'APPROVED', category: 'marketing' });
    await api('POST', `/customers/${PHONE}/preferences`, { account: 'acme', sender: '1555', value: 'stop' });
    await eventually(async () => at(await api('GET', '/'), 'pending') === 0);
    const fields = gate.requests.flatMap(({ body }) => {
      const changes = at(JSON.parse(body), 'entry', 0, 'changes');
      return Array.isArray(changes) ? changes.map((change) => at(change, 'field')) : [];
    });
    expect(fields.sort()).toEqual([
      'message_template_status_update',
      'message_template_status_update',
      'user_preferences',
    ]);
    expect(await throughMeta().send(message('a', template('receipt')))).toMatchObject({
      code: '132015',
      effect: { kind: 'template-unavailable', status: 'paused' },
    });
    expect(await throughMeta().send(message('b', template('offer')))).toMatchObject({
      code: '131050',
      effect: { kind: 'opted-out', scope: 'marketing' },
    });
  });

  test.each([
    ['POST', `/customers/12/messages`, {}, 'phone'],
    ['POST', `/customers/${PHONE}/messages`, {}, 'account'],
    ['POST', `/customers/${PHONE}/messages`, { account: 'acme', sender: '1555' }, 'text'],
    ['POST', `/customers/${PHONE}/messages`, { account: 'acme', text: 'hi' }, 'sender'],
    ['POST', `/customers/${PHONE}/messages`, { account: 'acme', sender: '1', type: 'video' }, 'type'],
    ['PUT', `/templates/a/en`, { account: 'acme', status: 'FINE' }, 'status'],
    ['POST', `/clock`, { byMs: -1 }, 'byMs'],
  ])('answers %s %s with %j by naming %s', async (method, path, body, field) => {
    await start();
    expect(await api(method, path, body)).toMatch(new RegExp(`^400 .*"${field}: `, 'u'));
  });

  test('lets in only those who have the credentials', async () => {
    await start();
    const stranger = settingsByAccount(
      MetaSettings,
      { acme: { ...meta, accessToken: 'other', apiUrl: url() } },
      'meta',
    );
    expect(await new MetaProvider(stranger, clock).send(message('a', text))).toMatchObject({
      code: '190',
      effect: { kind: 'account-halted' },
    });
    const settings = { ...sinch, keySecret: 'other', region: 'eu', apiUrl: url(), authUrl: url() };
    const provider = new SinchProvider(settingsByAccount(SinchSettings, { acme: settings }, 'sinch'), clock);
    expect(await provider.send({ ...message('a', text), sender: '4930' })).toMatchObject({
      code: 'UNAUTHENTICATED',
      effect: { kind: 'account-halted' },
    });
    expect(await api('GET', '/')).toMatchObject({ attempts: 0 });
  });
});
