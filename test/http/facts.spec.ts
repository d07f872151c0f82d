import { afterAll, beforeEach, beforeAll, describe, expect, test } from '@jest/globals';
import { factExamples } from '#apps/insights/examples';
import { factKinds, MAX_FACTS } from '#apps/insights/told-facts';
import { InfrastructureError } from '#application/errors';
import { readMessage } from '#contracts/read-message';
import { partitionKey, topicName } from '#contracts/topics';
import { identity, now, openInsights, type Insights } from './api.js';

// Facts by HTTP are the messages that a client of the queue could publish.

let api: Insights;
beforeAll(async () => {
  api = await openInsights();
});
beforeEach(() => {
  api.producer.sent = [];
});
afterAll(() => api.close());

const tell = (kind: string, body: unknown) => api.tell(kind, body);

const { batch, ...examples } = factExamples;
const message = examples['inbound-messages/message'].value;
const customer = identity.customerOf('acme', message.customer);

test.each(Object.entries(examples))('%s: what is told is what the recorder reads', async (path, { value }) => {
  expect(await tell(path, value)).toMatchObject({ status: 202, body: { taken: 1 } });
  const [{ topic, kind } = { topic: undefined, kind: '' }] = factKinds
    .filter((known) => `${known.topic}/${known.name}` === path)
    .map((known) => ({ topic: known.topic, kind: known.name }));
  const [sent] = api.producer.sent;
  if (topic === undefined || sent === undefined) throw new Error('nothing was sent');
  expect(sent.topic).toBe(topicName(topic));
  expect(readMessage(topic, { ...sent, headers: { ...sent.headers }, partition: 0, offset: 0, at: now })).toMatchObject(
    {
      kind: 'valid',
      type: kind,
      data: { account: 'acme' },
    },
  );
});

test('a batch is taken in its order', async () => {
  expect(await tell('template-approvals/notice', batch.value)).toMatchObject({ status: 202, body: { taken: 2 } });
  const names = api.producer.sent.map(({ value }) => JSON.parse(value ?? '').data.name);
  expect(names).toEqual(['receipt', 'offer']);
});

test("what concerns one customer has the customer's key, without a number; the rest the account's", async () => {
  await tell('inbound-messages/message', message);
  await tell('consents/consent', examples['consents/consent'].value);
  await tell('accounts/register-account', examples['accounts/register-account'].value);
  const own = partitionKey('acme', customer);
  expect(api.producer.sent.map(({ key }) => key)).toEqual([own, own, 'acme']);
});

test('a repeat is the same CloudEvent, another fact another one', async () => {
  for (const told of [message, message, { ...message, messageId: 'wamid.9' }]) {
    await tell('inbound-messages/message', told);
  }
  const [first, again, other] = api.producer.sent.map(({ value }) => JSON.parse(value ?? '').id);
  expect(again).toBe(first);
  expect(other).not.toBe(first);
});

describe('nothing is published of', () => {
  test.each([
    [
      'no such topic',
      'rumours/message',
      message,
      404,
      { field: 'topic', detail: expect.stringContaining('consents/') },
    ],
    ['intents', 'send-intents/send', {}, 404, { field: 'topic' }],
    ['no such kind', 'accounts/close', {}, 404, { field: 'kind', detail: expect.stringContaining('register-account') }],
    ['a missing field', 'accounts/register-sender', { account: 'acme' }, 422, { field: 'sender' }],
    ['a wrong time', 'inbound-messages/message', { ...message, sentAt: 'noon' }, 422, { field: 'sentAt' }],
    ['no object', 'accounts/register-account', '[]', 422, { field: '' }],
    ['null', 'accounts/register-account', 'null', 400, {}],
    ['no JSON', 'accounts/register-account', '{', 400, {}],
    ['an empty batch', 'consents/consent', { facts: [] }, 422, { field: 'facts' }],
    ['a batch with a fault', 'template-approvals/notice', { facts: [batch.value.facts[0], {}] }, 422, { index: 1 }],
    [
      'too many',
      'template-approvals/notice',
      { facts: Array.from({ length: MAX_FACTS + 1 }, () => batch.value.facts[0]) },
      422,
      { field: 'facts', remedy: expect.stringContaining('Split') },
    ],
  ])('%s', async (_, path, body, status, problem) => {
    expect(await tell(path, body)).toMatchObject({ status, body: problem });
    expect(api.producer.sent).toEqual([]);
  });

  test('a body of another content type', async () => {
    const answer = await api.tell('accounts/register-account', 'account=acme', { 'content-type': 'text/plain' });
    expect(answer.status).toBe(415);
  });

  test('a queue that is away', async () => {
    api.producer.refusal = new InfrastructureError('queue-unavailable', 'The queue is away.');
    expect(await tell('inbound-messages/message', message)).toMatchObject({ status: 503 });
    api.producer.refusal = undefined;
  });
});
