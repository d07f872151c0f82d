import { HttpAdapterHost } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { CustomerIdentity } from '#application/customer-identity';
import { InfrastructureError } from '#application/errors';
import { Clock } from '#application/ports/clock';
import { MessageProducer, type OutgoingMessage } from '#application/ports/message-queue';
import {
  type AccountRow,
  type CustomerKey,
  type CustomerRow,
  type DecisionRow,
  type IntentKey,
  ReadModel,
  type TemplateRow,
} from '#application/ports/read-model';
import { readMessage } from '#contracts/read-message';
import { initialAccount } from '#domain/account';
import { initialCustomer } from '#domain/gate/state';
import { initialTemplate } from '#domain/template';
import { HOUR_MS, instantOf, plus, type Instant } from '#domain/time';
import { ProblemFilter } from '#platform/problem-filter';
import { InsightsModule } from './insights.module.js';
import { setupBodies, setupDocs } from './setup.js';

const now = instantOf(Date.UTC(2026, 4, 4, 12));
const identity = new CustomerIdentity(Buffer.alloc(32, 7));
const ada = identity.customerOf('acme', { phone: '4915112345678' });
const formerAda = identity.customerOf('acme', { userId: 'DE.ada' });

class FixedClock extends Clock {
  now(): Instant {
    return now;
  }
}

class MemoryProducer extends MessageProducer {
  sent: OutgoingMessage[] = [];
  refusal: Error | undefined;
  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.refusal) throw this.refusal;
    this.sent.push(...messages);
  }
  async close(): Promise<void> {}
}

class MemoryReadModel extends ReadModel {
  customerRows: CustomerRow[] = [];
  decisionRows: DecisionRow[] = [];
  accountRows: AccountRow[] = [];
  templateRows: TemplateRow[] = [];
  async customers(keys: readonly CustomerKey[]): Promise<readonly CustomerRow[]> {
    return this.customerRows.filter((row) =>
      keys.some((key) => key.account === row.account && key.customer === row.customer),
    );
  }
  async decisions(keys: readonly IntentKey[]): Promise<readonly DecisionRow[]> {
    return this.decisionRows.filter((row) =>
      keys.some((key) => key.account === row.account && key.customer === row.customer && key.intentId === row.intentId),
    );
  }
  async decisionsByIntentId(account: string, intentId: string, limit: number): Promise<readonly DecisionRow[]> {
    return this.decisionRows.filter((row) => row.account === account && row.intentId === intentId).slice(0, limit);
  }
  async accounts(): Promise<readonly AccountRow[]> {
    return this.accountRows;
  }
  async templates(account?: string): Promise<readonly TemplateRow[]> {
    return this.templateRows.filter((row) => row.account === account);
  }
  async knownFacts(): Promise<ReadonlySet<string>> {
    return new Set();
  }
  async intentsByProviderMessage(): Promise<ReadonlyMap<string, IntentKey>> {
    return new Map();
  }
  async activeUsers(): Promise<{ readonly position: undefined; readonly users: readonly number[] }> {
    return { position: undefined, users: [] };
  }
  async awake(): Promise<readonly never[]> {
    return [];
  }
  async ping(): Promise<void> {}
}

const readModel = new MemoryReadModel();
const producer = new MemoryProducer();
let parts: Record<string, string> = {};
let stalled: readonly string[] = [];
let app: NestExpressApplication;
let url = '';

beforeAll(async () => {
  const insights = InsightsModule.register({
    readModel,
    producer,
    identity,
    clock: new FixedClock(),
    probes: { telemetryText: async () => 'tidegate_up 1\n', stalled: () => stalled, ready: async () => parts },
  });
  app = (
    await Test.createTestingModule({ imports: [insights] }).compile()
  ).createNestApplication<NestExpressApplication>({ logger: false });
  app.useGlobalFilters(new ProblemFilter(app.get(HttpAdapterHost).httpAdapter, () => undefined));
  setupBodies(app);
  setupDocs(app);
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});
afterAll(() => app.close());
beforeEach(() => {
  producer.sent = [];
  producer.refusal = undefined;
});

const get = async (path: string): Promise<{ readonly status: number; readonly type: string; readonly body: unknown }> =>
  answerOf(await fetch(`${url}${path}`));
const post = async (
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number; readonly type: string; readonly body: unknown }> =>
  answerOf(
    await fetch(`${url}/v1/send-intents`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  );
const answerOf = async (
  response: Response,
): Promise<{ readonly status: number; readonly type: string; readonly body: unknown }> => ({
  status: response.status,
  type: response.headers.get('content-type') ?? '',
  body: await response.json(),
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
    const answer = await post(dto, { traceparent });
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

  test('a repeated request is the same CloudEvent, other content is another', async () => {
    await post(dto);
    await post(dto);
    await post({ ...dto, message: { type: 'text', text: 'Hello Eve' } });
    const ids = producer.sent.map(({ value }) => JSON.parse(value ?? '').id);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  test('publishes a batch of a thousand in its order', async () => {
    const intents = Array.from({ length: 1_000 }, (_, index) => ({ ...dto, intentId: `order-${index}` }));
    const { status } = await post({ intents });
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
    const answer = await post(body);
    expect(answer).toMatchObject({ status: 422, type: 'application/problem+json' });
    expect(answer.body).toMatchObject({ status: 422, code: 'message-invalid', detail: expect.any(String), ...problem });
    expect(producer.sent).toEqual([]);
  });

  test('refuses what is not JSON', async () => {
    expect(await post('{')).toMatchObject({ status: 400, type: expect.stringMatching(/problem\+json/) });
  });

  test('refuses more than it would hold in memory', async () => {
    const answer = await post({ ...dto, message: { type: 'text', text: 'x'.repeat(9 * 1024 * 1024) } });
    expect(answer).toMatchObject({ status: 413, type: expect.stringMatching(/problem\+json/) });
  });

  test('does not say that it took what the queue did not', async () => {
    producer.refusal = new InfrastructureError('queue-unavailable', 'The queue is away.');
    expect(await post(dto)).toMatchObject({ status: 503, body: { code: 'queue-unavailable' } });
  });
});

const customer = (id: string, state: Partial<CustomerRow['state']>): CustomerRow => ({
  account: 'acme',
  customer: id,
  revision: 4,
  state: { ...initialCustomer, ...state },
});
const acme = { state: { ...initialAccount('acme'), registered: true } };

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
    const { status, body } = await get(`/v1/accounts/acme/customers/${named}/windows`);
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
    expect(await get(`/v1/accounts/${path}/windows`)).toMatchObject({ status: 404, body: { code } });
  });
});

const decision = (change: Partial<DecisionRow> = {}): DecisionRow => ({
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
  decision: JSON.stringify({
    type: 'SendRefused',
    at: now,
    intent: {
      intentId: 'order/1',
      content: { kind: 'session', messageType: 'text' },
      sendAt: now,
      fingerprint: 'f'.repeat(22),
    },
    ordinal: 1,
    rule: '7',
    trace: { '7': 'applies' },
    policy: 'sinch-2021@1',
    evidence: { customerRevision: 3, windowEnd: now, consent: { status: 'in', scope: 'all', at: now } },
    cost: 'included',
    reason: 'window-closed',
    remedy: 'the customer writes',
    personal: { to: { phone: '+4915112345678' }, text: 'Hello Ada' },
  }),
  ...change,
});

describe('GET a decision', () => {
  beforeEach(() => {
    readModel.customerRows = [customer(formerAda, { survivor: ada }), customer(ada, {})];
    readModel.decisionRows = [decision({ customer: formerAda, outcome: 'held', position: 9 }), decision()];
  });
  const at = '2026-05-04T12:00:00.000Z';

  test.each([ada, '+4915112345678', 'DE.ada'])('of %s: all that it stood on, nothing personal', async (named) => {
    const { status, body } = await get(`/v1/accounts/acme/customers/${named}/intents/order%2F1`);
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
      evidence: { customerRevision: 3, windowEnd: at, consent: { status: 'in', scope: 'all', at } },
      intent: { intentId: 'order/1', content: { kind: 'session', messageType: 'text' }, sendAt: at },
    });
  });

  test('an unknown one is a problem', async () => {
    expect(await get(`/v1/accounts/acme/customers/${ada}/intents/none`)).toMatchObject({
      status: 404,
      type: expect.stringMatching(/problem\+json/),
      body: { code: 'not-found', field: 'intentId' },
    });
  });

  test('lists those on one intent id, at most a hundred', async () => {
    readModel.decisionRows = Array.from({ length: 101 }, () => decision());
    const { status, body } = await get('/v1/accounts/acme/intents?intentId=order%2F1');
    expect(status).toBe(200);
    const shown = JSON.stringify(body);
    expect(shown.match(/"outcome":"refused"/g)).toHaveLength(100);
    expect(shown).not.toMatch(/Ada|49151/);
    expect(await get('/v1/accounts/other/intents?intentId=order%2F1')).toMatchObject({ body: { decisions: [] } });
  });

  test.each(['', '?intentId=', '?intentId=a&intentId=b'])('the list needs one intent id: %s', async (query) => {
    expect(await get(`/v1/accounts/acme/intents${query}`)).toMatchObject({ status: 400, body: { field: 'intentId' } });
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
  expect((await get('/v1/accounts/acme/templates')).body).toEqual({
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
  expect(await get('/v1/accounts/other/templates')).toMatchObject({ status: 404, body: { code: 'account-unknown' } });
});

describe('operation', () => {
  test('is live whatever its parts do', async () => {
    parts = { store: 'away' };
    expect(await get('/health/live')).toMatchObject({ status: 200, body: { status: 'ok' } });
    stalled = ['releaser'];
    expect(await get('/health/live')).toMatchObject({ status: 503, body: { stalled } });
    stalled = [];
  });

  test('is ready when every part is', async () => {
    parts = { store: 'ok', queue: 'ok' };
    expect(await get('/health/ready')).toMatchObject({ status: 200, body: { status: 'ok', parts } });
    parts = { store: 'ok', queue: 'away' };
    expect(await get('/health/ready')).toMatchObject({ status: 503, body: { status: 'unavailable', parts } });
  });

  test('shows its metrics', async () => {
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).toBe('tidegate_up 1\n');
  });

  test('describes every path and the schemas that they refer to', async () => {
    expect((await fetch(`${url}/docs`)).status).toBe(200);
    const document = JSON.stringify((await get('/docs/openapi.json')).body);
    for (const path of ['send-intents', 'windows', 'templates', 'intents/{intentId}', 'health/ready', 'metrics']) {
      expect(document).toContain(`${path}":{`);
    }
    expect(document).toContain('"SendDto":{');
    expect(document).not.toContain('#/definitions/');
  });
});
