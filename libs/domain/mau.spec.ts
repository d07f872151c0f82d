import { describe, expect, test } from '@jest/globals';
import { iso } from '#testing/scenario';
import { evolveAccount, initialAccount, type AccountState } from './account.js';
import type { CustomerEvent, CustomerFact } from './gate/events.js';
import { countsIn } from './mau.js';
import { instantOf } from './time.js';

const at = iso('2026-10-31T23:30:00Z');
const berlin: AccountState = evolveAccount(initialAccount('acme'), {
  type: 'AccountRegistered',
  at: instantOf(0),
  zone: 'Europe/Berlin',
});
const counted = (event: CustomerEvent) => countsIn(event, berlin, 'sent-or-received-v1');

const message = {
  type: 'CustomerMessageReceived',
  at,
  provider: 'sinch',
  sender: '111',
  messageId: 'm1',
  messageType: 'text',
  origin: 'customer',
  receivedAt: at,
  opens: true,
  authored: true,
  policy: 'sinch-2021@1',
} as const satisfies CustomerFact;

describe('a customer is active', () => {
  test('case 26: in the month of the message, by its own time and in the billing zone', () => {
    const late = { ...message, receivedAt: iso('2026-12-05T00:00:00Z') };
    expect(counted(late)).toEqual({ month: '2026-11', at });
    expect(countsIn(late, initialAccount('utc'), 'sent-or-received-v1')).toEqual({ month: '2026-10', at });
  });

  test('case 3: by a message that came too late to open a window', () => {
    expect(counted({ ...message, opens: false })).toEqual({ month: '2026-11', at });
  });

  test.each(['MessageDelivered', 'MessageRead'] as const)('case 28: by a message of ours: %s', (type) => {
    expect(counted({ type, at, providerMessageId: 'p1' })).toEqual({ month: '2026-11', at });
  });

  test('case 20: not by what they did not author', () => {
    expect(counted({ ...message, authored: false })).toBeUndefined();
  });

  test('case 21: not by a call', () => {
    const call = {
      type: 'CustomerCallReceived',
      at,
      provider: 'sinch',
      sender: '111',
      callId: 'c1',
      outcome: 'answered',
      receivedAt: at,
      opens: true,
      policy: 'sinch-2021@1',
    } as const;
    expect(counted(call)).toBeUndefined();
  });

  test('case 29: not by a message that was only accepted, or failed', () => {
    expect(counted({ type: 'SendAccepted', at, intentId: 'i1', claim: 'c', providerMessageId: 'p1' })).toBeUndefined();
    expect(counted({ type: 'SendFailed', at, intentId: 'i1', code: '131026', final: true })).toBeUndefined();
  });
});
