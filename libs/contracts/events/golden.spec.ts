import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { entryDigest } from '#application/history/ledger';
import type { DomainEvent } from '#application/ports/event-store';
import { ruleIds } from '#domain/gate/events';
import { instantOf } from '#domain/time';
import { decodeEvent, encodeEvent, schemaVersionOf, type StoredEvent } from './codec.js';
import { eventTypes, isEventType } from './event-types.js';
import { eventsPage, goldenFile } from './page.js';

// One file per event type and schema version, and more where events of a type say different things. They stand for what
// stores hold for ever: never edit one. A new shape is a new version, with its own files and an upcaster.

const folder = new URL('golden/', import.meta.url);

const textAt = (value: unknown, field: string): string =>
  JSON.stringify(
    (typeof value === 'object' && value !== null ? Object.entries(value) : []).find(([k]) => k === field)?.[1],
  );

const stored = (type: DomainEvent['type'], file = goldenFile(type)): StoredEvent => {
  const golden: unknown = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  return { type, data: textAt(golden, 'data'), metadata: textAt(golden, 'metadata') };
};

const at = instantOf(Date.UTC(2026, 4, 4, 12));
const later = instantOf(Date.UTC(2026, 4, 5, 12));
const intent = {
  intentId: 'order-1',
  sender: '15550001111',
  content: { kind: 'session', messageType: 'text' },
  whenClosed: 'fallback',
  fallback: { kind: 'template', name: 'hello', language: 'en', parameters: ['name'] },
  whenPaused: 'refuse',
  sendAt: at,
  expiresAt: later,
  fingerprint: 'Zm9vYmFyYmF6cXV4Zm9vYg',
} as const;
const personal = { to: { phone: '+4915112345678' }, text: 'Hello', fallbackParameters: { name: 'Ada' } };
const evidence = {
  customerRevision: 3,
  accountRevision: 2,
  templateRevision: 1,
  mauPosition: 99,
  windowEnd: later,
  consent: { status: 'in', scope: 'all', at },
  templateStatus: 'APPROVED',
  slotsUsed: 0,
} as const;
const decision = {
  at,
  intent,
  ordinal: 1,
  rule: '6',
  trace: { '3': 'passed', '6': 'applies', '8': 'not-applicable' },
  policy: 'sinch-2021@1',
  evidence,
  cost: 'included',
  personal,
} as const;
const fact = { at, reason: 'quality' };
const inbound = { at, provider: 'meta', sender: '15550001111', receivedAt: at, opens: true, policy: 'sinch-2021@1' };
const consent = { at, scope: 'all', source: 'form', reference: 'f-1', receivedAt: at, clamped: true } as const;

/** What each golden file says, as today's types know it. */
const events: { readonly [T in DomainEvent['type']]: DomainEvent & { readonly type: T } } = {
  CustomerMessageReceived: {
    type: 'CustomerMessageReceived',
    ...inbound,
    messageId: 'wamid.1',
    messageType: 'text',
    origin: 'customer',
    authored: true,
    personal: { from: '4915112345678', name: 'Ada', text: 'Hello' },
  },
  CustomerCallReceived: { type: 'CustomerCallReceived', ...inbound, callId: 'call.1', outcome: 'missed' },
  CustomerOptedIn: { type: 'CustomerOptedIn', ...consent },
  CustomerOptedOut: { type: 'CustomerOptedOut', ...consent },
  CustomerLinked: { type: 'CustomerLinked', at, survivor: 'c2', because: 'same-person' },
  CustomerMerged: {
    type: 'CustomerMerged',
    at,
    from: 'c1',
    fromRevision: 7,
    windows: { '15550001111': { openerAt: at } },
    consents: { all: { status: 'in', at, source: 'form', reference: 'f-1' } },
    slots: [{ sender: '15550001111', intentId: 'order-0', at }],
    intents: {
      'order-1': {
        status: 'held',
        intent,
        personal,
        ordinal: 1,
        revocations: 0,
        expiresAt: later,
        reason: 'scheduled',
        wakeAt: at,
      },
    },
    lastActiveAt: at,
  },
  NumberChanged: { type: 'NumberChanged', at, former: ['c1'], keepsConsent: true, because: 'meta/wamid.1' },
  RecipientCooledDown: { type: 'RecipientCooledDown', at, scope: 'marketing', until: later, code: '131049' },
  WindowCorrected: { type: 'WindowCorrected', at, sender: '15550001111', intentId: 'order-1', startedAt: at },
  SendAuthorised: { type: 'SendAuthorised', ...decision, content: 'own', validUntil: later, usesSlot: false },
  SendRefused: { type: 'SendRefused', ...decision, rule: '7', reason: 'window-closed', remedy: 'the customer writes' },
  SendHeld: {
    type: 'SendHeld',
    ...decision,
    rule: '8',
    reason: 'template-paused',
    wakeAt: later,
    expiresAt: later,
    template: { name: 'hello', language: 'en' },
  },
  SendExpired: { type: 'SendExpired', ...decision, rule: '3' },
  SendReleased: { type: 'SendReleased', at, intentId: 'order-1', ordinal: 1, from: 'window-closed' },
  SendCancelled: { type: 'SendCancelled', at, intentId: 'order-1', intent, reason: 'sold out' },
  SendRevoked: { type: 'SendRevoked', at, intentId: 'order-1', ordinal: 1, reason: 'opted-out', final: false },
  SendStarted: {
    type: 'SendStarted',
    at,
    intentId: 'order-1',
    ordinal: 1,
    attempt: 1,
    claim: 'claim-1',
    sender: '15550001111',
    evidence,
  },
  SendAccepted: { type: 'SendAccepted', at, intentId: 'order-1', claim: 'claim-1', providerMessageId: 'wamid.2' },
  SendFailed: {
    type: 'SendFailed',
    at,
    intentId: 'order-1',
    claim: 'claim-1',
    code: '131026',
    final: false,
    retryAt: later,
  },
  SendOutcomeUnknown: { type: 'SendOutcomeUnknown', at, intentId: 'order-1', claim: 'claim-1', cause: 'time-out' },
  MessageDelivered: { type: 'MessageDelivered', at, intentId: 'order-1', providerMessageId: 'wamid.2' },
  MessageRead: { type: 'MessageRead', at, providerMessageId: 'wamid.2', sender: '15550001111' },
  VerdictRevised: {
    type: 'VerdictRevised',
    at: later,
    intentId: 'order-1',
    ordinal: 1,
    decision: 'e-0',
    decidedAt: at,
    sender: '15550001111',
    said: { outcome: 'refused', reason: 'window-closed' },
    was: { outcome: 'refused', reason: 'window-closed' },
    withLateFacts: { outcome: 'authorised' },
    because: 'e-1',
    fact: 'CustomerMessageReceived',
    trueAt: at,
  },
  TemplateApproved: { type: 'TemplateApproved', ...fact, category: 'utility', parameters: ['name'] },
  TemplatePending: { type: 'TemplatePending', ...fact },
  TemplateRejected: { type: 'TemplateRejected', ...fact },
  TemplatePaused: { type: 'TemplatePaused', ...fact },
  TemplateDisabled: { type: 'TemplateDisabled', ...fact },
  TemplateDeleted: { type: 'TemplateDeleted', ...fact },
  TemplateFlagged: { type: 'TemplateFlagged', ...fact },
  TemplateNoticeUnrecognised: { type: 'TemplateNoticeUnrecognised', ...fact, notice: 'POLISHED' },
  TemplateRecategorised: { type: 'TemplateRecategorised', at, category: 'marketing', effectiveAt: later },
  AccountRegistered: { type: 'AccountRegistered', at, zone: 'Europe/Berlin' },
  SenderRegistered: { type: 'SenderRegistered', at, sender: '15550001111', onboardedAt: at },
  PolicyChanged: {
    type: 'PolicyChanged',
    at,
    effectiveAt: later,
    preset: 'meta-2025-07',
    version: 2,
    overrides: { marginMs: 30_000, quietHours: { fromMinute: 1320, untilMinute: 480 } },
  },
  AllowanceChanged: { type: 'AllowanceChanged', at, effectiveAt: later, users: null },
  KeywordsChanged: { type: 'KeywordsChanged', at, optOut: ['stop', 'arrêt'] },
  ZoneChanged: { type: 'ZoneChanged', at, zone: 'UTC' },
  MonthClosed: {
    type: 'MonthClosed',
    at,
    month: '2026-04',
    zone: 'UTC',
    rule: 'sent-or-received-v1',
    users: 42,
    position: 99,
  },
  MauAdjusted: { type: 'MauAdjusted', at, month: '2026-04', customer: 'c1', change: -1, because: 'merged into c2' },
};
/** The same, of what some events of a type say besides. */
const variants: { readonly [file: string]: DomainEvent } = {
  'CustomerLinked.v1.changed.json': {
    type: 'CustomerLinked',
    at,
    because: 'meta/wamid.1',
    gaveUp: 'this',
    keepsConsent: true,
    survivor: 'c2',
  },
  'CustomerMerged.v1.changed.json': {
    type: 'CustomerMerged',
    at,
    from: 'c1',
    fromRevision: 7,
    windows: {},
    consents: { all: { status: 'out', at, source: 'form', reference: 'f-1' } },
    slots: [{ sender: '15550001111', intentId: 'order-0', at }],
    intents: {
      'order-1': {
        status: 'held',
        intent: { ...intent, former: true },
        personal: { to: {} },
        ordinal: 1,
        revocations: 0,
        expiresAt: later,
        reason: 'scheduled',
        wakeAt: at,
      },
    },
    lastActiveAt: at,
    cooldowns: [],
    aliases: ['c0'],
    former: ['c1', 'c0'],
    changedAt: at,
    personal: { 'order-1': personal },
  },
  'CustomerMerged.v1.decided.json': {
    type: 'CustomerMerged',
    at,
    from: 'c1',
    fromRevision: 7,
    windows: {},
    consents: {},
    slots: [],
    intents: {},
    decidedAt: at,
  },
  'SendAuthorised.v2.fallback.json': {
    type: 'SendAuthorised',
    ...decision,
    rule: '12',
    fallbackTrace: { '3': 'passed', '12': 'applies' },
    content: 'fallback',
    validUntil: later,
    usesSlot: true,
  },
  'CustomerMessageReceived.v1.former.json': {
    type: 'CustomerMessageReceived',
    ...inbound,
    opens: false,
    messageId: 'wamid.1',
    messageType: 'text',
    origin: 'customer',
    authored: true,
    former: true,
    personal: { from: '4915112345678', name: 'Ada', text: 'Hello' },
  },
  'MessageDelivered.v1.settled.json': {
    type: 'MessageDelivered',
    at,
    intentId: 'order-1',
    providerMessageId: 'claim-1',
    sender: '15550001111',
    settledBy: 'jane@acme.example',
  },
  'SendFailed.v1.settled.json': {
    type: 'SendFailed',
    at,
    intentId: 'order-1',
    claim: 'claim-1',
    code: 'settled',
    final: true,
    providerMessageId: 'wamid.2',
    settledBy: 'jane@acme.example',
  },
};
const metadata = { correlationId: 'm-1', causationId: 'e-1', traceparent: '00-a-b-01' };

describe.each(Object.values(events).map((event) => [event.type, event] as const))('%s', (type, event) => {
  test('case 42: its golden file of each version decodes to the event that it always meant', () => {
    for (let version = 1; version <= schemaVersionOf(type); version += 1)
      expect(decodeEvent(stored(type, goldenFile(type, version)))).toEqual({ event, metadata });
  });

  test('is still written in the same shape', () => {
    const now = encodeEvent(event, metadata);
    expect(JSON.parse(now.data)).toEqual(JSON.parse(stored(type).data));
    expect(JSON.parse(now.metadata)).toEqual(JSON.parse(stored(type).metadata));
  });
});

test.each(Object.entries(variants))(
  '%s decodes to the event that it always meant, and is still written so',
  (file, event) => {
    expect(decodeEvent(stored(event.type, file))).toEqual({ event, metadata });
    expect(JSON.parse(encodeEvent(event, metadata).data)).toEqual(JSON.parse(stored(event.type, file).data));
  },
);

test('every event type has a golden file, and every golden file its type', () => {
  const versions = Object.keys(eventTypes)
    .filter(isEventType)
    .flatMap((type) => Array.from({ length: schemaVersionOf(type) }, (_, before) => goldenFile(type, before + 1)));
  const files = [...versions, ...Object.keys(variants)];
  expect(readdirSync(folder).sort()).toEqual(files.sort());
});

test('docs/reference/events.md is what the golden files say', () => {
  const page = eventsPage((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')));
  expect(readFileSync(new URL('../../../docs/reference/events.md', import.meta.url), 'utf8')).toBe(page);
  for (const type of Object.keys(eventTypes)) expect(page).toContain(`**[${type}](`);
});

test('the names on objects by default are no event types', () => {
  expect(['toString', 'constructor', '__proto__'].filter(isEventType)).toEqual([]);
});

test('decoding fails on what Tidegate did not write', () => {
  const { type, data, metadata: meta } = encodeEvent(events.AccountRegistered, metadata);
  const decoding = (change: Partial<StoredEvent>) => () => decodeEvent({ type, data, metadata: meta, ...change });
  expect(decoding({})).not.toThrow();
  const undecodable = expect.objectContaining({ code: 'event-undecodable' });
  for (const change of [
    { type: 'ZoneChanged' },
    { data: '{' },
    { data: 'null' },
    { data: '{"type":"AccountRegistered"}' },
    { data: '{"type":"AccountForgotten","at":1}', type: 'AccountForgotten' },
    { metadata: '' },
    { metadata: '{}' },
    { metadata: '[]' },
    { metadata: meta.replace('"schemaVersion":1', '"schemaVersion":2') },
    { metadata: meta.replace('"schemaVersion":1', '"schemaVersion":0') },
    { metadata: meta.replace('"schemaVersion":1', '"schemaVersion":1.5') },
  ]) {
    expect(decoding(change)).toThrow(undecodable);
  }
});

test('decoding fails on a trace that is none', () => {
  const refused = encodeEvent(events.SendRefused, metadata);
  expect(refused.data).toContain('"trace":"p----a-n-----"');
  for (const trace of ['"p----a-n----"', '"p----a-n------"', '"p----a-x-----"', '{}', 'null']) {
    const data = refused.data.replace('"p----a-n-----"', trace);
    expect(() => decodeEvent({ ...refused, data })).toThrow(expect.objectContaining({ code: 'event-undecodable' }));
  }
  const data = refused.data.replace('"trace":', '"steps":');
  expect(() => decodeEvent({ ...refused, data })).toThrow(expect.objectContaining({ code: 'event-undecodable' }));
});

test('a decision has the same digest in the ledger, whichever version it was stored in', () => {
  const digestOf = (file: string): string =>
    entryDigest({
      stream: 'customer-acme.1',
      revision: 0,
      id: 'e-1',
      event: decodeEvent(stored('SendRefused', file)).event,
    });
  expect(digestOf('SendRefused.v1.json')).toBe(digestOf('SendRefused.v2.json'));
});

test('law: a trace is what its letters say, whatever it says of whichever rules', () => {
  const results = fc.constantFrom('passed' as const, 'applies' as const, 'not-applicable' as const);
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...ruleIds), results), (trace) => {
      const event = { ...events.SendAuthorised, trace, fallbackTrace: trace };
      expect(decodeEvent(encodeEvent(event, metadata)).event).toEqual(event);
    }),
  );
});

test('what cannot be JSON is unserialisable', () => {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const event = { ...events.SendRefused, personal: { ...personal, body: circular } };
  expect(() => encodeEvent(event, metadata)).toThrow(expect.objectContaining({ code: 'event-unserialisable' }));
});
