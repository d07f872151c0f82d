import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { InfrastructureError } from '#application/errors';
import type { CustomerRow, DecisionRow } from '#application/ports/read-model';
import { readMessage } from '#contracts/read-message';
import type { CustomerEvent, Decided } from '#domain/gate/events';
import { initialCustomer } from '#domain/gate/state';
import { initialTemplate } from '#domain/template';
import { HOUR_MS, plus } from '#domain/time';
import { intentExample, settlementExample } from '#apps/insights/examples';
import { openApi } from '#apps/insights/reference';
import { acme, identity, now, openInsights, type Insights } from './api.js';

const ada = identity.customerOf('acme', { phone: '4915112345678' });
const formerAda = identity.customerOf('acme', { userId: 'DE.ada' });

let api: Insights;
let readModel: Insights['readModel'];
let producer: Insights['producer'];
beforeAll(async () => {
  api = await openInsights();
  ({ readModel, producer } = api);
});
afterAll(() => api.close());
beforeEach(() => {
  producer.sent = [];
  producer.refusal = undefined;
});

const dto = {
  account: 'acme',
  customer: { phone: '+4915112345678' },
  intentId: 'order/1',
  sender: '15550001111',
  message: { type: 'text', text: 'Hello Ada' },
};

describe('POST /v1/send-intents', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  test('publishes one intent as the topic reads it, and says where its decision will be', async () => {
    const answer = await api.post(dto, { traceparent });
    expect(answer).toMatchObject({
      status: 202,
      body: {
        decisions: [{ intentId: 'order/1', href: `/v1/accounts/acme/customers/${ada}/intents/order%2F1` }],
      },
    });
    const [message] = producer.sent;
    expect(message).toMatchObject({ topic: 'tidegate.send-intents.v1', key: `acme.${ada}` });
    const received = { partition: 0, offset: 0, at: now, topic: '', key: '', value: '', headers: {}, ...message };
    expect(readMessage('send-intents', received)).toMatchObject({
      kind: 'valid',
      type: 'send',
      data: { account: 'acme', intent: { intentId: 'order/1' }, personal: { text: 'Hello Ada' } },
      envelope: { traceparent },
    });
  });

  test('takes the example of the description', async () => {
    expect(await api.post(intentExample)).toMatchObject({ status: 202 });
  });

  test('a repeated request is the same CloudEvent, other content is another', async () => {
    await api.post(dto);
    await api.post(dto);
    await api.post({ ...dto, message: { type: 'text', text: 'Hello Eve' } });
    const ids = producer.sent.map(({ value }) => JSON.parse(value ?? '').id);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  test('publishes a batch of a thousand in its order', async () => {
    const intents = Array.from({ length: 1_000 }, (_, index) => ({ ...dto, intentId: `order-${index}` }));
    const { status } = await api.post({ intents });
    expect(status).toBe(202);
    expect(producer.sent.map(({ value }) => JSON.parse(value ?? '').data.intentId)).toEqual(
      intents.map(({ intentId }) => intentId),
    );
  });

  test.each<[string, unknown, object]>([
    ['a missing field', { ...dto, sender: undefined }, { field: 'sender', remedy: expect.stringMatching(/^Add/) }],
    [
      'one bad intent of a batch',
      { intents: [dto, { ...dto, message: { type: 'text', text: '' } }] },
      { field: 'message.text', index: 1, remedy: expect.stringMatching(/./) },
    ],
    ['an empty batch', { intents: [] }, { field: 'intents', remedy: expect.stringMatching(/./) }],
    ['too large a batch', { intents: Array.from({ length: 1_001 }, () => dto) }, { field: 'intents' }],
    ['no object', [], { field: '' }],
  ])('refuses %s and publishes nothing', async (_, body, problem) => {
    const answer = await api.post(body);
    expect(answer).toMatchObject({ status: 422, type: 'application/problem+json' });
    expect(answer.body).toMatchObject({ status: 422, code: 'message-invalid', detail: expect.any(String), ...problem });
    expect(producer.sent).toEqual([]);
  });

  test('refuses what is not JSON', async () => {
    expect(await api.post('{')).toMatchObject({ status: 400, type: expect.stringMatching(/problem\+json/) });
  });

  test('refuses more than it would hold in memory', async () => {
    const answer = await api.post({ ...dto, message: { type: 'text', text: 'x'.repeat(9 * 1024 * 1024) } });
    expect(answer).toMatchObject({ status: 413, type: expect.stringMatching(/problem\+json/) });
  });

  test('does not say that it took what the queue did not', async () => {
    producer.refusal = new InfrastructureError('queue-unavailable', 'The queue is away.');
    expect(await api.post(dto)).toMatchObject({ status: 503, body: { code: 'queue-unavailable' } });
  });
});

describe('POST the settlement of an unknown outcome', () => {
  const path = `/v1/accounts/acme/customers/${ada}/intents/order%2F1/settlement`;
  const unknown = { delivery: 'outcome-unknown' } as const;
  beforeEach(() => {
    readModel.accountRows = [acme];
    readModel.customerRows = [customer(ada, {})];
    readModel.decisionRows = [decision(unknown)];
  });

  test('publishes it as the topic reads it; a repeat is the same CloudEvent', async () => {
    const body = { outcome: 'delivered', settledBy: 'jane', providerMessageId: 'wamid.1' };
    expect(await api.postTo(path, body)).toMatchObject({
      status: 202,
      body: { intentId: 'order/1', href: `/v1/accounts/acme/customers/${ada}/intents/order%2F1` },
    });
    await api.postTo(path.replace(ada, '%2B4915112345678'), body);
    const [message, repeat] = producer.sent;
    expect(message).toMatchObject({ topic: 'tidegate.delivery-reports.v1', key: `acme.${ada}` });
    expect(repeat).toEqual(message);
    const received = { partition: 0, offset: 0, at: now, topic: '', key: '', value: '', headers: {}, ...message };
    expect(readMessage('delivery-reports', received)).toMatchObject({
      kind: 'valid',
      type: 'settlement',
      data: { account: 'acme', customer: ada, intentId: 'order/1', settlement: body },
    });
  });

  test('takes the example of the description', async () => {
    expect(await api.postTo(path, settlementExample)).toMatchObject({ status: 202 });
  });

  test.each([
    ['outcome', { settledBy: 'jane' }],
    ['outcome', { outcome: 'lost', settledBy: 'jane' }],
    ['settledBy', { outcome: 'failed' }],
    ['outcome', []],
  ])('without a good %s nothing is published: %j', async (field, body) => {
    expect(await api.postTo(path, body)).toMatchObject({ status: 422, body: { field, remedy: expect.any(String) } });
    expect(producer.sent).toEqual([]);
  });

  test.each([
    ['read', 'It is read'],
    ['started', 'It is started'],
    [null, 'It is refused'],
  ] as const)('is refused while the delivery is %s', async (delivery, detail) => {
    readModel.decisionRows = [decision({ delivery, outcome: delivery === null ? 'refused' : 'authorised' })];
    expect(await api.postTo(path, settlementExample)).toMatchObject({
      status: 409,
      body: { code: 'outcome-not-unknown', field: 'intentId', detail: expect.stringContaining(detail) },
    });
    expect(producer.sent).toEqual([]);
  });

  test('of nothing that was decided, or of no account, is not found', async () => {
    expect(await api.postTo(path.replace('order', 'other'), settlementExample)).toMatchObject({
      status: 404,
      body: { code: 'not-found' },
    });
    expect(await api.postTo(path.replace('acme', 'nobody'), settlementExample)).toMatchObject({
      status: 404,
      body: { code: 'account-unknown' },
    });
  });
});

describe('DELETE an intent', () => {
  beforeEach(() => {
    readModel.customerRows = [customer(formerAda, { survivor: ada }), customer(ada, {})];
  });

  test.each([
    ['id', ada, ada],
    ['phone', '+4915112345678', ada],
    ['user id, under which it was sent', 'DE.ada', formerAda],
  ])('by %s: publishes its cancellation as the topic reads it', async (_, named, id) => {
    const path = `/v1/accounts/acme/customers/${named}/intents/order%2F1`;
    expect(await api.delete(`${path}?reason=sold%20out`, { traceparent: '00-a-b-01' })).toMatchObject({
      status: 202,
      body: { intentId: 'order/1', href: `/v1/accounts/acme/customers/${id}/intents/order%2F1` },
    });
    const [message] = producer.sent;
    expect(message).toMatchObject({ topic: 'tidegate.send-intents.v1', key: `acme.${id}` });
    const received = { partition: 0, offset: 0, at: now, topic: '', key: '', value: '', headers: {}, ...message };
    expect(readMessage('send-intents', received)).toMatchObject({
      kind: 'valid',
      type: 'cancel',
      data: { account: 'acme', customer: id, intentId: 'order/1', reason: 'sold out' },
      envelope: { traceparent: '00-a-b-01' },
    });
  });

  test('a repeat is the same CloudEvent, and not that of the intent', async () => {
    await api.delete(`/v1/accounts/acme/customers/${ada}/intents/order%2F1`);
    await api.delete(`/v1/accounts/acme/customers/${ada}/intents/order%2F1`);
    await api.post(dto);
    const [first, second, intended] = producer.sent.map(({ value }) => JSON.parse(value ?? '').id);
    expect(second).toBe(first);
    expect(intended).not.toBe(first);
  });

  test.each([
    ['account', `Acme/customers/${ada}/intents/a`],
    ['intentId', `acme/customers/${ada}/intents/${'x'.repeat(129)}`],
    ['reason', `acme/customers/${ada}/intents/a?reason=${'x'.repeat(1025)}`],
    ['reason', `acme/customers/${ada}/intents/a?reason=a&reason=b`],
  ])('what the topic does not allow is refused with the field %s', async (field, path) => {
    expect(await api.delete(`/v1/accounts/${path}`)).toMatchObject({ status: 422, body: { field } });
    expect(producer.sent).toEqual([]);
  });
});

const customer = (id: string, state: Partial<CustomerRow['state']>): CustomerRow => ({
  account: 'acme',
  customer: id,
  revision: 4,
  state: { ...initialCustomer, ...state },
});

describe('GET …/windows', () => {
  beforeEach(() => {
    readModel.accountRows = [acme];
    readModel.customerRows = [
      customer(formerAda, { survivor: ada }),
      customer(ada, {
        windows: {
          '1': { openerAt: plus(now, -23 * HOUR_MS) },
          // In its margin: the customer may still write, the gate no longer.
          '2': { openerAt: plus(now, -24 * HOUR_MS + 60_000) },
          '3': { correctedAt: now },
        },
        consents: { marketing: { status: 'out', at: plus(now, -1_000), source: 'form', reference: 'wamid.1' } },
        cooldowns: [
          { scope: 'all', until: now, exceptInWindow: false },
          { scope: 'marketing', until: plus(now, 1), exceptInWindow: true },
        ],
      }),
    ];
  });

  test.each([
    ['id', ada],
    ['phone', '+4915112345678'],
    ['merged user id', 'DE.ada'],
    ['merged id', formerAda],
  ])('by %s: windows, consents and cooldowns as of now', async (_, named) => {
    const { status, body } = await api.get(`/v1/accounts/acme/customers/${named}/windows`);
    expect(status).toBe(200);
    expect(body).toEqual({
      account: 'acme',
      customer: ada,
      revision: 4,
      policy: 'sinch-2021@1',
      asOf: '2026-05-04T12:00:00.000Z',
      windows: [
        {
          sender: '1',
          state: 'open',
          openerAt: '2026-05-03T13:00:00.000Z',
          endsAt: '2026-05-04T13:00:00.000Z',
          closesAt: '2026-05-04T12:59:00.000Z',
          remainingMs: 59 * 60_000,
        },
        {
          sender: '2',
          state: 'closed',
          openerAt: '2026-05-03T12:01:00.000Z',
          endsAt: '2026-05-04T12:01:00.000Z',
          closesAt: '2026-05-04T12:00:00.000Z',
          remainingMs: 0,
        },
        { sender: '3', state: 'closed', openerAt: null, endsAt: null, closesAt: null, remainingMs: 0 },
      ],
      consents: [{ scope: 'marketing', status: 'out', at: '2026-05-04T11:59:59.000Z', source: 'form' }],
      cooldowns: [{ scope: 'marketing', until: '2026-05-04T12:00:00.001Z', exceptInWindow: true }],
    });
  });

  test.each([
    ['an unknown customer', 'acme/customers/+4915100000000', 'not-found'],
    ['an unknown id', 'acme/customers/tW7lR0dQID0O7aIwxKEyL_fwEX', 'not-found'],
    ['an unknown account', `other/customers/${ada}`, 'account-unknown'],
  ])('%s is a problem', async (_, path, code) => {
    expect(await api.get(`/v1/accounts/${path}/windows`)).toMatchObject({ status: 404, body: { code } });
  });
});

const intent = {
  intentId: 'order/1',
  sender: '15550001111',
  content: { kind: 'session', messageType: 'text' },
  whenClosed: 'refuse',
  whenPaused: 'refuse',
  sendAt: now,
  fingerprint: 'f'.repeat(22),
} as const;
const refusal: Decided = {
  type: 'SendRefused',
  at: now,
  intent,
  ordinal: 1,
  rule: '7',
  trace: { '7': 'applies' },
  policy: 'sinch-2021@1',
  evidence: {
    customerRevision: 3,
    accountRevision: 2,
    windowEnd: now,
    consent: { status: 'in', scope: 'all', at: now },
  },
  cost: 'included',
  reason: 'window-closed',
  remedy: 'the customer writes',
  personal: { to: { phone: '+4915112345678' }, text: 'Hello Ada' },
};
const decision = (change: Partial<DecisionRow> = {}, event: CustomerEvent = refusal): DecisionRow => ({
  account: 'acme',
  customer: ada,
  intentId: 'order/1',
  fingerprint: 'f'.repeat(22),
  outcome: 'refused',
  reason: 'window-closed',
  delivery: null,
  commandId: null,
  providerMessageId: null,
  sender: '15550001111',
  decidedAt: now,
  revision: 4,
  position: 10,
  decidedIn: ada,
  // The events of all tests lie in one stream.
  decidedAs: api.events.push(event) - 1,
  ...change,
});

describe('GET a decision', () => {
  beforeEach(() => {
    readModel.accountRows = [acme];
    readModel.customerRows = [customer(formerAda, { survivor: ada }), customer(ada, {})];
    readModel.decisionRows = [decision({ customer: formerAda, outcome: 'held', position: 9 }), decision()];
  });
  const at = '2026-05-04T12:00:00.000Z';

  test.each([ada, '+4915112345678', 'DE.ada'])('of %s: all that it stood on, nothing personal', async (named) => {
    const { status, body } = await api.get(`/v1/accounts/acme/customers/${named}/intents/order%2F1`);
    expect(status).toBe(200);
    expect(body).toEqual({
      account: 'acme',
      customer: ada,
      intentId: 'order/1',
      outcome: 'refused',
      reason: 'window-closed',
      remedy: 'the customer writes',
      delivery: null,
      sender: '15550001111',
      commandId: null,
      decidedAt: at,
      revision: 4,
      ordinal: 1,
      rule: '7',
      trace: { '7': 'applies' },
      policy: 'sinch-2021@1',
      cost: 'included',
      evidence: {
        customerRevision: 3,
        accountRevision: 2,
        windowEnd: at,
        consent: { status: 'in', scope: 'all', at },
      },
      intent: {
        intentId: 'order/1',
        sender: '15550001111',
        content: { kind: 'session', messageType: 'text' },
        whenClosed: 'refuse',
        whenPaused: 'refuse',
        sendAt: at,
      },
    });
  });

  test('whose event is not in the log is a problem, and never somebody else’s decision', async () => {
    readModel.decisionRows = [decision({ decidedIn: formerAda })];
    const { status, body } = await api.fetched('GET', `/v1/accounts/acme/customers/${ada}/intents/order%2F1`);
    expect([status, body]).toEqual([500, expect.objectContaining({ code: 'store-corrupt' })]);
  });

  test('an unknown one is a problem', async () => {
    expect(await api.get(`/v1/accounts/acme/customers/${ada}/intents/none`)).toMatchObject({
      status: 404,
      type: expect.stringMatching(/problem\+json/),
      body: { code: 'not-found', field: 'intentId' },
    });
  });

  test('a cancelled one: in the words of the upstream, also where the intent never came', async () => {
    const cancelled = { type: 'SendCancelled', at: now, intentId: 'order/1', reason: 'sold out' } as const;
    const row = { outcome: 'cancelled', reason: null } as const;
    readModel.decisionRows = [
      decision(row, { ...cancelled, intent }),
      decision({ ...row, intentId: 'b', sender: '', fingerprint: '' }, cancelled),
    ];
    const { body } = await api.get(`/v1/accounts/acme/customers/${ada}/intents/order%2F1`);
    const shown = { account: 'acme', customer: ada, outcome: 'cancelled', delivery: null, commandId: null };
    const told = { ...shown, decidedAt: at, revision: 4, because: 'sold out' };
    expect(body).toMatchObject({ ...told, intentId: 'order/1', sender: '15550001111', intent: { sendAt: at } });
    const overtaking = await api.get(`/v1/accounts/acme/customers/${ada}/intents/b`);
    expect(overtaking.body).toEqual({ ...told, intentId: 'b' });
  });

  test.each(['pending', 'delivered', 'failed'] as const)('an authorised one that is %s', async (delivery) => {
    const { reason: _reason, remedy: _remedy, ...record } = refusal;
    const authorised = { ...record, type: 'SendAuthorised', content: 'own', validUntil: now, usesSlot: false } as const;
    readModel.decisionRows = [decision({ outcome: 'authorised', reason: null, delivery, commandId: 'c' }, authorised)];
    const { body } = await api.get(`/v1/accounts/acme/customers/${ada}/intents/order%2F1`);
    expect(body).toMatchObject({ outcome: 'authorised', delivery, commandId: 'c', content: 'own', validUntil: at });
  });

  test('lists those on one intent id, at most a hundred', async () => {
    readModel.decisionRows = Array.from({ length: 101 }, () => decision());
    const { status, body } = await api.get('/v1/accounts/acme/intents?intentId=order%2F1');
    expect(status).toBe(200);
    const shown = JSON.stringify(body);
    expect(shown.match(/"outcome":"refused"/g)).toHaveLength(100);
    expect(shown).not.toMatch(/Ada|49151/);
    expect(await api.get('/v1/accounts/acme/intents?intentId=none')).toMatchObject({ body: { decisions: [] } });
  });

  test.each(['', '?intentId=', '?intentId=a&intentId=b'])('the list needs one intent id: %s', async (query) => {
    expect(await api.get(`/v1/accounts/acme/intents${query}`)).toMatchObject({
      status: 400,
      body: { field: 'intentId' },
    });
  });
});

test('GET …/templates: status and category as of now', async () => {
  readModel.accountRows = [acme];
  const hello = {
    ...initialTemplate('hello', 'en'),
    revision: 2,
    status: 'APPROVED',
    statusAt: now,
    categories: [
      { effectiveAt: plus(now, -1), category: 'utility' },
      { effectiveAt: plus(now, 1), category: 'marketing' },
    ],
    parameters: ['name'],
  } as const;
  readModel.templateRows = [
    { account: 'acme', state: hello },
    { account: 'acme', state: initialTemplate('new', 'de') },
    { account: 'other', state: hello },
  ];
  expect((await api.get('/v1/accounts/acme/templates')).body).toEqual({
    templates: [
      {
        name: 'hello',
        language: 'en',
        status: 'APPROVED',
        statusAt: '2026-05-04T12:00:00.000Z',
        category: 'utility',
        parameters: ['name'],
        revision: 2,
      },
      { name: 'new', language: 'de', status: null, statusAt: null, category: null, parameters: null, revision: -1 },
    ],
  });
  expect(await api.get('/v1/accounts/other/templates')).toMatchObject({
    status: 404,
    body: { code: 'account-unknown' },
  });
});

describe('operation', () => {
  test('is live whatever its parts do', async () => {
    api.parts['store'] = 'away';
    expect(await api.get('/health/live')).toMatchObject({ status: 200, body: { status: 'ok' } });
    api.stalled.push('releaser');
    expect(await api.get('/health/live')).toMatchObject({ status: 503, body: { stalled: ['releaser'] } });
    api.stalled.pop();
  });

  test('is ready when every part is', async () => {
    api.parts['store'] = 'ok';
    expect(await api.get('/health/ready')).toMatchObject({ status: 200, body: { status: 'ok', parts: api.parts } });
    api.parts['queue'] = 'away';
    expect(await api.get('/health/ready')).toMatchObject({ status: 503, body: { status: 'unavailable' } });
  });

  test('shows its metrics', async () => {
    const response = await fetch(`${api.url}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).toBe('tidegate_up 1\n');
  });

  test('serves its description, for people and for machines', async () => {
    expect((await fetch(`${api.url}/docs`)).status).toBe(200);
    const { body } = await api.fetched('GET', '/docs/openapi.json');
    expect(body).toEqual(JSON.parse(JSON.stringify(await openApi())));
  });
});
