import { describe, expect, test } from '@jest/globals';
import { CustomerIdentity } from '#application/customer-identity';
import type { ReceivedMessage } from '#application/ports/message-queue';
import { instantOf } from '#domain/time';
import { readMessage } from '../read-message.js';
import { invalidIntentDecision } from './invalid-intents.js';
import { sendDecisionMessage, type SendDecision } from './send-decisions.js';

const at = instantOf(Date.UTC(2026, 4, 4, 12));
const identity = new CustomerIdentity(Buffer.alloc(32, 7));
const ada = identity.customerOf('acme', { phone: '4915112345678' });

const received = (value: string | null, headers: ReceivedMessage['headers'] = {}): ReceivedMessage => ({
  topic: 'tidegate.send-intents.v1',
  partition: 2,
  offset: 41,
  key: 'acme.her',
  value,
  headers,
  at,
});

/** The answer to a message that the topic does not allow. */
const answerTo = (message: ReceivedMessage): SendDecision | undefined => {
  const reading = readMessage('send-intents', message);
  if (reading.kind !== 'invalid') throw new Error('this message is valid');
  return invalidIntentDecision(message, reading, identity, at);
};

const customer = { phone: '+4915112345678' };
/** Lacks the sender. */
const malformed = { account: 'acme', customer, intentId: 'order-1', message: { type: 'text', text: 'Hi' } };
const { account, intentId } = malformed;

describe('the answer to a malformed intent', () => {
  test('refuses it under the account, customer and intent id that it names, and says the remedy', () => {
    const answer = answerTo(received(JSON.stringify(malformed)));
    expect(answer).toMatchObject({
      account: 'acme',
      customer: ada,
      intentId: 'order-1',
      outcome: 'refused',
      reason: 'invalid-intent',
      remedy: expect.stringMatching(/^sender: .+\. Add the field, and send the message again\.$/),
      decidedAt: at,
    });
    expect(answer?.messageKey).toBeUndefined();
    const attributes = { id: 'm', source: '/tidegate/dispatcher', at };
    expect(answer && sendDecisionMessage(answer, attributes).key).toBe(`acme.${ada}`);
  });

  test('reads CloudEvents in structured mode, also where the envelope is at fault', () => {
    const headers = { 'content-type': 'application/cloudevents+json' };
    const event = { specversion: '0.3', id: 'e', source: '/shop', type: 'tidegate.send-intents.send', data: malformed };
    expect(answerTo(received(JSON.stringify(event), headers))).toMatchObject({ account, customer: ada, intentId });
  });

  test.each<[string, unknown, Partial<SendDecision>]>([
    ['no intent id', { account, customer }, { account, customer: ada, intentId: undefined }],
    [
      'a customer that is none',
      { account, customer: { phone: '1' }, intentId },
      { account, customer: undefined, intentId },
    ],
    ['an account that is none', { account: 'Acme', customer, intentId }, { account: undefined, customer: undefined }],
    ['no object', [], { account: undefined, customer: undefined, intentId: undefined }],
  ])('%s: goes under the key of the message', (_, content, expected) => {
    const answer = answerTo(received(JSON.stringify(content)));
    expect(answer).toMatchObject({ messageKey: 'acme.her', outcome: 'refused', ...expected });
    const key = expected.customer === undefined ? 'acme.her' : `acme.${ada}`;
    expect(answer && sendDecisionMessage(answer, { id: 'm', source: '/', at }).key).toBe(key);
  });

  test.each([null, '', '{', '7'])('what is not even JSON: %j', (value) => {
    expect(answerTo(received(value))).toMatchObject({ messageKey: 'acme.her', reason: 'invalid-intent' });
  });

  test('is short, however long what it answers is', () => {
    const parameters = { ['x'.repeat(50_000)]: 1 };
    const message = { type: 'template', name: 'x', language: 'en', parameters };
    const answer = answerTo({
      ...received(JSON.stringify({ ...malformed, intentId: 1, message })),
      key: 'k'.repeat(5_000),
    });
    expect(JSON.stringify(answer).length).toBeLessThan(3_000);
  });

  test('a malformed cancellation gets none: the intent that it names may be on its way', () => {
    const headers = { ce_specversion: '1.0', ce_id: 'e', ce_source: '/shop', ce_type: 'tidegate.send-intents.cancel' };
    expect(answerTo(received(JSON.stringify({ account, intentId }), headers))).toBeUndefined();
  });
});
