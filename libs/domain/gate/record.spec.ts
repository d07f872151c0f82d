import { describe, expect, test } from '@jest/globals';
import { iso } from '#testing/scenario';
import { evolveAccount, initialAccount, type AccountEvent } from '../account.js';
import { callOutcomes, messageTypes } from '../message.js';
import { DAY_MS, plus } from '../time.js';
import { customerEventKey } from './events.js';
import { fold } from './evolve.js';
import { record, type Report } from './record.js';
import { initialCustomer } from './state.js';

const onboardedAt = iso('2026-01-01T00:00:00Z');
const receivedAt = iso('2026-11-23T10:00:00Z');
const policyChangedAt = plus(receivedAt, -2 * DAY_MS);

const events: readonly AccountEvent[] = [
  { type: 'AccountRegistered', at: onboardedAt, zone: 'UTC' },
  { type: 'SenderRegistered', at: onboardedAt, sender: '111', onboardedAt },
  {
    type: 'PolicyChanged',
    at: onboardedAt,
    effectiveAt: policyChangedAt,
    preset: 'sinch-2021',
    version: 2,
    overrides: { openers: ['text', 'reaction'], callsOpen: ['answered'] },
  },
];
const account = events.reduce(evolveAccount, initialAccount('acme'));

const message = {
  kind: 'message',
  provider: 'sinch',
  sender: '111',
  messageId: 'm1',
  messageType: 'text',
  origin: 'customer',
  claimedAt: receivedAt,
  receivedAt,
  personal: { from: '15550001', text: 'hello' },
} as const satisfies Report;
const call = {
  kind: 'call',
  provider: 'sinch',
  sender: '111',
  callId: 'c1',
  outcome: 'answered',
  claimedAt: receivedAt,
  receivedAt,
} as const satisfies Report;
const consent = {
  kind: 'consent',
  scope: 'marketing',
  status: 'opted-in',
  source: 'web-form',
  reference: 'form-17',
  claimedAt: receivedAt,
  receivedAt,
} as const satisfies Report;

const facts = (report: Report) => {
  const recorded = record(report, account);
  if (recorded.kind !== 'facts') throw new Error('quarantined');
  return recorded.events;
};

describe("a customer's message", () => {
  test('is kept whole, with what the rules make of it and apart from what is personal', () => {
    expect(record(message, account)).toEqual({
      kind: 'facts',
      events: [
        {
          type: 'CustomerMessageReceived',
          at: receivedAt,
          provider: 'sinch',
          sender: '111',
          messageId: 'm1',
          messageType: 'text',
          origin: 'customer',
          receivedAt,
          opens: true,
          authored: true,
          policy: 'sinch-2021@2',
          personal: { from: '15550001', text: 'hello' },
        },
      ],
    });
  });

  test('case 19: is classified by the policy in force at its own time, not at its arrival', () => {
    const before = { claimedAt: plus(policyChangedAt, -1) };
    const of = (messageType: 'sticker' | 'reaction') => ({ ...message, messageType });
    expect(facts({ ...of('sticker'), ...before })).toMatchObject([{ opens: true, policy: 'sinch-2021@1' }]);
    expect(facts(of('sticker'))).toMatchObject([{ opens: false, policy: 'sinch-2021@2' }]);
    expect(facts({ ...of('reaction'), ...before })).toMatchObject([{ opens: false, authored: true }]);
    expect(facts(of('reaction'))).toMatchObject([{ opens: true, authored: true }]);
  });

  test('case 20: that staff wrote or a system injected opens nothing and makes nobody active', () => {
    for (const origin of ['echo', 'injected'] as const) {
      expect(facts({ ...message, origin })).toMatchObject([{ opens: false, authored: false, origin }]);
    }
  });

  test('case 20: of an unknown type opens nothing and raises an alarm, alone among the types', () => {
    const alarmed = messageTypes.filter((messageType) => {
      const recorded = record({ ...message, messageType }, account);
      return recorded.kind === 'facts' && recorded.alarm === 'unknown-message-type';
    });
    expect(alarmed).toEqual(['unknown']);
    expect(facts({ ...message, messageType: 'unknown' })).toMatchObject([{ opens: false, authored: false }]);
  });

  test('opens nothing on a sender that is not registered, or from before it was onboarded', () => {
    expect(facts({ ...message, sender: '999' })).toMatchObject([{ opens: false, authored: true }]);
    expect(facts({ ...message, claimedAt: plus(onboardedAt, -1) })).toMatchObject([{ opens: false }]);
  });

  test('case 33: with an opt-out word opens the window and opts out of all, at the same instant', () => {
    const recorded = facts({ ...message, personal: { text: ' Stop ' } });
    expect(recorded).toMatchObject([
      { type: 'CustomerMessageReceived', opens: true, authored: true },
      { type: 'CustomerOptedOut', at: receivedAt, scope: 'all', source: 'keyword', reference: 'm1' },
    ]);
    expect(fold(recorded, initialCustomer)).toMatchObject({
      windows: { '111': { openerAt: receivedAt } },
      consents: { all: { status: 'out', at: receivedAt } },
    });
  });

  test('case 33: with an opt-out word as its caption is only a message', () => {
    expect(facts({ ...message, messageType: 'image', personal: { text: 'STOP' } })).toHaveLength(1);
  });

  test('case 32: is by itself no word on consent', () => {
    expect(fold(facts(message), initialCustomer).consents).toEqual({});
  });
});

describe('a call', () => {
  test.each(callOutcomes)('case 21: opens a window, %s too, where the policy at its start says so', (outcome) => {
    const before = facts({ ...call, outcome, claimedAt: plus(policyChangedAt, -1) });
    expect(before).toMatchObject([{ type: 'CustomerCallReceived', opens: true, policy: 'sinch-2021@1' }]);
    expect(facts({ ...call, outcome })).toMatchObject([{ opens: outcome === 'answered', policy: 'sinch-2021@2' }]);
  });

  test('case 21: opens nothing on a sender that is not registered, or from before it was onboarded', () => {
    expect(facts({ ...call, sender: '999' })).toMatchObject([{ opens: false }]);
    expect(facts({ ...call, claimedAt: plus(onboardedAt, -1) })).toMatchObject([{ opens: false }]);
  });
});

test('case 1: a STOP with a clock ahead is one opt-out, however often it is delivered', () => {
  const stop = { ...message, claimedAt: plus(receivedAt, DAY_MS), personal: { text: 'stop' } };
  const keys = (later: number) => facts({ ...stop, receivedAt: plus(receivedAt, later) }).map(customerEventKey);
  expect(keys(DAY_MS)).toEqual(keys(0));
});

test('case 31: a word on consent is kept by the time of its source, with its evidence', () => {
  const saidAt = plus(receivedAt, -DAY_MS);
  const kept = { at: saidAt, scope: 'marketing', source: 'web-form', reference: 'form-17', receivedAt };
  expect(facts({ ...consent, claimedAt: saidAt })).toEqual([{ type: 'CustomerOptedIn', ...kept }]);
  expect(facts({ ...consent, status: 'opted-out', claimedAt: saidAt })).toEqual([
    { type: 'CustomerOptedOut', ...kept },
  ]);
});

describe.each<Report>([message, call, consent])('the time of a $kind', (report) => {
  test('case 4: too far ahead is brought back to receipt + 60 s and flagged', () => {
    expect(facts({ ...report, claimedAt: plus(receivedAt, DAY_MS) })).toMatchObject([
      { at: plus(receivedAt, 60_000), clamped: true },
    ]);
    expect(facts(report)).toMatchObject([{ at: receivedAt, clamped: undefined }]);
  });

  test('case 1: clamped at each delivery to another instant, it is still the same fact', () => {
    const claimedAt = plus(receivedAt, 30 * DAY_MS);
    const keys = (later: number) =>
      facts({ ...report, claimedAt, receivedAt: plus(receivedAt, later) }).map(customerEventKey);
    expect(keys(DAY_MS)).toEqual(keys(0));
  });

  test('case 5: missing or absurd quarantines it', () => {
    for (const claimedAt of [undefined, Number.NaN, 0]) {
      expect(record({ ...report, claimedAt }, account)).toEqual({ kind: 'quarantined', field: 'time' });
    }
  });
});
