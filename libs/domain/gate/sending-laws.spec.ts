import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import {
  after,
  given,
  hello,
  intentOf,
  noon,
  optedIn,
  optedOut,
  personal,
  policyOf,
  templateIntent,
  templateWas,
  wrote,
  type Scenario,
} from '#testing/scenario';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, plus, type Instant } from '../time.js';
import { answer, cancel, release } from './decide.js';
import { customerEventKey, type CustomerEvent } from './events.js';
import { evolve, fold } from './evolve.js';
import type { SendIntent } from './intent.js';
import { takesOver } from './merge.js';
import {
  giveUpWaiting,
  report,
  settle,
  type DeliveryReport,
  type ProviderEffect,
  type ProviderOutcome,
} from './outcome.js';
import { claim } from './permit.js';
import { initialCustomer, openIntent, type CustomerState } from './state.js';

// What must hold from the intent to the last report, whatever comes when, and how often.

const closed = after(30 * HOUR_MS);
const ids = ['i-1', 'constructor'] as const;

/** The acts of the world and of the gate's workers, each on the stream as it is then. */
type Act =
  | { readonly kind: 'facts'; readonly events: (now: Instant) => readonly CustomerEvent[] }
  | { readonly kind: 'intent'; readonly intent: SendIntent }
  | { readonly kind: 'cancel' | 'release' | 'give-up'; readonly intentId: string }
  | { readonly kind: 'claim'; readonly intentId: string; readonly token: string }
  | { readonly kind: 'settle'; readonly intentId: string; readonly token: string; readonly outcome: ProviderOutcome }
  | { readonly kind: 'report'; readonly delivery: Omit<DeliveryReport, 'at'> };

const intentIds = fc.constantFrom(...ids);
const tokens = fc.constantFrom('c-1', 'c-2');
const messages = fc.constantFrom('p-1', 'p-2');
const effects = fc.constantFrom<(ProviderEffect | undefined)[]>(
  undefined,
  { kind: 'window-closed' },
  { kind: 'opted-out', scope: 'marketing' },
  { kind: 'cooldown', scope: 'all', forMs: HOUR_MS },
  { kind: 'cooldown', scope: 'marketing', forMs: DAY_MS, exceptInWindow: true },
);
const outcomes: fc.Arbitrary<ProviderOutcome> = fc.oneof(
  messages.map((providerMessageId) => ({ kind: 'accepted' as const, providerMessageId })),
  fc.record({ kind: fc.constant('failed' as const), code: fc.constant('1'), retryable: fc.boolean(), effect: effects }),
  fc.constant({ kind: 'unknown' as const, cause: 'time-out' }),
);

const acts: fc.Arbitrary<Act> = fc.oneof(
  fc
    .constantFrom<((now: Instant) => readonly CustomerEvent[])[]>(
      (now) => wrote(now),
      (now) => wrote(plus(now, -25 * HOUR_MS), { receivedAt: now }),
      (now) => wrote(now, { personal: { text: 'STOP' } }),
      (now) => optedIn(now),
      (now) => optedIn(now),
      (now) => optedOut(now, 'utility'),
    )
    .map((events) => ({ kind: 'facts' as const, events })),
  fc
    .record({
      intentId: intentIds,
      content: fc.constantFrom(intentOf().content, hello),
      whenClosed: fc.constantFrom('refuse', 'hold', 'fallback'),
      fallback: fc.constant(hello),
      expiresAt: fc.constantFrom(undefined, after(DAY_MS)),
      purpose: fc.constantFrom(undefined, undefined, 'opt-out-confirmation' as const),
    })
    .map((intent) => ({ kind: 'intent' as const, intent: intentOf(intent) })),
  fc.record({ kind: fc.constantFrom('cancel', 'release', 'release', 'release', 'give-up'), intentId: intentIds }),
  fc.record({ kind: fc.constant('claim' as const), intentId: intentIds, token: tokens }),
  fc.record({ kind: fc.constant('claim' as const), intentId: intentIds, token: tokens }),
  fc.record({ kind: fc.constant('settle' as const), intentId: intentIds, token: tokens, outcome: outcomes }),
  fc.record({
    kind: fc.constant('report' as const),
    delivery: fc.record({
      status: fc.constantFrom('sent', 'delivered', 'read', 'failed'),
      providerMessageId: messages,
      intentId: fc.option(intentIds, { nil: undefined }),
      failure: fc.record({ code: fc.constant('2'), retryable: fc.boolean(), effect: effects }),
    }),
  }),
);

const eventsOf = (act: Act, scenario: Scenario, now: Instant, used: ReadonlySet<string>): readonly CustomerEvent[] => {
  const prior = (intentId: string) => (used.has(intentId) ? { fingerprint: 'f-1' } : undefined);
  const situation = scenario.situation(now);
  switch (act.kind) {
    case 'facts':
      return act.events(now);
    case 'intent': {
      const said = answer(act.intent, personal, prior(act.intent.intentId), situation);
      return said.kind === 'decided' ? said.events : [];
    }
    case 'cancel': {
      const said = cancel(act.intentId, undefined, prior(act.intentId), situation);
      return said.kind === 'cancelled' ? said.events : [];
    }
    case 'release': {
      const open = openIntent(situation.customer, act.intentId);
      return open === undefined ? [] : release(open, situation);
    }
    case 'give-up':
      return giveUpWaiting(act.intentId, situation);
    case 'claim': {
      const said = claim(act.intentId, act.token, situation);
      return 'events' in said ? said.events : [];
    }
    case 'settle':
      return settle(act.intentId, act.token, act.outcome, situation);
    case 'report':
      return report({ ...act.delivery, at: now }, situation);
  }
};

interface Step {
  readonly act: Act;
  readonly events: readonly CustomerEvent[];
  readonly now: Instant;
  readonly before: Scenario;
  /** The ids of intents that were decided or cancelled before. */
  readonly used: ReadonlySet<string>;
}

const waits = fc.constantFrom(0, 0, 1, 4 * SECOND_MS, MINUTE_MS, 15 * MINUTE_MS, 12 * HOUR_MS);
const stories: fc.Arbitrary<readonly Step[]> = fc
  .tuple(fc.boolean(), fc.array(fc.tuple(acts, waits), { minLength: 15, maxLength: 50 }))
  .map(([opened, script]) => {
    let scenario = given(opened ? wrote(noon) : [], optedIn(noon));
    let now: Instant = noon;
    let used: ReadonlySet<string> = new Set();
    return script.map(([act, wait]): Step => {
      now = plus(now, wait);
      const step = { act, now, before: scenario, used, events: eventsOf(act, scenario, now, used) };
      scenario = scenario.and(step.events);
      used = new Set([...used, ...idsOf(act)]);
      return step;
    });
  });
const eventsIn = (story: readonly Step[]): readonly CustomerEvent[] => story.flatMap(({ events }) => events);
const idsOf = (act: Act): readonly string[] =>
  act.kind === 'intent' ? [act.intent.intentId] : act.kind === 'cancel' ? [act.intentId] : [];
const jsonOf = (state: CustomerState): CustomerState => JSON.parse(JSON.stringify(state));

const runs = { numRuns: 150 };

describe('a story of sends', () => {
  test('reaches every kind of event, so that these laws speak of all', () => {
    const types = new Set<string>();
    fc.assert(
      fc.property(stories, (story) => {
        for (const { type } of eventsIn(story)) types.add(type);
      }),
      { numRuns: 1_000 },
    );
    expect([...types].toSorted()).toEqual([
      'CustomerMessageReceived',
      'CustomerOptedIn',
      'CustomerOptedOut',
      'MessageDelivered',
      'MessageRead',
      'RecipientCooledDown',
      'SendAccepted',
      'SendAuthorised',
      'SendCancelled',
      'SendExpired',
      'SendFailed',
      'SendHeld',
      'SendOutcomeUnknown',
      'SendRefused',
      'SendReleased',
      'SendRevoked',
      'SendStarted',
      'WindowCorrected',
    ]);
  });

  test('case 39: the same act again changes nothing', () => {
    fc.assert(
      fc.property(stories, (story) => {
        for (const { act, events, now, before, used } of story) {
          const again = eventsOf(act, before.and(events), now, new Set([...used, ...idsOf(act)]));
          const known = new Set(events.map(customerEventKey));
          // A permit that lapsed may be decided anew, and that one is then claimed.
          if (act.kind === 'claim' && events[0]?.type === 'SendRevoked') continue;
          // Facts and reports are recognised by their ids; whatever the gate decides is not decided again.
          const isRecognised = act.kind === 'facts' || act.kind === 'report';
          expect(again.filter((event) => !isRecognised || !known.has(customerEventKey(event)))).toEqual([]);
        }
      }),
      runs,
    );
  });

  test('never has two events of one id in what the gate decides', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const keys = story
          .filter(({ act }) => act.kind !== 'facts' && act.kind !== 'report')
          .flatMap(({ events }) => events.map(customerEventKey))
          // Tokens come again here; those of the workers are random. A cooldown is one fact, whichever intent met it.
          .filter((key) => /^(decision|released|revoked|cancelled)\//u.test(key));
        expect(new Set(keys).size).toBe(keys.length);
      }),
      runs,
    );
  });

  test('folds in parts as it folds whole, also from a state that was stored as JSON', () => {
    fc.assert(
      fc.property(stories, fc.nat(), (story, cut) => {
        const events = eventsIn(story);
        const at = cut % (events.length + 1);
        const whole = fold(events, initialCustomer);
        const stored = jsonOf(fold(events.slice(0, at), initialCustomer));
        expect(jsonOf(fold(events.slice(at), stored))).toEqual(jsonOf(whole));
      }),
      runs,
    );
  });

  test('evolves from any state by any event', () => {
    fc.assert(
      fc.property(stories, stories, (story, other) => {
        const state = fold(eventsIn(story), initialCustomer);
        for (const event of eventsIn(other)) expect(evolve(state, event)).toMatchObject({ windows: {}, intents: {} });
        const loser = { customer: 'other', revision: 0, state: fold(eventsIn(other), initialCustomer) };
        const survivor = { customer: 'us', revision: 0, state };
        const merged = fold(takesOver(loser, survivor, [{ at: closed, because: 'webhook' }]), state);
        expect(new Set(Object.keys(merged.intents))).toEqual(
          new Set([...Object.keys(state.intents), ...Object.keys(loser.state.intents)]),
        );
      }),
      runs,
    );
  });

  test('starts what is authorised, before validUntil, one attempt at a time; no session message outside its window or after an opt-out', () => {
    let started = 0;
    fc.assert(
      fc.property(stories, (story) => {
        for (const { events, now, before } of story) {
          for (const event of events) {
            if (event.type !== 'SendStarted') continue;
            started += 1;
            const { customer } = before.situation(now);
            const open = openIntent(customer, event.intentId);
            expect(open?.status).toBe('authorised');
            expect(open?.status === 'authorised' && now < open.validUntil).toBe(true);
            expect(event.attempt).toBeLessThanOrEqual(3);
            if (open?.status !== 'authorised' || open.intent.content.kind === 'template' || open.content === 'fallback')
              continue;
            const openerAt = customer.windows['berlin']?.openerAt ?? 0;
            expect(now + MINUTE_MS).toBeLessThan(openerAt + DAY_MS);
            const { all } = customer.consents;
            const isConfirmation = open.intent.purpose === 'opt-out-confirmation';
            expect(all?.status !== 'out' || openerAt > all.at || isConfirmation).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
    expect(started).toBeGreaterThan(50);
  });
});

describe('outcomes and reports', () => {
  const authorised = given(wrote(noon), optedIn(noon)).when(templateIntent()).at(closed).decided;
  const started = (): Scenario => {
    const permitted = given(wrote(noon), optedIn(noon), authorised);
    const said = claim('i-1', 'c-1', permitted.situation(closed));
    return said.kind === 'claimed' ? permitted.and(said.events) : permitted;
  };
  const said = ['accepted', 'unknown', 'sent', 'delivered', 'read', 'failed'] as const;
  const told = (what: (typeof said)[number], now: Scenario): readonly CustomerEvent[] => {
    const situation = now.situation(plus(closed, SECOND_MS));
    switch (what) {
      case 'accepted':
        return settle('i-1', 'c-1', { kind: 'accepted', providerMessageId: 'p-1' }, situation);
      case 'unknown':
        return settle('i-1', 'c-1', { kind: 'unknown', cause: 'time-out' }, situation);
      default:
        return report({ status: what, at: situation.now, providerMessageId: 'p-1', intentId: 'i-1' }, situation);
    }
  };

  test('fold in any order and any number: delivered outweighs failed, failed accepted, and accepted unknown', () => {
    const orders = fc
      .subarray([...said], { minLength: 1 })
      .chain((some) =>
        fc.shuffledSubarray([...some, ...some], { minLength: some.length * 2, maxLength: some.length * 2 }),
      );
    fc.assert(
      fc.property(orders, (order) => {
        const { customer } = order.reduce((known, what) => known.and(told(what, known)), started()).situation(closed);
        const has = (...what: (typeof said)[number][]) => what.some((one) => order.includes(one));
        const isDelivered = has('delivered', 'read');
        const status =
          isDelivered || has('failed') ? undefined : has('accepted', 'sent') ? 'accepted' : 'outcome-unknown';
        expect(customer.intents['i-1']?.status).toBe(status);
        const outcome = isDelivered ? 'delivered' : has('failed') ? 'failed' : undefined;
        expect(customer.slots).toMatchObject([{ intentId: 'i-1' }]);
        expect(customer.slots[0]?.outcome).toBe(outcome);
        expect(customer.lastActiveAt).toBe(isDelivered ? plus(closed, SECOND_MS) : noon);
      }),
      runs,
    );
  });
});

describe('a later policy or template', () => {
  const changes = fc.record({
    marginMs: fc.constantFrom(0, HOUR_MS),
    slots: fc.constantFrom(0, 1, null),
    openers: fc.constantFrom<['reaction'][]>(['reaction']),
    overAllowance: fc.constantFrom('allow', 'refuse'),
  });

  test('case 42: never alters a recorded decision, nor what an upstream is told about it', () => {
    fc.assert(
      fc.property(stories, changes, (story, overrides) => {
        const events = eventsIn(story);
        const before = given(events);
        const later = before.accountWith(policyOf(overrides)).templateWith(templateWas('TemplateDisabled', closed));
        expect(later.situation(closed).customer).toEqual(before.situation(closed).customer);
        for (const { act } of story) {
          if (act.kind !== 'intent') continue;
          const prior = { fingerprint: act.intent.fingerprint };
          expect(answer(act.intent, personal, prior, later.situation(closed))).toEqual({ kind: 'duplicate' });
        }
      }),
      runs,
    );
  });
});
