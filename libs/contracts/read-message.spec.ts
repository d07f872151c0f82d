import { describe, expect, test } from '@jest/globals';
import type { Headers, ReceivedMessage } from '#application/ports/message-queue';
import { instantOf } from '#domain/time';
import { readMessage } from './read-message.js';

const received = (value: string | null, headers: Headers = {}): ReceivedMessage => ({
  topic: 'tidegate.consents.v1',
  partition: 2,
  offset: 41,
  key: 'acme.1',
  value,
  headers,
  at: instantOf(0),
});

const send = {
  account: 'acme',
  customer: { phone: '+4915112345678' },
  intentId: 'order-1',
  sender: '15550001111',
  message: { type: 'text', text: 'Hello' },
};
const cloudEvent = { ce_specversion: '1.0', ce_id: 'e-1', ce_source: '/shop', ce_type: 'tidegate.send-intents.send' };
const read = (content: unknown, headers?: Headers) =>
  readMessage('send-intents', received(JSON.stringify(content), headers));

describe('the envelope', () => {
  test('without CloudEvents headers a message is of the main kind, and its place in the queue is its id', () => {
    expect(read(send)).toMatchObject({
      kind: 'valid',
      type: 'send',
      envelope: { id: 'tidegate.consents.v1/2/41', type: undefined },
    });
  });

  test('binary mode: the kind, the id and the trace context come from the headers', () => {
    const { account, customer, intentId } = send;
    const headers = { ...cloudEvent, ce_type: 'tidegate.send-intents.cancel', traceparent: '00-a-b-01' };
    expect(read({ account, customer, intentId }, headers)).toMatchObject({
      kind: 'valid',
      type: 'cancel',
      data: { account: 'acme', customer: { phone: '4915112345678' }, intentId: 'order-1' },
      envelope: { id: 'e-1', traceparent: '00-a-b-01' },
    });
  });

  test('structured mode: the same from the value', () => {
    const event = { specversion: '1.0', id: 'e-2', source: '/shop', type: 'tidegate.send-intents.send', data: send };
    const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
    expect(read(event, headers)).toMatchObject({ kind: 'valid', type: 'send', envelope: { id: 'e-2' } });
  });

  test.each(['ce_specversion', 'ce_id', 'ce_source', 'ce_type'])('a CloudEvent without %s is invalid', (missing) => {
    const headers = Object.fromEntries(Object.entries(cloudEvent).filter(([name]) => name !== missing));
    expect(read(send, headers)).toMatchObject({ kind: 'invalid', field: missing });
  });

  test('another CloudEvents version and an unknown type are invalid', () => {
    expect(read(send, { ...cloudEvent, ce_specversion: '0.3' })).toMatchObject({ field: 'ce_specversion' });
    expect(read(send, { ...cloudEvent, ce_type: 'tidegate.consents.consent' })).toMatchObject({
      kind: 'invalid',
      field: 'type',
      remedy: 'Send one of tidegate.send-intents.send, tidegate.send-intents.cancel.',
    });
  });

  test('case 39: a tombstone is a fault to be put aside, not an error that stops the batch', () => {
    expect(readMessage('send-intents', received(null))).toMatchObject({ kind: 'invalid', remedy: expect.any(String) });
  });

  test.each([null, '', '{', '"text"', '[]', 'null', '7', '{"__proto__":null}'])('the value %j is invalid', (value) => {
    expect(readMessage('consents', received(value))).toMatchObject({ kind: 'invalid' });
  });
});

describe('a fault names the field and the remedy', () => {
  test.each<[string, unknown]>([
    ['intentId', { ...send, intentId: undefined }],
    ['intentId', { ...send, intentId: 'a\u0000' }],
    ['intentId', { ...send, intentId: 'x'.repeat(129) }],
    ['account', { ...send, account: 'Acme' }],
    ['account', { ...send, account: null }],
    ['customer.phone', { ...send, customer: { phone: '0151' } }],
    ['message.text', { ...send, message: { type: 'text' } }],
    ['message.text', { ...send, message: { type: 'text', text: 'x'.repeat(4097) } }],
    ['message.mediaUrl', { ...send, message: { type: 'image', mediaUrl: 'file:///etc/passwd' } }],
    ['message', { ...send, message: { type: 'fax' } }],
    [
      'message.parameters.name',
      { ...send, message: { type: 'template', name: 'x', language: 'en', parameters: { name: 1 } } },
    ],
    ['sendAt', { ...send, sendAt: '2026-02-30T00:00:00Z' }],
    ['whenClosed', { ...send, whenClosed: 'never' }],
    ['fallback', { ...send, whenClosed: 'fallback' }],
  ])('%s (%#)', (field, content) => {
    const reading = read(content);
    expect(reading).toMatchObject({ kind: 'invalid', field });
    expect(reading.kind === 'invalid' && reading.remedy).toMatch(/\w/);
  });

  test('a customer needs an alias', () => {
    expect(read({ ...send, customer: {} })).toMatchObject({
      kind: 'invalid',
      field: expect.stringMatching(/^customer/),
    });
  });

  test('characters beyond the first plane count as one', () => {
    expect(read({ ...send, message: { type: 'text', text: '🌊'.repeat(4096) } })).toMatchObject({ kind: 'valid' });
  });

  test('content that is nested beyond the stack is invalid, not an error', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const value = JSON.stringify({ ...send, message: { type: 'location', body: { deep: 0 } } }).replace(
      '0}',
      `${deep}}`,
    );
    expect(readMessage('send-intents', received(value))).toMatchObject({ kind: 'invalid' });
  });
});
