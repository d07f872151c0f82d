import { describe, expect, test } from '@jest/globals';
import { instantOf } from '#domain/time';
import { messageKinds, type Parsed } from './kinds.js';
import type { ReadTopic } from '../topics.js';

const at = '2026-05-04T12:00:00Z';
const instant = instantOf(Date.UTC(2026, 4, 4, 12));
const customer = { phone: '+4915112345678', userId: 'US.1' };
const aliases = { phone: '4915112345678', userId: 'US.1' };
const chat = { account: 'acme', provider: 'meta', sender: '15550001111' };
const template = { account: 'acme', name: 'hello', language: 'en' };

const dataOf = <T extends ReadTopic>(topic: T, kindName: string, content: object): unknown => {
  const envelope = { id: 'e', type: undefined, traceparent: undefined };
  const kinds: readonly { name: string; parse: (c: unknown, e: typeof envelope) => Parsed<ReadTopic> }[] =
    messageKinds[topic];
  const parsed = kinds.find(({ name }) => name === kindName)?.parse(content, envelope);
  return parsed?.kind === 'valid' ? parsed.data : parsed;
};

describe('what the domain gets', () => {
  test('a message: an unknown type is `unknown`, the origin is the customer unless told', () => {
    const dto = { ...chat, customer, messageId: 'm', type: 'hologram', sentAt: at, text: 'Hi' };
    expect(dataOf('inbound-messages', 'message', dto)).toEqual({
      ...chat,
      customer: aliases,
      messageId: 'm',
      messageType: 'unknown',
      origin: 'customer',
      at: instant,
      text: 'Hi',
    });
    const echo = { ...dto, type: 'image', origin: 'echo', receivedAt: at };
    expect(dataOf('inbound-messages', 'message', echo)).toMatchObject({
      messageType: 'image',
      origin: 'echo',
      receivedAt: instant,
    });
  });

  test('a call', () => {
    const dto = { ...chat, customer, callId: 'c', outcome: 'missed', startedAt: at };
    expect(dataOf('inbound-messages', 'call', dto)).toEqual({
      ...chat,
      customer: aliases,
      callId: 'c',
      outcome: 'missed',
      at: instant,
    });
  });

  test('who is who', () => {
    const dto = { account: 'acme', provider: 'meta', customer, relation: 'changed', at, reference: 'wamid.1' };
    expect(dataOf('inbound-messages', 'identity', { ...dto, other: { phone: '+4915100000000' } })).toEqual({
      ...dto,
      customer: aliases,
      other: { phone: '4915100000000' },
      at: instant,
    });
  });

  test('a consent', () => {
    const dto = { account: 'acme', customer, scope: 'marketing', at, source: 'form', reference: 'f-1' };
    const data = { ...dto, customer: aliases, at: instant };
    expect(dataOf('consents', 'consent', { ...dto, status: 'opted-in' })).toEqual({ ...data, status: 'in' });
    expect(dataOf('consents', 'consent', { ...dto, status: 'opted-out' })).toEqual({ ...data, status: 'out' });
  });

  test.each([
    ['APPROVED', { type: 'TemplateApproved', category: 'utility', parameters: ['name'] }],
    ['reinstated', { type: 'TemplateApproved' }],
    ['FLAGGED', { type: 'TemplateFlagged' }],
    ['POLISHED', { type: 'TemplateNoticeUnrecognised', notice: 'POLISHED' }],
    ['constructor', { type: 'TemplateNoticeUnrecognised', notice: 'constructor' }],
  ])('the template notice %s', (notice, event) => {
    const dto = { ...template, notice, category: 'utility', parameters: ['name'], at, reason: 'r' };
    expect(dataOf('template-approvals', 'notice', dto)).toMatchObject({
      ...template,
      event: { ...event, at: instant, reason: 'r' },
    });
  });

  test('a recategorisation takes effect at its own time, or at once', () => {
    const dto = { ...template, newCategory: 'marketing', at };
    const event = { type: 'TemplateRecategorised', at: instant, category: 'marketing', effectiveAt: instant };
    expect(dataOf('template-approvals', 'recategorisation', dto)).toEqual({ ...template, event });
    const effectiveAt = '2026-06-01T00:00:00Z';
    expect(dataOf('template-approvals', 'recategorisation', { ...dto, effectiveAt })).toEqual({
      ...template,
      event: { ...event, effectiveAt: Date.UTC(2026, 5, 1) },
    });
  });

  test('a delivery report', () => {
    const dto = { account: 'acme', provider: 'meta', providerMessageId: 'p', status: 'failed', at, correlation: 'k' };
    const error = { code: '131047', title: 'Re-engagement message' };
    expect(dataOf('delivery-reports', 'report', { ...dto, customer, error })).toEqual({
      ...dto,
      customer: aliases,
      at: instant,
      error,
    });
  });

  test.each([
    ['register-account', { account: 'acme' }, { account: 'acme', zone: 'UTC' }],
    [
      'register-sender',
      { account: 'acme', sender: '1', onboardedAt: at },
      { account: 'acme', sender: '1', onboardedAt: instant },
    ],
    [
      'change-policy',
      { account: 'acme', preset: 'meta-2024-11' },
      { account: 'acme', preset: 'meta-2024-11', overrides: {} },
    ],
    [
      'change-policy',
      {
        account: 'acme',
        preset: 'sinch-2021',
        overrides: { slots: null, quietHours: null, name: 'x' },
        effectiveAt: at,
      },
      { account: 'acme', preset: 'sinch-2021', overrides: { slots: null, quietHours: null }, effectiveAt: instant },
    ],
    ['change-allowance', { account: 'acme', users: null }, { account: 'acme', users: null }],
    ['change-keywords', { account: 'acme', optOut: ['stop'] }, { account: 'acme', optOut: ['stop'] }],
    ['change-zone', { account: 'acme', zone: 'Europe/Berlin' }, { account: 'acme', zone: 'Europe/Berlin' }],
  ])('%s (%#)', (name, dto, data) => {
    expect(dataOf('accounts', name, dto)).toEqual(data);
  });

  test('an override of undefined would take the preset away, so it is left out', () => {
    const data = dataOf('accounts', 'change-policy', {
      account: 'acme',
      preset: 'sinch-2021',
      overrides: { attempts: 2 },
    });
    expect(Object.keys(Object(data).overrides)).toEqual(['attempts']);
  });
});
