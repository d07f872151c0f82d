import { describe, expect, test } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import * as fc from 'fast-check';
import { messageKinds } from './kinds.js';

// Samples are valid; the property disturbs them one place at a time.
const customer = { phone: '+4915112345678', userId: 'US.1' };
const at = '2026-05-04T12:00:00.5+02:00';
const chat = { account: 'acme', provider: 'meta', sender: '15550001111', customer };
const send = { account: 'acme', customer, intentId: 'i-1', sender: '15550001111' };
const template = { name: 'hello', language: 'en', parameters: { name: 'Ada' } };
const samples: Record<string, readonly object[]> = {
  message: [
    {
      ...chat,
      messageId: 'm',
      type: 'text',
      origin: 'echo',
      sentAt: at,
      receivedAt: at,
      estimated: true,
      text: 'Hi',
      caption: '',
    },
  ],
  call: [{ ...chat, callId: 'c', outcome: 'missed', startedAt: at, estimated: true }],
  identity: [
    { account: 'acme', provider: 'meta', customer, other: { userId: 'US.2' }, relation: 'changed', at, reference: 'm' },
  ],
  consent: [{ account: 'acme', customer, scope: 'all', status: 'opted-in', at, source: 'form', reference: '1' }],
  notice: [
    { account: 'acme', name: 'x', language: 'en', notice: 'PAUSED', category: 'utility', parameters: ['a'], at },
  ],
  recategorisation: [{ account: 'acme', name: 'x', language: 'en', newCategory: 'utility', at, effectiveAt: at }],
  report: [
    {
      account: 'acme',
      provider: 'meta',
      customer,
      providerMessageId: 'p',
      status: 'failed',
      at,
      error: { code: '131047' },
    },
  ],
  settlement: [
    { account: 'acme', customer, intentId: 'i', outcome: 'failed', settledBy: 'jane', providerMessageId: 'p' },
    {
      account: 'acme',
      customer: { id: 'tW7lR0dQID0O7aIwxKEyL_fwEX' },
      intentId: 'i',
      outcome: 'failed',
      settledBy: 'j',
    },
  ],
  'register-account': [{ account: 'acme', zone: 'Europe/Berlin', at }],
  'register-sender': [{ account: 'acme', sender: '1', onboardedAt: at }],
  'change-policy': [
    {
      account: 'acme',
      preset: 'sinch-2021',
      overrides: { marginMs: 0, openers: ['text'], slots: null, quietHours: { fromMinute: 0, untilMinute: 9 } },
    },
    { account: 'acme', preset: 'sinch-2021', overrides: { quietHours: null, impliedOptIn: true, attempts: 3 } },
  ],
  'change-allowance': [{ account: 'acme', users: 10, effectiveAt: at }],
  'change-keywords': [{ account: 'acme', optOut: ['stop'] }],
  'change-zone': [{ account: 'acme', zone: 'UTC' }],
  send: [
    { ...send, message: { type: 'text', text: 'Hi' }, whenClosed: 'fallback', fallback: template },
    { ...send, message: { type: 'image', mediaUrl: 'https://x.test/a', caption: 'A' }, sendAt: at, expiresAt: at },
    { ...send, message: { type: 'location', body: { lat: 1 } }, whenClosed: 'hold', whenPaused: 'hold' },
    { ...send, message: { type: 'template', ...template }, purpose: 'opt-out-confirmation' },
  ],
  cancel: [
    { account: 'acme', customer, intentId: 'i-1', reason: 'sold out' },
    { account: 'acme', customer: { id: 'tW7lR0dQID0O7aIwxKEyL_fwEX' }, intentId: 'i-1' },
  ],
  command: [
    {
      account: 'acme',
      customer: 'c1',
      intentId: 'i-1',
      ordinal: 1,
      sender: '15550001111',
      validUntil: at,
      revision: 4,
    },
  ],
};

const kinds = Object.values(messageKinds).flatMap((ofTopic) => [...ofTopic]);
const envelope = { id: 'e', type: undefined, traceparent: undefined };

type Place = readonly (string | number)[];
const isContainer = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const placesIn = (value: unknown, at_: Place = []): Place[] =>
  isContainer(value) ? [at_, ...Object.entries(value).flatMap(([key, part]) => placesIn(part, [...at_, key]))] : [at_];

/** A copy with the value at one place replaced, or left out when it is undefined. */
const disturbed = (value: unknown, [first, ...rest]: Place, by: unknown): unknown => {
  if (first === undefined) return by;
  if (!isContainer(value)) return value;
  const part = disturbed(value[String(first)], rest, by);
  if (Array.isArray(value))
    return value.map((entry: unknown, index) => (String(index) === String(first) ? part : entry));
  const entries = Object.entries({ ...value, [first]: part });
  return Object.fromEntries(entries.filter(([, entry]) => entry !== undefined));
};

const isValidInstance = (dto: new () => object, content: unknown): boolean => {
  let instance: object;
  try {
    instance = plainToInstance(dto, content);
  } catch {
    // class-transformer 0.5.1 throws on null in an array in place of a discriminated object.
    return false;
  }
  return validateSync(instance).length === 0;
};

// oxfmt-ignore
const oddities: readonly unknown[] = [
  undefined, null, '', 0, -1, 1.5, true, [], {}, [[]], [null], [''], ['stop'], Array(1001).fill('a'), 'text', 'fax',
  'refuse', 'fallback', 'x'.repeat(129), '🌊'.repeat(128), '❤️'.repeat(100), 'a\u0085', 'Europe/Atlantis', '2026-01-01',
  '2026-02-29T00:00:00Z', '2024-02-29t00:00:00z', '2026-01-01T24:00:00Z', { type: 'fax' }, { phone: '1' }, { name: 1 },
];
const odd = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.double(), fc.jsonValue());

describe.each(kinds.map((kind) => [kind.name, kind] as const))('%s', (name, kind) => {
  const valid = samples[name] ?? [];

  test('the samples are valid', () => {
    expect(valid.length).toBeGreaterThan(0);
    expect(valid.map((sample) => kind.parse(sample, envelope))).toEqual(
      valid.map(() => expect.objectContaining({ kind: 'valid', type: name })),
    );
  });

  const verdicts = (sample: object, place: Place, by: unknown) => {
    const content = disturbed(sample, place, by);
    return {
      schema: { place, by, valid: kind.parse(content, envelope).kind === 'valid' },
      classes: { place, by, valid: isValidInstance(kind.dto, content) },
    };
  };
  const everyPlace = valid.flatMap((sample) =>
    placesIn(sample)
      .slice(1)
      .map((place) => [sample, place] as const),
  );

  test('the compiled schema and class-validator agree on known oddities in every place', () => {
    for (const [sample, place] of everyPlace) {
      for (const by of oddities) {
        const { schema, classes } = verdicts(sample, place, by);
        expect(schema).toEqual(classes);
      }
    }
  });

  test('and on any value in any place', () => {
    const disturbance = fc.tuple(fc.constantFrom(...everyPlace), odd);
    fc.assert(
      fc.property(disturbance, ([[sample, place], by]) => {
        const { schema, classes } = verdicts(sample, place, by);
        expect(schema).toEqual(classes);
      }),
      { numRuns: 100 },
    );
  });
});
