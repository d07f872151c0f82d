import { DAY_MS, HOUR_MS } from '#domain/time';
import { codeOf, reactionTo, reactionToReport, reactionToStatus } from './reactions.js';

const unreachable = {
  retryable: false,
  effect: { kind: 'cooldown', scope: 'all', forMs: 7 * DAY_MS, exceptInWindow: true },
};
const halted = { retryable: false, effect: { kind: 'account-halted', extent: 'account' } };
const blocked = { retryable: false, effect: { kind: 'sender-blocked', forMs: HOUR_MS } };
const rejected = { retryable: false };
const transient = { retryable: true };
const unknownTemplate = { retryable: false, effect: { kind: 'template-unavailable', status: 'unknown' } };

describe("reactions to Sinch's refusals (platforms §1b)", () => {
  test.each([
    ['OUTSIDE_ALLOWED_SENDING_WINDOW', { retryable: false, effect: { kind: 'window-closed' } }],
    ['RECIPIENT_NOT_OPTED_IN', { retryable: false, effect: { kind: 'opted-out', scope: 'all' } }],
    ['TEMPLATE_NOT_FOUND', unknownTemplate],
    ['TEMPLATE_INSUFFICIENT_PARAMETERS', rejected],
    ['TEMPLATE_NON_EXISTING_LANGUAGE_OR_VERSION', unknownTemplate],
    ['RATE_LIMITED', { retryable: true, effect: { kind: 'throughput-limited' } }],
    ['RECIPIENT_NOT_REACHABLE', unreachable],
    ['RECIPIENT_INVALID_CHANNEL_IDENTITY', unreachable],
    ['DELIVERY_REJECTED_DUE_TO_POLICY', rejected],
    ['CHANNEL_REJECT', rejected],
    ['CHANNEL_FAILURE', transient],
    ['MESSAGE_EXPIRED', rejected],
    ['DELIVERY_TIMED_OUT', rejected],
    ['DELIVERY_REPORT_TIME_OUT', rejected],
    ['INACTIVE_CREDENTIAL', blocked],
    ['NO_CHANNELS_LEFT', rejected],
    ['INTERNAL_ERROR', transient],
    ['NO_PERMISSION', halted],
    ['UNKNOWN', rejected],
    ['SOMETHING_NEW', rejected],
    ['constructor', rejected],
  ])('to %s', (code, reaction) => {
    expect(reactionTo(code)).toEqual(reaction);
  });

  test.each([
    ['131056', { retryable: true, effect: { kind: 'pair-limited' } }],
    ['131048', blocked],
    ['131049', { retryable: false, effect: { kind: 'cooldown', scope: 'marketing', forMs: DAY_MS } }],
    ['131050', { retryable: false, effect: { kind: 'opted-out', scope: 'marketing' } }],
    ['132015', { retryable: false, effect: { kind: 'template-unavailable', status: 'paused' } }],
    ['131042', halted],
    ['130497', { retryable: false, effect: { kind: 'account-halted', extent: 'country' } }],
  ])("to WhatsApp's own %s", (code, reaction) => {
    expect(reactionTo(code)).toEqual(reaction);
  });

  test("prefers WhatsApp's code to Sinch's reason where it is known", () => {
    expect(codeOf({ code: 'CHANNEL_REJECT', channelCode: '131050' })).toBe('131050');
    expect(codeOf({ code: 'CHANNEL_REJECT', channelCode: '999999' })).toBe('CHANNEL_REJECT');
    expect(codeOf({ code: 'CHANNEL_REJECT' })).toBe('CHANNEL_REJECT');
    expect(codeOf({})).toBe('UNKNOWN');
  });

  test.each([500, 502, 503, 504, 408])('is none to %i, which does not tell what became of the message', (status) => {
    expect(reactionToStatus(status)).toBeUndefined();
  });

  test('reported later: turned away by a limit may come again, failed on its way may not', () => {
    expect(reactionToReport('131056')).toEqual(reactionTo('131056'));
    expect(reactionTo('INTERNAL_ERROR').retryable).toBe(true);
    expect(reactionToReport('INTERNAL_ERROR')).toEqual({ retryable: false });
    expect(reactionToReport('OUTSIDE_ALLOWED_SENDING_WINDOW')).toEqual(reactionTo('OUTSIDE_ALLOWED_SENDING_WINDOW'));
  });
});
