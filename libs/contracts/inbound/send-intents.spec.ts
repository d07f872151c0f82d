import { describe, expect, test } from '@jest/globals';
import { instantOf } from '#domain/time';
import { toSendIntent, type SendDto } from './send-intents.js';

const dto: SendDto = {
  account: 'acme',
  customer: { phone: '+4915112345678' },
  intentId: 'order-1',
  sender: '15550001111',
  message: { type: 'template', name: 'shipped', language: 'en', parameters: { name: 'Ada', day: 'Monday' } },
  sendAt: '2026-05-04T14:00:00+02:00',
};
const fingerprint = (change: Partial<SendDto>): string => toSendIntent({ ...dto, ...change }).intent.fingerprint;

describe('a send intent', () => {
  test('keeps what identifies or quotes a person apart from what the rules read', () => {
    const { intent, personal, customer } = toSendIntent({
      ...dto,
      whenClosed: 'fallback',
      fallback: { name: 'hello', language: 'en', parameters: { first: 'Ada' } },
    });
    expect(customer).toEqual({ phone: '4915112345678' });
    expect(intent).toMatchObject({
      intentId: 'order-1',
      sender: '15550001111',
      content: { kind: 'template', name: 'shipped', language: 'en', parameters: ['day', 'name'] },
      whenClosed: 'fallback',
      fallback: { kind: 'template', name: 'hello', language: 'en', parameters: ['first'] },
      whenPaused: 'refuse',
      sendAt: instantOf(Date.UTC(2026, 4, 4, 12)),
    });
    expect(personal).toEqual({
      to: { phone: '+4915112345678' },
      parameters: { name: 'Ada', day: 'Monday' },
      fallbackParameters: { first: 'Ada' },
    });
    expect(JSON.stringify(intent)).not.toMatch(/Ada|Monday|49151/);
  });

  test.each([
    [{ type: 'text', text: 'Hi' } as const, { text: 'Hi' }],
    [
      { type: 'image', mediaUrl: 'https://x.test/a', caption: 'A' } as const,
      { mediaUrl: 'https://x.test/a', text: 'A' },
    ],
    [{ type: 'location', body: { lat: 1 } } as const, { body: { lat: 1 } }],
  ])('content %#', (message, quoted) => {
    const { intent, personal } = toSendIntent({ ...dto, message });
    expect(intent.content).toEqual({ kind: 'session', messageType: message.type });
    expect(personal).toMatchObject(quoted);
  });
});

describe('the fingerprint', () => {
  test('is the same for the same wish: key order, spelled-out defaults, time zones', () => {
    expect(fingerprint({})).toMatch(/^[\w-]{22}$/);
    const parameters = { day: 'Monday', name: 'Ada' };
    expect(fingerprint({ message: { parameters, language: 'en', name: 'shipped', type: 'template' } })).toBe(
      fingerprint({}),
    );
    expect(fingerprint({ whenClosed: 'refuse', whenPaused: 'refuse' })).toBe(fingerprint({}));
    expect(fingerprint({ sendAt: '2026-05-04T12:00:00Z' })).toBe(fingerprint({}));
  });

  test.each<[string, Partial<SendDto>]>([
    ['text', { message: { type: 'text', text: 'Hi' } }],
    [
      'a value',
      { message: { type: 'template', name: 'shipped', language: 'en', parameters: { name: 'Ada', day: 'Friday' } } },
    ],
    ['sendAt', { sendAt: '2026-05-04T12:00:01Z' }],
    ['expiresAt', { expiresAt: '2026-05-05T12:00:00Z' }],
    ['fallback', { fallback: { name: 'hello', language: 'en' } }],
    ['fallback values', { fallback: { name: 'hello', language: 'en', parameters: { a: 'b' } } }],
    ['sender', { sender: '15550002222' }],
    ['whenClosed', { whenClosed: 'hold' }],
    ['whenPaused', { whenPaused: 'hold' }],
    ['purpose', { purpose: 'opt-out-confirmation' }],
  ])('differs with %s', (_, change) => {
    expect(fingerprint(change)).not.toBe(fingerprint({}));
  });
});
