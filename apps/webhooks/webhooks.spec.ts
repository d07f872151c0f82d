import { createHmac } from 'node:crypto';
import { Test } from '@nestjs/testing';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { CustomerIdentity } from '#application/customer-identity';
import { InfrastructureError, type ErrorCode } from '#application/errors';
import { Clock } from '#application/ports/clock';
import { MessageProducer, type OutgoingMessage } from '#application/ports/message-queue';
import { validatorOf } from '#contracts/inbound/schemas';
import { readMessage } from '#contracts/read-message';
import { topicName, type InboundTopic } from '#contracts/topics';
import { DeadWebhookDto } from '#contracts/webhooks/dead-webhooks';
import { instantOf, MINUTE_MS, plus, type Instant } from '#domain/time';
import { PrometheusTelemetry } from '#platform/metrics';
import type { Refusal } from './refusals.js';
import { parseSettings } from './settings.js';
import { MAX_BODY_BYTES } from './posts.js';
import { setupWebhooks } from './setup.js';
import { WebhooksModule } from './webhooks.module.js';

const noon = instantOf(Date.UTC(2026, 4, 4, 12));
const secret = 'a-secret-of-acme';
const settings = parseSettings({
  accounts: {
    acme: {
      sinch: { secrets: ['the-next-secret', secret], senders: { '01APP': '15550783881' } },
      meta: { secrets: [secret, 'the-one-before'], verifyToken: 'verify-me' },
    },
    beta: { meta: { secrets: ['a-secret-of-beta'], verifyToken: 'verify-beta' } },
  },
});
const identity = new CustomerIdentity(Buffer.alloc(32, 7));

class SetClock extends Clock {
  at = noon;
  now(): Instant {
    return this.at;
  }
}

class MemoryProducer extends MessageProducer {
  sent: OutgoingMessage[] = [];
  refusal: ErrorCode | undefined;
  acknowledged: Promise<void> = Promise.resolve();
  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    await this.acknowledged;
    if (this.refusal) throw new InfrastructureError(this.refusal, 'The queue is down.');
    this.sent.push(...messages);
  }
  async close(): Promise<void> {}
}

const clock = new SetClock();
const producer = new MemoryProducer();
const telemetry = new PrometheusTelemetry();
let refusals: Refusal[] = [];
let failures: unknown[] = [];
let app: NestExpressApplication;
let url = '';

beforeAll(async () => {
  const module = WebhooksModule.register({
    producer,
    clock,
    identity,
    telemetry,
    settings,
    refused: (refusal) => void refusals.push(refusal),
  });
  app = (await Test.createTestingModule({ imports: [module] }).compile()).createNestApplication<NestExpressApplication>(
    { logger: false, bodyParser: false },
  );
  setupWebhooks(app, (error) => void failures.push(error));
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});
afterAll(() => app.close());
beforeEach(() => {
  clock.at = noon;
  producer.sent = [];
  producer.refusal = undefined;
  producer.acknowledged = Promise.resolve();
  refusals = [];
  failures = [];
});

const post = async (
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
): Promise<number> => {
  const response = await fetch(`${url}/webhooks/${path}`, { method: 'POST', body, headers });
  await response.text();
  return response.status;
};

const postMeta = (body: string | Uint8Array<ArrayBuffer>, { account = 'acme', key = secret } = {}): Promise<number> =>
  post(`meta/${account}`, body, {
    'content-type': 'application/json',
    'x-hub-signature-256': `sha256=${createHmac('sha256', key).update(body).digest('hex')}`,
  });

let nonces = 0;
const postSinch = (
  body: string,
  { key = secret, at = clock.at, nonce = `n-${(nonces += 1)}` }: { key?: string; at?: Instant; nonce?: string } = {},
): Promise<number> => {
  const timestamp = String(Math.floor(at / 1_000));
  return post('sinch/acme', body, {
    'content-type': 'application/json',
    'x-sinch-webhook-signature': createHmac('sha256', key).update(`${body}.${nonce}.${timestamp}`).digest('base64'),
    'x-sinch-webhook-signature-nonce': nonce,
    'x-sinch-webhook-signature-timestamp': timestamp,
    'x-sinch-webhook-signature-algorithm': 'HmacSHA256',
  });
};

const timestamp = String(noon / 1_000);
const text = (id: string, more: object = {}) => ({
  from: '4915112345678',
  id,
  timestamp,
  type: 'text',
  text: { body: 'Grüße 🌊' },
  ...more,
});
const metaBody = (...messages: readonly object[]): string =>
  JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [
      {
        id: '1',
        time: noon / 1_000,
        changes: [
          {
            field: 'messages',
            value: { metadata: { display_phone_number: '15550783881', phone_number_id: '106' }, messages },
          },
        ],
      },
    ],
  });
const sinchBody = (id: string, more: object = {}): string =>
  JSON.stringify({
    app_id: '01APP',
    accepted_time: '2026-05-04T12:00:00Z',
    event_time: '2026-05-04T11:59:59Z',
    message: {
      id,
      direction: 'TO_APP',
      contact_message: { text_message: { text: 'Grüße 🌊' } },
      channel_identity: { channel: 'WHATSAPP', identity: '4915112345678', app_id: '01APP' },
      ...more,
    },
  });

/** As the recorder would read them. */
const readings = (topic: InboundTopic = 'inbound-messages') =>
  producer.sent
    .filter((message) => message.topic === topicName(topic))
    .map((message, offset) => readMessage(topic, { ...message, partition: 0, offset, at: noon }));
const isDeadWebhook = validatorOf(DeadWebhookDto)();
const deadLetters = (): readonly { readonly [field: string]: unknown }[] =>
  producer.sent
    .filter(({ topic }) => topic === topicName('dead-letters'))
    .map(({ value }) => JSON.parse(value ?? 'null').data)
    .map((data) => (isDeadWebhook(data) ? { ...data } : { refusedBy: isDeadWebhook.errors }));

describe('a signed webhook', () => {
  test('of Meta becomes a message on the topic, keyed by account and customer', async () => {
    expect(await postMeta(metaBody(text('wamid.1')))).toBe(200);
    expect(producer.sent).toMatchObject([
      {
        topic: 'tidegate.inbound-messages.v1',
        key: `acme.${identity.customerOf('acme', { phone: '4915112345678' })}`,
        headers: { 'content-type': 'application/cloudevents+json' },
      },
    ]);
    expect(readings()).toMatchObject([
      {
        kind: 'valid',
        type: 'message',
        data: {
          account: 'acme',
          provider: 'meta',
          sender: '15550783881',
          messageId: 'wamid.1',
          text: 'Grüße 🌊',
          at: noon,
        },
        envelope: { id: 'acme/meta/message/15550783881/wamid.1' },
      },
    ]);
  });

  test('of Sinch becomes a message on the topic, received when the clock says', async () => {
    clock.at = plus(noon, 2_500);
    expect(await postSinch(sinchBody('01MSG'))).toBe(200);
    expect(readings()).toMatchObject([
      { data: { provider: 'sinch', sender: '15550783881', messageId: '01MSG', receivedAt: clock.at } },
    ]);
    expect(JSON.parse(producer.sent[0]?.value ?? '')).toMatchObject({
      specversion: '1.0',
      type: 'tidegate.inbound-messages.message',
      source: '/tidegate/webhooks/sinch',
      time: '2026-05-04T12:00:02.500Z',
    });
  });

  test('case 1: repeated is the same CloudEvent', async () => {
    await postMeta(metaBody(text('wamid.1')));
    await postSinch(sinchBody('01MSG'));
    await postMeta(metaBody(text('wamid.1')));
    await postSinch(sinchBody('01MSG'));
    const values = producer.sent.map(({ value }) => value);
    expect(values.slice(2)).toEqual(values.slice(0, 2));
    expect(new Set(values).size).toBe(2);
  });

  test('is answered only after the queue has acknowledged it', async () => {
    let acknowledge = (): void => undefined;
    producer.acknowledged = new Promise((resolve) => {
      acknowledge = resolve;
    });
    let answered = false;
    const answer = postMeta(metaBody(text('wamid.1'))).then((status) => {
      answered = true;
      return status;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(answered).toBe(false);
    acknowledge();
    expect(await answer).toBe(200);
  });

  test('with 1,000 updates keeps the order of each customer', async () => {
    const all = Array.from({ length: 1_000 }, (_, n) => text(`wamid.${n}`, { from: `49151${10_000_000 + (n % 7)}` }));
    expect(await postMeta(metaBody(...all))).toBe(200);
    const ids = readings().flatMap((reading) => (reading.kind === 'valid' ? [reading.envelope.id] : []));
    expect(ids).toEqual(all.map(({ id }) => `acme/meta/message/15550783881/${id}`));
    expect(new Set(producer.sent.map(({ key }) => key)).size).toBe(7);
  });

  test('that says nothing to the gate is taken and stored nowhere', async () => {
    const status = { id: 'wacid.1', timestamp, type: 'call', status: 'RINGING', recipient_id: '4915112345678' };
    const body = JSON.parse(metaBody());
    body.entry[0].changes[0].value = { metadata: {}, statuses: [status] };
    expect(await postMeta(JSON.stringify(body))).toBe(200);
    expect(producer.sent).toEqual([]);
  });

  test.each([
    ['case 19: a reaction', { type: 'reaction', reaction: { emoji: '👍' } }, { messageType: 'reaction' }],
    ['case 20: a notice', { type: 'unsupported', errors: [{ code: 131051 }] }, { messageType: 'unsupported' }],
    ['case 24: a number of Mexico', { from: '5215550001111' }, { customer: { phone: '5215550001111' } }],
    ['a customer with a user id only', { from: undefined, from_user_id: 'DE.ada' }, { customer: { userId: 'DE.ada' } }],
  ])('brings %s', async (_, more, data) => {
    expect(await postMeta(metaBody(text('wamid.1', more)))).toBe(200);
    expect(readings()).toMatchObject([{ kind: 'valid', data }]);
  });

  test('case 4: a time ahead goes on as it is, beside ours', async () => {
    const ahead = String(noon / 1_000 + 3_600);
    await postMeta(metaBody(text('wamid.1', { timestamp: ahead })));
    expect(readings()).toMatchObject([{ data: { at: plus(noon, 60 * MINUTE_MS), receivedAt: noon } }]);
  });

  test('case 21: a missed call', async () => {
    const body = JSON.parse(metaBody());
    body.entry[0].changes[0] = {
      field: 'calls',
      value: {
        metadata: { display_phone_number: '15550783881' },
        calls: [
          {
            id: 'wacid.1',
            from: '4915112345678',
            event: 'terminate',
            direction: 'USER_INITIATED',
            status: 'FAILED',
            timestamp,
          },
        ],
      },
    };
    expect(await postMeta(JSON.stringify(body))).toBe(200);
    expect(readings()).toMatchObject([{ type: 'call', data: { callId: 'wacid.1', outcome: 'missed', at: noon } }]);
  });

  test('case 22: a changed number', async () => {
    const system = { type: 'user_changed_number', wa_id: '4915100000000' };
    expect(await postMeta(metaBody(text('wamid.1', { type: 'system', system })))).toBe(200);
    expect(readings()).toMatchObject([
      { type: 'message', data: { messageType: 'system' } },
      {
        type: 'identity',
        data: { customer: { phone: '4915100000000' }, other: { phone: '4915112345678' }, relation: 'changed' },
      },
    ]);
  });
});

describe('case 23: a number and a user id in one update', () => {
  const link = { type: 'identity', data: { relation: 'same', at: noon } };

  test('are linked, once for all the messages that name both', async () => {
    const both = { from: '4915199999999', from_user_id: 'DE.cleo' };
    await postMeta(metaBody(text('wamid.1', both), text('wamid.2', both)));
    await postMeta(metaBody(text('wamid.3', both)));
    expect(readings()).toMatchObject([
      { type: 'message' },
      { ...link, data: { customer: { phone: '4915199999999' }, other: { userId: 'DE.cleo' }, reference: 'wamid.1' } },
      { type: 'message' },
      { type: 'message' },
    ]);
    const ids = [{ phone: '4915199999999' }, { userId: 'DE.cleo' }].map((one) => identity.customerOf('acme', one));
    expect(JSON.parse(producer.sent[1]?.value ?? '').id).toBe(`acme/meta/same/${ids.join('/')}`);
    expect(new Set(producer.sent.map(({ key }) => key))).toEqual(new Set([`acme.${ids[0]}`]));
  });

  test('are linked again after the queue did not take it', async () => {
    const both = { from: '4915188888888', from_user_id: 'DE.dora' };
    producer.refusal = 'queue-unavailable';
    expect(await postMeta(metaBody(text('wamid.1', both)))).toBe(503);
    producer.refusal = undefined;
    expect(await postMeta(metaBody(text('wamid.1', both)))).toBe(200);
    expect(readings()).toMatchObject([{ type: 'message' }, link]);
  });

  test('of another account are another link', async () => {
    const both = { from: '4915199999999', from_user_id: 'DE.cleo' };
    await postMeta(metaBody(text('wamid.1', both)), { account: 'beta', key: 'a-secret-of-beta' });
    expect(readings()).toMatchObject([{ type: 'message' }, { ...link, data: { account: 'beta' } }]);
  });
});

describe('case 38: what is not signed as it should be', () => {
  /** The answer, and what was told of it: a reason, and nothing of what was sent. */
  const told = async (answer: Promise<number>): Promise<readonly unknown[]> => {
    const status = await answer;
    expect(producer.sent).toEqual([]);
    expect(JSON.stringify([refusals, failures])).not.toMatch(/wamid|01MSG|Grüße|secret/);
    return [status, ...refusals.map(({ reason }) => reason)];
  };

  test('by another secret', async () => {
    expect(await told(postMeta(metaBody(text('wamid.1')), { key: 'another-secret' }))).toEqual([401, 'signature']);
  });
  test('by the secret of another account', async () => {
    expect(await told(postMeta(metaBody(text('wamid.1')), { key: 'a-secret-of-beta' }))).toEqual([401, 'signature']);
  });
  test('for an account that nobody knows, answered as if it were known', async () => {
    expect(await told(postMeta(metaBody(text('wamid.1')), { account: 'nobody' }))).toEqual([401, 'signature']);
  });
  test('for an account without that provider', async () => {
    expect(await told(post('sinch/beta', sinchBody('01MSG'), { 'x-sinch-webhook-signature': 'x' }))).toEqual([
      401,
      'signature',
    ]);
  });
  test('not at all', async () => {
    expect(await told(post('meta/acme', metaBody(text('wamid.1')), {}))).toEqual([401, 'signature']);
  });
  test('with nothing in it', async () => {
    expect(await told(post('sinch/acme', '', {}))).toEqual([401, 'signature']);
  });

  test('by a secret that is being changed it is, before and after', async () => {
    expect(await postMeta(metaBody(text('wamid.1')), { key: 'the-one-before' })).toBe(200);
    expect(await postSinch(sinchBody('01MSG'), { key: 'the-next-secret' })).toBe(200);
    expect(producer.sent).toHaveLength(2);
  });

  test.each([
    ['1 s older than the tolerance', -5 * MINUTE_MS - 1_000],
    ['1 s too far ahead', 5 * MINUTE_MS + 1_000],
  ])('%s', async (_, offset) => {
    expect(await told(postSinch(sinchBody('01MSG'), { at: plus(noon, offset) }))).toEqual([401, 'time']);
  });

  test.each([
    ['as old as the tolerance', -5 * MINUTE_MS],
    ['as far ahead', 5 * MINUTE_MS],
  ])('%s it is', async (_, offset) => {
    expect(await postSinch(sinchBody('01MSG'), { at: plus(noon, offset) })).toBe(200);
  });

  test('with a nonce that was seen', async () => {
    expect(await postSinch(sinchBody('01MSG'), { nonce: 'seen' })).toBe(200);
    producer.sent = [];
    clock.at = plus(noon, 5 * MINUTE_MS);
    expect(await told(postSinch(sinchBody('01MSG'), { nonce: 'seen', at: noon }))).toEqual([401, 'nonce']);
  });

  test('with a nonce whose webhook could not be stored it is: the provider sends the same again', async () => {
    producer.refusal = 'queue-unavailable';
    expect(await postSinch(sinchBody('01MSG'), { nonce: 'again' })).toBe(503);
    producer.refusal = undefined;
    expect(await postSinch(sinchBody('01MSG'), { nonce: 'again' })).toBe(200);
    expect(producer.sent).toHaveLength(1);
  });
});

describe('case 37: what nobody understands', () => {
  test('of a batch goes to the dead letters alone, and the others go on', async () => {
    const bad = text('wamid.2', { timestamp: 'soon' });
    expect(await postMeta(metaBody(text('wamid.1'), bad, text('wamid.3')))).toBe(200);
    expect(readings()).toMatchObject([{ data: { messageId: 'wamid.1' } }, { data: { messageId: 'wamid.3' } }]);
    expect(deadLetters()).toMatchObject([
      {
        provider: 'meta',
        account: 'acme',
        receivedAt: '2026-05-04T12:00:00.000Z',
        code: 'message-invalid',
        field: 'sentAt',
        remedy: expect.any(String),
        part: 1,
        parts: 1,
      },
    ]);
    // It can be sent again by itself, once it is mended.
    expect(JSON.parse(String(deadLetters()[0]?.['body']))).toEqual(JSON.parse(metaBody(bad)));
    expect(await telemetry.text()).toMatch(
      /tidegate_dead_letters_total\{topic="webhooks\/meta",code="message-invalid"\} \d/,
    );
  });

  test('case 5: a time that is missing is not invented', async () => {
    expect(await postMeta(metaBody(text('wamid.1', { timestamp: undefined })))).toBe(200);
    expect(readings()).toEqual([]);
    expect(deadLetters()).toMatchObject([{ field: 'sentAt' }]);
  });

  test.each([
    ['no JSON', '{"object": '],
    ['empty', ''],
    ['of another product', '{"object":"page","entry":[]}'],
    ['null', 'null'],
  ])('as a whole goes there as a whole: %s', async (_, body) => {
    expect(await postMeta(body)).toBe(200);
    expect(deadLetters()).toMatchObject([{ body, code: 'message-invalid' }]);
    expect(producer.sent).toHaveLength(1);
  });

  test('and is no text goes there in Base64', async () => {
    const bytes = Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d);
    expect(await postMeta(bytes)).toBe(200);
    expect(deadLetters()).toMatchObject([{ encoding: 'base64', body: Buffer.from(bytes).toString('base64') }]);
  });

  test('and is nested too deeply to be written again goes there as it came', async () => {
    const deep = `{"object":"whatsapp_business_account","entry":[{"changes":[{"value":${'['.repeat(200_000)}${']'.repeat(200_000)}}]}]}`;
    expect(await postMeta(deep)).toBe(200);
    expect(
      deadLetters()
        .map(({ body }) => body)
        .join(''),
    ).toBe(deep);
  });

  test('and is larger than a message goes there in parts', async () => {
    const body = JSON.stringify({ object: 'page', padding: '\u0000"🌊'.repeat(150_000) });
    expect(Buffer.byteLength(body)).toBeLessThan(MAX_BODY_BYTES);
    expect(await postMeta(body)).toBe(200);
    const parts = deadLetters();
    expect(parts.map(({ part }) => part)).toEqual(parts.map((_, index) => index + 1));
    expect(parts.map((part) => part['body']).join('')).toBe(body);
    for (const { value } of producer.sent) expect(Buffer.byteLength(value ?? '')).toBeLessThan(1_000_000);
    expect(new Set(producer.sent.map(({ value }) => JSON.parse(value ?? '').id)).size).toBe(parts.length);
  });
});

describe('what cannot be taken now', () => {
  test('is asked for again when the queue is down', async () => {
    producer.refusal = 'queue-unavailable';
    expect(await postMeta(metaBody(text('wamid.1')))).toBe(503);
    expect(failures).toMatchObject([{ code: 'queue-unavailable' }]);
    expect(JSON.stringify(failures)).not.toMatch(/wamid|Grüße/);
  });

  test('because it is larger than any webhook is refused', async () => {
    const size = MAX_BODY_BYTES - metaBody(text('', { pad: '' })).length;
    expect(await postMeta(`${metaBody(text('', { pad: '' }))}${' '.repeat(size + 20)}`)).toBe(413);
    expect(producer.sent).toEqual([]);
  });

  test('but not because it is as large as one may be', async () => {
    const body = metaBody(text('wamid.1'));
    expect(await postMeta(body + ' '.repeat(MAX_BODY_BYTES - Buffer.byteLength(body)))).toBe(200);
    expect(readings()).toHaveLength(1);
  });

  test('because its bytes were changed on the way is refused', async () => {
    const body = metaBody(text('wamid.1'));
    const headers = {
      'content-encoding': 'gzip',
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    };
    expect(await post('meta/acme', body, headers)).toBe(415);
    expect(producer.sent).toEqual([]);
  });
});

describe('the handshake of Meta', () => {
  const get = async (account: string, query: Record<string, string>) => {
    const response = await fetch(`${url}/webhooks/meta/${account}?${new URLSearchParams(query).toString()}`);
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };
  const asked = { 'hub.mode': 'subscribe', 'hub.verify_token': 'verify-me', 'hub.challenge': '<b>1158201444' };

  test('gets its challenge back, as plain text', async () => {
    expect(await get('acme', asked)).toEqual({
      status: 200,
      type: 'text/plain; charset=utf-8',
      text: '<b>1158201444',
    });
  });

  test.each([
    ['with another token', 'acme', { 'hub.verify_token': 'verify-beta' }],
    ['of another mode', 'acme', { 'hub.mode': 'unsubscribe' }],
    ['for an account that nobody knows', 'nobody', {}],
  ])('is refused %s', async (_, account, change) => {
    const { status, text: body } = await get(account, { ...asked, ...change });
    expect(status).toBe(403);
    expect(body).not.toContain('1158201444');
    expect(refusals).toEqual([{ provider: 'meta', account, reason: 'verify-token' }]);
  });

  test('is refused without a challenge', async () => {
    const { 'hub.challenge': _, ...without } = asked;
    expect((await get('acme', without)).status).toBe(403);
  });
});

test('the process says that it lives, and has nothing else to show', async () => {
  const live = await fetch(`${url}/health/live`);
  expect([live.status, await live.json()]).toEqual([200, { status: 'ok' }]);
  expect((await fetch(`${url}/webhooks/sinch/acme`)).status).toBe(404);
  expect(await post('twilio/acme', '{}', {})).toBe(404);
});
