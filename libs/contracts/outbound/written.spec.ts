import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import * as fc from 'fast-check';
import { errorCodes } from '#application/errors';
import type { OutgoingMessage } from '#application/ports/message-queue';
import { consentScopes } from '#domain/consent';
import { ruleIds, type Decided, type DecisionRecord } from '#domain/gate/events';
import { holdReasons, refusalReasons } from '#domain/gate/reasons';
import { instantOf, type Instant } from '#domain/time';
import { parseInstant } from '../inbound/instants.js';
import { schemaOf } from '../inbound/schemas.js';
import { deadLetterMessage } from './dead-letters.js';
import { writtenKinds } from './kinds.js';
import { sendCommandMessage } from './send-commands.js';
import { cancelledDecision, decisionOf, sendDecisionMessage } from './send-decisions.js';

// What Tidegate writes is valid by the contracts that it publishes, and the contracts leave nothing of it out.

/** The schema with every object closed: a field that is written but not described is an error. */
const closed = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const parts = Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, closed(part)]));
  return 'type' in schema && schema.type === 'object' && 'properties' in schema
    ? { ...parts, additionalProperties: false }
    : parts;
};

const faultsIn = (dto: { readonly name: string }): ((message: OutgoingMessage) => unknown) => {
  const ajv = new Ajv({ strict: false, allErrors: true });
  ajv.addFormat('date-time', (text: string) => parseInstant(text) !== undefined);
  const isValid = ajv.compile(Object(closed(schemaOf(dto))));
  return ({ value }) => (isValid(JSON.parse(value ?? 'null').data) ? [] : isValid.errors);
};

const [decisions] = writtenKinds['send-decisions'];
const [commands] = writtenKinds['send-commands'];
const [letters] = writtenKinds['dead-letters'];

const attributes = { id: 'e-1', source: '/tidegate/dispatcher', at: instantOf(0) };
const instants: fc.Arbitrary<Instant> = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }).map(instantOf);
const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined });
const words = fc.string({ minLength: 1, maxLength: 64, unit: fc.constantFrom('a', '1', '/', ' ', '🌊') });
const counts = fc.nat();
const revisions = fc.integer({ min: -1, max: 1_000_000 });

const record: fc.Arbitrary<DecisionRecord> = fc.record({
  at: instants,
  intent: fc.record({
    intentId: words,
    sender: words,
    content: fc.constant({ kind: 'session', messageType: 'text' } as const),
    whenClosed: fc.constantFrom('refuse', 'fallback', 'hold'),
    whenPaused: fc.constantFrom('refuse', 'hold'),
    fingerprint: words,
  }),
  ordinal: fc.integer({ min: 1 }),
  rule: fc.constantFrom(...ruleIds, '7/fallback' as const, 'recheck' as const, 'cancel' as const),
  trace: fc.dictionary(fc.constantFrom(...ruleIds), fc.constantFrom('passed', 'applies', 'not-applicable')),
  fallbackTrace: optional(fc.constant({ '8': 'applies' } as const)),
  policy: words,
  evidence: fc.record({
    customerRevision: revisions,
    accountRevision: revisions,
    templateRevision: optional(revisions),
    mauPosition: optional(counts),
    windowEnd: optional(instants),
    openSender: optional(words),
    consent: optional(
      fc.record({ status: fc.constantFrom('in', 'out'), scope: fc.constantFrom(...consentScopes), at: instants }),
    ),
    templateStatus: optional(words),
    slotsUsed: optional(counts),
  }),
  cost: fc.constantFrom('included', 'new-active-user', 'over-allowance'),
  personal: fc.constant({ to: { phone: '+4915112345678' } }),
});

const decided: { readonly [T in Decided['type']]: fc.Arbitrary<Decided & { readonly type: T }> } = {
  SendAuthorised: fc
    .tuple(record, fc.constantFrom('own' as const, 'fallback' as const), instants, fc.boolean())
    .map(([of, content, validUntil, usesSlot]) => ({ ...of, type: 'SendAuthorised', content, validUntil, usesSlot })),
  SendRefused: fc
    .tuple(record, fc.constantFrom(...refusalReasons), words)
    .map(([of, reason, remedy]) => ({ ...of, type: 'SendRefused', reason, remedy })),
  SendHeld: fc
    .tuple(record, fc.constantFrom(...holdReasons), instants, instants)
    .map(([of, reason, wakeAt, expiresAt]) => ({ ...of, type: 'SendHeld', reason, wakeAt, expiresAt })),
  SendExpired: record.map((of) => ({ ...of, type: 'SendExpired' })),
};

describe('send-decisions', () => {
  const faults = faultsIn(decisions.dto);

  test.each(Object.entries(decided))('%s', (_, events) => {
    fc.assert(
      fc.property(events, counts, (event, revision) => {
        const message = sendDecisionMessage(decisionOf('acme', 'c1', event, revision), attributes);
        expect(faults(message)).toEqual([]);
      }),
    );
  });

  test('a cancellation, without what the upstream said of it', () => {
    fc.assert(
      fc.property(record, words, instants, counts, ({ intent }, intentId, at, revision) => {
        for (const known of [intent, undefined]) {
          const event = { type: 'SendCancelled', at, intentId, intent: known, reason: 'Ada moved' } as const;
          const message = sendDecisionMessage(cancelledDecision('acme', 'c1', event, revision), attributes);
          expect(faults(message)).toEqual([]);
          expect(message.value).not.toContain('Ada');
        }
      }),
    );
  });

  test.each([
    [{ account: 'acme', customer: 'c1', intentId: 'i', outcome: 'authorised', reason: 'too-late' }, []],
    [{ messageKey: '', outcome: 'refused', reason: 'invalid-intent' }, []],
    [{ messageKey: '', outcome: 'refused', reason: 'window-closed' }, expect.arrayContaining([expect.anything()])],
    [{ account: 'acme', outcome: 'refused', reason: 'invalid-intent' }, expect.arrayContaining([expect.anything()])],
  ] as const)('an answer that nothing records: %j', (answer, expected) => {
    expect(faults(sendDecisionMessage({ ...answer, decidedAt: instantOf(0) }, attributes))).toEqual(expected);
  });

  test('a field that nobody described is noticed', () => {
    const answer = { messageKey: 'k', outcome: 'refused', reason: 'invalid-intent', decidedAt: instantOf(0) } as const;
    const message = sendDecisionMessage(answer, attributes);
    expect(faults(message)).toEqual([]);
    const undescribed = message.value?.replace('"outcome"', '"mood":"bad","outcome"') ?? null;
    expect(faults({ ...message, value: undescribed })).not.toEqual([]);
  });
});

test('send-commands', () => {
  const faults = faultsIn(commands.dto);
  const command = fc.record({
    account: fc.constant('acme'),
    customer: words,
    intentId: words,
    ordinal: fc.integer({ min: 1 }),
    sender: words,
    validUntil: instants,
    revision: counts,
  });
  fc.assert(fc.property(command, (of) => expect(faults(sendCommandMessage(of, attributes))).toEqual([])));
});

test('dead-letters, whole and cut', () => {
  const faults = faultsIn(letters.dto);
  const any = fc.string({ unit: 'binary' });
  const received = fc.record({
    topic: any,
    partition: counts,
    offset: counts,
    key: any,
    value: fc.oneof(fc.constant(null), any, fc.constant('\u0000'.repeat(900_000))),
    headers: fc.dictionary(any, any),
    at: instants,
  });
  const reason = fc.record({
    code: fc.constantFrom(...errorCodes),
    field: optional(any),
    message: any,
    remedy: optional(any),
  });
  fc.assert(
    fc.property(received, reason, (message, why) => {
      expect(faults(deadLetterMessage(message, why, attributes))).toEqual([]);
    }),
  );
});
