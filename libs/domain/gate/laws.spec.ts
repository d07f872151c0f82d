import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { consentScopes } from '../consent.js';
import { messageTypes } from '../message.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, plus, type Instant } from '../time.js';
import { windowEnd } from '../window.js';
import {
  accountOf,
  after,
  given,
  hello,
  intentOf,
  message,
  noon,
  optedIn,
  optedOut,
  personal,
  policyOf,
  recorded,
  templateWas,
  wrote,
  type Scenario,
} from '#testing/scenario';
import { decide } from './decide.js';
import { ruleIds, type CustomerEvent } from './events.js';
import { evolve, fold } from './evolve.js';
import type { SendIntent } from './intent.js';
import { settle } from './outcome.js';
import { claim } from './permit.js';
import { initialCustomer } from './state.js';

// What must hold for every history. Instants lie in a grid around the edges of a session, so that ties and edges are common.

const margin = MINUTE_MS;
const instants: fc.Arbitrary<Instant> = fc
  .tuple(fc.integer({ min: 0, max: 12 }), fc.constantFrom(-margin - 1, -margin, -1, 0, 1, SECOND_MS))
  .map(([quarters, edge]) => after(quarters * 6 * HOUR_MS + edge));

const scopes = fc.constantFrom(...consentScopes);
const senders = fc.constantFrom('berlin', 'paris');

/** Messages come with any delay, consents in any order. */
const facts: fc.Arbitrary<readonly CustomerEvent[]> = fc.oneof(
  fc
    .record({
      at: instants,
      delay: fc.constantFrom(0, MINUTE_MS, 30 * HOUR_MS),
      sender: senders,
      messageType: fc.constantFrom('text', 'image', 'button', 'reaction', 'edit'),
      text: fc.constantFrom('Hello', 'Hello', 'STOP'),
    })
    .map(({ at, delay, sender, messageType, text }) =>
      wrote(at, { sender, messageType, receivedAt: plus(at, delay), personal: { text } }),
    ),
  fc.tuple(instants, scopes).map(([at, scope]) => optedIn(at, scope)),
  fc.tuple(instants, scopes).map(([at, scope]) => optedOut(at, scope)),
  fc
    .tuple(instants, senders)
    .map(([startedAt, sender]): readonly CustomerEvent[] => [
      { type: 'WindowCorrected', at: plus(startedAt, SECOND_MS), sender, intentId: 'other', startedAt },
    ]),
);
const histories = fc.array(facts, { maxLength: 8 }).map((parts) => parts.flat());

const intents: fc.Arbitrary<SendIntent> = fc
  .record({
    sender: senders,
    content: fc.constantFrom(intentOf().content, hello),
    whenClosed: fc.constantFrom('refuse', 'hold', 'fallback'),
    fallback: fc.constantFrom(undefined, hello),
    whenPaused: fc.constantFrom('refuse', 'hold'),
    sendAt: fc.option(instants, { nil: undefined, freq: 2 }),
    expiresAt: fc.option(instants, { nil: undefined, freq: 2 }),
  })
  .map(intentOf);

const scenarios: fc.Arbitrary<Scenario> = fc
  .tuple(histories, fc.constantFrom('TemplateApproved', 'TemplateApproved', 'TemplatePaused'))
  .map(([events, type]) => given(events).templateWith(templateWas(type)));

const runs = { numRuns: 500 };
/** Runs that reached an authorisation: `pre` skips the others, and too few of them fail the law. */
const reached = { numRuns: 100 };

describe('the decision', () => {
  test('taken twice on the same situation it is the same', () => {
    fc.assert(
      fc.property(scenarios, intents, instants, (scenario, intent, now) => {
        const situation = scenario.situation(now);
        const before = JSON.stringify(situation.customer);
        expect(decide(intent, personal, situation)).toEqual(decide(intent, personal, scenario.situation(now)));
        expect(JSON.stringify(situation.customer)).toBe(before);
      }),
      runs,
    );
  });

  test('has a whole trace, in which the rule that decided is the first that applies; a refusal says what would change it', () => {
    fc.assert(
      fc.property(scenarios, intents, instants, (scenario, intent, now) => {
        const { decided } = scenario.when(intent).at(now);
        for (const trace of [decided.trace, decided.fallbackTrace ?? decided.trace])
          expect(Object.keys(trace).toSorted()).toEqual([...ruleIds].toSorted());
        const trace = decided.fallbackTrace ?? decided.trace;
        const applying = ruleIds.filter((id) => trace[id] === 'applies');
        // Rule 13 turns what another authorises.
        expect(decided.rule).toBe(decided.rule === '13' ? applying.at(-1) : applying[0]);
        expect(decided.type === 'SendRefused' ? decided.remedy : 'none asked for').not.toBe('');
      }),
      runs,
    );
  });

  test('case 41: is the same once what identifies the person is gone', () => {
    fc.assert(
      fc.property(histories, intents, instants, (events, intent, now) => {
        const shredded = events.map((event) =>
          event.type === 'CustomerMessageReceived' ? { ...event, personal: undefined } : event,
        );
        const nobody = { to: {} };
        expect(decide(intent, nobody, given(shredded).situation(now))).toEqual({
          ...given(events).when(intent).at(now).decided,
          personal: nobody,
        });
      }),
      runs,
    );
  });

  test('never authorises a session message outside the window, or after an opt-out with no later opener', () => {
    fc.assert(
      fc.property(scenarios, intents, instants, (scenario, intent, now) => {
        const { customer } = scenario.situation(now);
        const { decided } = scenario.when(intent).at(now);
        fc.pre(decided.type === 'SendAuthorised' && decided.content === 'own' && intent.content.kind === 'session');
        const window = customer.windows[intent.sender];
        expect(now + margin).toBeLessThan(window?.openerAt === undefined ? 0 : window.openerAt + DAY_MS);
        const { all } = customer.consents;
        expect(all?.status !== 'out' || (window?.openerAt ?? 0) > all.at).toBe(true);
      }),
      reached,
    );
  });

  test('never authorises a template whose category or all the customer opted out of last', () => {
    fc.assert(
      fc.property(scenarios, intents, instants, (scenario, intent, now) => {
        const { decided } = scenario.when(intent).at(now);
        fc.pre(
          decided.type === 'SendAuthorised' && (decided.content === 'fallback' || intent.content.kind === 'template'),
        );
        const { all, utility } = scenario.situation(now).customer.consents;
        expect(utility?.status).not.toBe('out');
        expect(all?.status !== 'out' || (utility?.at ?? 0) > all.at).toBe(true);
      }),
      reached,
    );
  });

  test('validUntil is never later than expiresAt, nor in a window than its end without the margin', () => {
    fc.assert(
      fc.property(scenarios, intents, instants, (scenario, intent, now) => {
        const { decided } = scenario.when(intent).at(now);
        fc.pre(decided.type === 'SendAuthorised');
        expect(decided.validUntil).toBeGreaterThan(now);
        expect(decided.validUntil).toBeLessThanOrEqual(intent.expiresAt ?? Number.POSITIVE_INFINITY);
        const end = windowEnd(scenario.situation(now).customer.windows[intent.sender]);
        expect(decided.usesSlot || decided.validUntil <= (end ?? 0) - margin).toBe(true);
      }),
      reached,
    );
  });
});

describe('the fold', () => {
  test('of two parts is the fold of the whole', () => {
    fc.assert(
      fc.property(histories, histories, (a, b) => {
        expect(fold([...a, ...b], initialCustomer)).toEqual(fold(b, fold(a, initialCustomer)));
      }),
      runs,
    );
  });

  test('leaves the state as it is at an event that it does not know', () => {
    fc.assert(
      fc.property(histories, fc.string(), (events, type) => {
        const state = fold(events, initialCustomer);
        // A later version's event, as a stored stream may hold it.
        const unknown: CustomerEvent = JSON.parse(JSON.stringify({ type: `Unknown${type}`, at: noon }));
        expect(evolve(state, unknown)).toBe(state);
      }),
      runs,
    );
  });

  test('gives the same windows and consents for openers and consents in any order and any number', () => {
    const shuffled = histories.chain((events) =>
      fc.tuple(
        fc.constant(events),
        fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2, maxLength: events.length * 2 }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([events, again]) => {
        const one = fold(events, initialCustomer);
        const other = fold(again, initialCustomer);
        expect(other.windows).toEqual(one.windows);
        expect(other.consents).toEqual(one.consents);
        expect(other.lastActiveAt).toBe(one.lastActiveAt);
      }),
      runs,
    );
  });

  test('case 2: the window ends 24 hours after the latest opener, whatever came when', () => {
    fc.assert(
      fc.property(fc.array(instants, { minLength: 1 }), (times) => {
        const { customer } = given(...times.map((at) => recorded(message(at)))).situation(noon);
        expect(windowEnd(customer.windows['berlin'])).toBe(Math.max(...times) + DAY_MS);
      }),
      runs,
    );
  });
});

describe('the slots', () => {
  const step = fc.record({
    act: fc.constantFrom('send', 'send', 'send', 'send', 'fail', 'write'),
    wait: fc.constantFrom(1, HOUR_MS, 23 * HOUR_MS, DAY_MS - MINUTE_MS, DAY_MS),
  });

  test('case 15: never more than N templates get through between a session and the customer’s next message', () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), fc.integer({ min: 1, max: 3 }), (steps, slots) => {
        let scenario = given(wrote(noon), optedIn(noon)).accountWith(policyOf({ slots }));
        let now: Instant = noon;
        let used: string[] = [];
        for (const [index, { act, wait }] of steps.entries()) {
          now = plus(now, wait);
          const failing = used.at(-1);
          if (act === 'write') {
            scenario = scenario.and(wrote(now));
            used = [];
          } else if (act === 'fail' && failing !== undefined) {
            scenario = failedAtOnce(scenario, failing, now);
            if (!(failing in scenario.situation(now).customer.intents)) used = used.slice(0, -1);
          } else if (act === 'send') {
            const intent = intentOf({ intentId: `i-${index}`, content: hello });
            const { decided } = scenario.when(intent).at(now);
            scenario = scenario.and(decided);
            if (decided.type === 'SendAuthorised' && decided.usesSlot) used = [...used, intent.intentId];
            if (decided.type === 'SendRefused') refused += 1;
          }
          expect(used.length).toBeLessThanOrEqual(slots);
        }
      }),
      { numRuns: 300 },
    );
    expect(refused).toBeGreaterThan(50);
  });

  /** The attempt fails for good; where the permit lapsed before, nothing starts. */
  const failedAtOnce = (scenario: Scenario, intentId: string, now: Instant): Scenario => {
    const start = claim(intentId, `c-${intentId}`, scenario.situation(now));
    if (start.kind !== 'claimed') return scenario;
    const started = scenario.and(start.events);
    const failure = { kind: 'failed', code: '131000', retryable: false } as const;
    return started.and(settle(intentId, `c-${intentId}`, failure, started.situation(now)));
  };
});

describe('reclassification', () => {
  test('case 42: a later policy never alters a recorded fact', () => {
    fc.assert(
      fc.property(instants, fc.constantFrom(...messageTypes), (at, messageType) => {
        const later = accountOf(policyOf({ openers: ['reaction'], callsOpen: [] }, plus(at, 1)));
        expect(recorded(message(at, { messageType }), later)).toEqual(recorded(message(at, { messageType })));
      }),
      runs,
    );
  });
});
