import { describe, expect, test } from '@jest/globals';
import {
  after,
  given,
  hello,
  intentOf,
  optedIn,
  optedOut,
  policyOf,
  templateIntent,
  templateWas,
  wrote,
  allowance,
  personal,
  type Scenario,
} from '#testing/scenario';
import { cancel, decide } from '../gate/decide.js';
import type { CustomerEvent, Decided } from '../gate/events.js';
import { evolve, fold } from '../gate/evolve.js';
import type { SendIntent } from '../gate/intent.js';
import { claim } from '../gate/permit.js';
import { DAY_MS, HOUR_MS, SECOND_MS, type Instant } from '../time.js';
import { discrepancies, isExact, saidBy, spokenVerdict, usersAsRecorded, type Known } from './rederive.js';

const opened = wrote(after(-HOUR_MS));
const closed = wrote(after(-2 * DAY_MS));
const willing = given(optedIn(after(-3 * DAY_MS)));

const knownIn = (scenario: Scenario, at: Instant): Known => {
  const { customer, account, template, activeUsers } = scenario.situation(at);
  return { customer, account, template, users: activeUsers.users };
};

const cases: readonly (readonly [string, Scenario, SendIntent])[] = [
  ['authorised', given(opened), intentOf()],
  ['authorised', willing.and(closed), templateIntent()],
  ['authorised', given(closed).and(optedIn(after(-HOUR_MS))), intentOf({ whenClosed: 'fallback', fallback: hello })],
  ['refused: window-closed', given(closed), intentOf()],
  ['refused: opted-out', given(opened, optedOut(after(-SECOND_MS))), intentOf()],
  ['refused: not-opted-in', given(closed), templateIntent()],
  ['refused: template-unknown', given(opened).templateWith(), templateIntent()],
  ['refused: template-paused', given(opened).templateWith(templateWas('TemplatePaused')), templateIntent()],
  ['refused: invalid-intent', given(opened), intentOf({ sender: 'rome' })],
  [
    'refused: mau-allowance-exceeded',
    willing.accountWith(allowance(3), policyOf({ overAllowance: 'refuse' })).activeUsers(3),
    templateIntent(),
  ],
  ['held: window-closed', given(closed), intentOf({ whenClosed: 'hold' })],
  ['held: scheduled', given(opened), intentOf({ sendAt: after(HOUR_MS) })],
  ['expired', given(opened), intentOf({ expiresAt: after(0) })],
];

describe('a recorded decision, decided again', () => {
  test.each(cases)('%s is what comes out', (verdict, scenario, intent) => {
    const { decided } = scenario.when(intent).at(after(0));
    expect(spokenVerdict(saidBy(decided))).toBe(verdict);
    const stored: Decided = JSON.parse(JSON.stringify(decided));
    expect(discrepancies(stored, knownIn(scenario, after(0)))).toEqual([]);
  });

  test('a verdict that was changed since is found', () => {
    const scenario = given(closed);
    const { decided } = scenario.when(intentOf()).at(after(0));
    const changed: Decided = { ...decided, cost: 'over-allowance', trace: { ...decided.trace, '7': 'passed' } };
    expect(discrepancies(changed, knownIn(scenario, after(0))).map(({ field }) => field)).toEqual(['trace.7', 'cost']);
  });

  test('so is a fact that was changed since', () => {
    const { decided } = given(opened).when(intentOf()).at(after(0));
    expect(discrepancies(decided, knownIn(given(closed), after(0))).map(({ field }) => field)).toContain('type');
  });

  test('after the second revocation it is the final refusal that the gate gives (rules §7)', () => {
    const template = templateIntent();
    const approved = willing.templateWith(templateWas('TemplateApproved'));
    const events: CustomerEvent[] = [...optedIn(after(-3 * DAY_MS))];
    const step = (scenario: Scenario, now: Instant) => {
      const situation = { ...scenario.situation(now), customer: fold(events, given().situation(now).customer) };
      return situation;
    };
    events.push(decide(template, personal, step(approved, after(0))));
    // The permit lapses, is given anew, and lapses again.
    for (const days of [1, 2]) {
      const said = claim('i-1', 'c', step(approved, after(days * HOUR_MS)));
      if (said.kind !== 'revoked') throw new Error(`expected a revocation, got ${said.kind}`);
      events.push(...said.events);
    }
    const final = events.at(-1);
    expect(final).toMatchObject({ type: 'SendRefused', rule: 'recheck', reason: 'permit-lapsed' });
    const now = after(2 * HOUR_MS);
    const known = { ...knownIn(approved, now), customer: fold(events.slice(0, -1), given().situation(now).customer) };
    expect(discrepancies(final as Decided, known)).toEqual([]);
  });

  test('a cancellation is one only while there was something to cancel (rules §8)', () => {
    const scenario = given(closed);
    const held = scenario.when(intentOf({ whenClosed: 'hold' })).at(after(0)).decided;
    const known = knownIn(scenario, after(0));
    const holding = { ...known, customer: evolve(known.customer, held) };
    const cancelled = cancel('i-1', 'changed my mind', undefined, { now: after(1), customer: holding.customer });
    if (cancelled.kind !== 'cancelled') throw new Error('expected a cancellation');
    const [event] = cancelled.events;
    if (event?.type !== 'SendCancelled') throw new Error('expected a cancellation');
    expect(saidBy(event)).toEqual({ outcome: 'cancelled' });
    expect(discrepancies(event, holding)).toEqual([]);
    expect(discrepancies(event, known)).toEqual([{ field: 'intent', a: held.intent, b: undefined }]);
  });

  test('names the revision it stood on: the one before it', () => {
    const { decided } = given(opened).when(intentOf()).at(after(0));
    expect(decided.evidence.customerRevision).toBe(0);
    expect([0, 1, 2].map((revision) => isExact(decided, revision))).toEqual([false, true, false]);
  });

  test('its cost tells how many active users it must have counted', () => {
    const scenario = willing.accountWith(allowance(3));
    for (const users of [0, 2, 3, 9]) {
      const { decided } = scenario.activeUsers(users).when(templateIntent()).at(after(0));
      const known = knownIn(scenario, after(0));
      expect(discrepancies(decided, { ...known, users: usersAsRecorded(decided, known.account) })).toEqual([]);
    }
  });
});
