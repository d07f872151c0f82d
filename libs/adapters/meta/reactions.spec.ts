import { DAY_MS, HOUR_MS } from '#domain/time';
import { reactionTo, reactionToReport } from './reactions.js';

const rejected = { retryable: false };
const transient = { retryable: true };
const throughput = { retryable: true, effect: { kind: 'throughput-limited' } };
const blocked = { retryable: false, effect: { kind: 'sender-blocked', forMs: HOUR_MS } };
const halted = { retryable: false, effect: { kind: 'account-halted', extent: 'account' } };
const template = (status: string) => ({ retryable: false, effect: { kind: 'template-unavailable', status } });

describe("reactions to Meta's error codes (platforms §2d)", () => {
  test.each([
    [131047, { retryable: false, effect: { kind: 'window-closed' } }],
    [131026, { retryable: false, effect: { kind: 'cooldown', scope: 'all', forMs: 7 * DAY_MS, exceptInWindow: true } }],
    [131049, { retryable: false, effect: { kind: 'cooldown', scope: 'marketing', forMs: DAY_MS } }],
    [131050, { retryable: false, effect: { kind: 'opted-out', scope: 'marketing' } }],
    [131048, blocked],
    [130429, throughput],
    [131056, { retryable: true, effect: { kind: 'pair-limited' } }],
    [
      130472,
      { retryable: false, effect: { kind: 'cooldown', scope: 'marketing', forMs: 7 * DAY_MS, exceptInWindow: true } },
    ],
    [131042, halted],
    [131031, halted],
    [368, halted],
    [130497, { retryable: false, effect: { kind: 'account-halted', extent: 'country' } }],
    [131057, transient],
    [131062, rejected],
    [132000, rejected],
    [132012, rejected],
    [132001, template('unknown')],
    [132005, rejected],
    [132007, rejected],
    [132015, template('paused')],
    [132016, template('disabled')],
    [132068, rejected],
    [132069, transient],
    [131000, transient],
    [131016, transient],
    [133004, transient],
    [1, transient],
    [2, transient],
    // Beyond the table of the platforms: credentials, permissions, registration, rates of the API, parameters.
    [0, halted],
    [190, halted],
    [200, halted],
    [299, halted],
    [131005, halted],
    [133010, blocked],
    [4, throughput],
    [80_007, throughput],
    [100, rejected],
    [131009, rejected],
    [999_999, rejected],
  ])('to %i', (code, reaction) => {
    expect(reactionTo(String(code))).toEqual(reaction);
  });

  test('to what is no code is a rejection', () => {
    expect(reactionTo('constructor')).toEqual(rejected);
  });

  test('reported later: turned away by a limit may come again, failed on its way may not', () => {
    expect(reactionToReport('130429')).toEqual(reactionTo('130429'));
    expect(reactionTo('131000').retryable).toBe(true);
    expect(reactionToReport('131000')).toEqual({ retryable: false });
    expect(reactionToReport('131047')).toEqual(reactionTo('131047'));
  });
});
