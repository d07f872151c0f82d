/* oxlint-disable jest/expect-expect -- the scenario's then… expects */
import { describe, expect, test } from '@jest/globals';
import { callOutcomes, messageTypes } from '../message.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, plus } from '../time.js';
import { windowEnd } from '../window.js';
import { iso, accountOf, after, given, intentOf, message, noon, policyOf, recorded, wrote } from '#testing/scenario';
import { customerEventKey, type CustomerEvent } from './events.js';
import { record } from './record.js';

const end = after(DAY_MS);

const endOf = (...events: readonly (CustomerEvent | readonly CustomerEvent[])[]) =>
  windowEnd(given(...events).situation(noon).customer.windows['berlin']);

describe('how long a window lasts', () => {
  test('case 1: a duplicate is the same fact, and another number or provider another', () => {
    const keys = (changes = {}) => wrote(noon, { messageId: 'm', ...changes }).map(customerEventKey);
    expect(keys({ receivedAt: after(HOUR_MS) })).toEqual(keys());
    expect(keys({ sender: 'paris' })).not.toEqual(keys());
    expect(keys({ provider: 'other' })).not.toEqual(keys());
    expect(endOf(wrote(noon), wrote(noon))).toBe(end);
  });
  test('case 2: an older message that arrives later never shortens the window', () => {
    expect(endOf(wrote(noon), wrote(after(-HOUR_MS), { receivedAt: after(HOUR_MS) }))).toBe(end);
  });
  test('case 3: a message that arrives after its 24 hours opens nothing but counts as activity', () => {
    const late = given(wrote(noon, { receivedAt: after(25 * HOUR_MS) }));
    late
      .when(intentOf())
      .at(after(25 * HOUR_MS))
      .thenRefused('window-closed');
    expect(late.situation(noon).customer.lastActiveAt).toBe(noon);
  });
  test('case 4: a clock ahead is clamped to one minute after receipt, and flagged', () => {
    expect(wrote(noon, { claimedAt: after(MINUTE_MS) })[0]).toMatchObject({ at: after(MINUTE_MS), clamped: undefined });
    expect(wrote(noon, { claimedAt: after(MINUTE_MS + 1) })[0]).toMatchObject({ at: after(MINUTE_MS), clamped: true });
    expect(endOf(wrote(noon, { claimedAt: after(DAY_MS) }))).toBe(after(DAY_MS + MINUTE_MS));
  });
  test('case 5: a missing or absurd time quarantines the message', () => {
    for (const claimedAt of [undefined, Number.NaN, Number.POSITIVE_INFINITY, 0, iso('2008-12-31T23:59Z')]) {
      expect(record({ ...message(noon), claimedAt }, accountOf())).toEqual({ kind: 'quarantined', field: 'time' });
    }
  });
  test('case 30: nothing makes a window longer than 24 hours', () => {
    expect(endOf(wrote(noon, { messageType: 'button' }))).toBe(end);
  });
  test('case 43: the window belongs to the number, whichever provider serves it', () => {
    expect(endOf(wrote(noon, { provider: 'sinch' }), wrote(after(1), { provider: 'meta' }))).toBe(plus(end, 1));
  });
});

describe('what opens a window', () => {
  test('case 19: customer messages open, reactions where the policy says so', () => {
    const opening = messageTypes.filter((messageType) => endOf(wrote(noon, { messageType })) !== undefined);
    expect(opening).toEqual([
      'text',
      'image',
      'audio',
      'video',
      'document',
      'sticker',
      'location',
      'contacts',
      'button',
      'interactive',
      'order',
    ]);
    const reactionsOpen = accountOf(policyOf({ openers: ['reaction'] }));
    expect(endOf(recorded(message(noon, { messageType: 'reaction' }), reactionsOpen))).toBe(end);
  });
  test('case 20: echoes, injected messages, notices, edits, and what is older than the onboarding never open', () => {
    expect(endOf(wrote(noon, { origin: 'echo' }))).toBeUndefined();
    expect(endOf(wrote(noon, { origin: 'injected' }))).toBeUndefined();
    for (const messageType of ['system', 'unsupported', 'edit', 'revoke'] as const)
      expect(endOf(wrote(noon, { messageType }))).toBeUndefined();
    const onboarded = accountOf({ type: 'SenderRegistered', at: noon, sender: 'berlin', onboardedAt: noon });
    expect(endOf(recorded(message(after(-1)), onboarded))).toBeUndefined();
    expect(endOf(recorded(message(noon), onboarded))).toBe(end);
  });
  test('case 20: a type that the gate does not know does not open, and raises an alarm', () => {
    const result = record(message(noon, { messageType: 'unknown' }), accountOf());
    expect(result).toMatchObject({ alarm: 'unknown-message-type', events: [{ opens: false, authored: false }] });
  });
  test('case 21: calls open, missed ones too, unless the policy says no', () => {
    for (const outcome of callOutcomes) {
      const call = {
        kind: 'call',
        provider: 'sandbox',
        sender: 'berlin',
        callId: 'c',
        outcome,
        claimedAt: noon,
        receivedAt: noon,
      } as const;
      expect(endOf(recorded(call))).toBe(end);
      expect(endOf(recorded(call, accountOf(policyOf({ callsOpen: [] }))))).toBeUndefined();
    }
  });
  test('case 42: a message is classified by the policy in force at its own time, and keeps its version', () => {
    const account = accountOf(policyOf({ openers: [] }, after(HOUR_MS)));
    expect(recorded(message(noon, { receivedAt: after(2 * HOUR_MS) }), account)[0]).toMatchObject({
      opens: true,
      policy: 'sinch-2021@1',
    });
    expect(recorded(message(after(HOUR_MS)), account)[0]).toMatchObject({ opens: false, policy: 'sinch-2021@2' });
  });
});
