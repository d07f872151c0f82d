import { describe, expect, test } from '@jest/globals';
import { MAX_MESSAGE_BYTES, type OutgoingMessage, type ReceivedMessage } from '#application/ports/message-queue';
import type { Refusal } from '#domain/gate/events';
import { instantOf } from '#domain/time';
import { readMessage } from '../read-message.js';
import { deadLetterMessage } from './dead-letters.js';
import { sendCommandMessage } from './send-commands.js';
import { decisionOf, sendDecisionMessage } from './send-decisions.js';

const at = instantOf(Date.UTC(2026, 4, 4, 12));
const attributes = { id: 'e-1', source: '/tidegate/dispatcher', at, traceparent: '00-a-b-01' };
const contentOf = (message: OutgoingMessage): unknown => JSON.parse(message.value ?? 'null');
const taken = (message: OutgoingMessage): ReceivedMessage => ({ ...message, partition: 0, offset: 7, at });

const refusal: Refusal = {
  type: 'SendRefused',
  at,
  intent: {
    intentId: 'order-1',
    sender: '15550001111',
    content: { kind: 'session', messageType: 'text' },
    whenClosed: 'refuse',
    whenPaused: 'refuse',
    fingerprint: 'f',
  },
  ordinal: 1,
  rule: '7',
  trace: { '7': 'applies' },
  policy: 'sinch-2021@1',
  evidence: { customerRevision: 3, accountRevision: 0, windowEnd: at },
  cost: 'included',
  personal: { to: { phone: '+4915112345678' }, text: 'Secret' },
  reason: 'window-closed',
  remedy: 'the customer writes',
};

describe('send-decisions', () => {
  const message = sendDecisionMessage(decisionOf('acme', 'c1', refusal, 4), attributes);

  test('is a CloudEvent keyed by account and customer', () => {
    expect(message).toMatchObject({
      topic: 'tidegate.send-decisions.v1',
      key: 'acme.c1',
      headers: { 'content-type': 'application/cloudevents+json' },
    });
    expect(contentOf(message)).toMatchObject({
      specversion: '1.0',
      id: 'e-1',
      source: '/tidegate/dispatcher',
      type: 'tidegate.send-decisions.decision',
      time: '2026-05-04T12:00:00.000Z',
      traceparent: '00-a-b-01',
    });
  });

  test('says the decision and what it stood on, in RFC 3339 times, and nothing personal', () => {
    expect(contentOf(message)).toMatchObject({
      data: {
        intentId: 'order-1',
        outcome: 'refused',
        reason: 'window-closed',
        remedy: 'the customer writes',
        decidedAt: '2026-05-04T12:00:00.000Z',
        revision: 4,
        evidence: { customerRevision: 3, windowEnd: '2026-05-04T12:00:00.000Z' },
      },
    });
    expect(message.value).not.toMatch(/Secret|49151/);
  });

  test('can say a refusal that no event records', () => {
    const decision = {
      account: 'acme',
      customer: 'k',
      outcome: 'refused',
      reason: 'invalid-intent',
      decidedAt: at,
    } as const;
    expect(contentOf(sendDecisionMessage(decision, attributes))).toMatchObject({
      data: { outcome: 'refused', reason: 'invalid-intent', decidedAt: '2026-05-04T12:00:00.000Z' },
    });
  });
});

test('a send command reads back as it was written', () => {
  const command = {
    account: 'acme',
    customer: 'c1',
    intentId: 'order-1',
    ordinal: 1,
    sender: '15550001111',
    validUntil: at,
    revision: 4,
  };
  expect(readMessage('send-commands', taken(sendCommandMessage(command, attributes)))).toEqual({
    kind: 'valid',
    type: 'command',
    data: command,
    envelope: { id: 'e-1', type: 'tidegate.send-commands.command', traceparent: '00-a-b-01' },
  });
});

describe('dead-letters', () => {
  const reason = { code: 'message-invalid', field: 'account', message: 'account: is missing.' } as const;
  const received = (key: string, value: string | null): ReceivedMessage => ({
    topic: 'tidegate.consents.v1',
    partition: 3,
    offset: 12,
    key,
    value,
    headers: { ce_id: 'x' },
    at,
  });

  test('hold the message as it came, where it stood, and why', () => {
    const message = deadLetterMessage(received('acme.1', '{"a'), reason, attributes);
    expect(message).toMatchObject({ topic: 'tidegate.dead-letters.v1', key: 'acme.1' });
    expect(contentOf(message)).toMatchObject({
      id: 'tidegate.consents.v1/3/12',
      type: 'tidegate.dead-letters.dead-letter',
      data: { partition: 3, offset: 12, key: 'acme.1', value: '{"a', headers: { ce_id: 'x' }, ...reason },
    });
  });

  test.each([
    ['value', 'k', '\u0000'.repeat(900_000)],
    ['key', '🌊'.repeat(240_000), null],
  ])('are cut before they are too large to be sent: %s', (_, key, value) => {
    const message = deadLetterMessage(received(key, value), reason, attributes);
    const bytes = Buffer.byteLength(message.key) + Buffer.byteLength(message.value ?? '') + 100;
    expect(bytes).toBeLessThan(MAX_MESSAGE_BYTES);
    expect(contentOf(message)).toMatchObject({ data: { cut: true, offset: 12, code: 'message-invalid' } });
  });
});
