import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { after, given, intentOf, noon, optedIn, optedOut, templateIntent, wrote } from '#testing/scenario';
import { consentFor, consentScopes, templateCategories } from '../consent.js';
import { HOUR_MS, instantOf, MINUTE_MS, plus, type Instant } from '../time.js';
import { defaultPolicy } from '../policy.js';
import { isOpen } from '../window.js';
import { decide } from './decide.js';
import type { CustomerEvent } from './events.js';
import { fold } from './evolve.js';
import { closes, survives, takesOver, type Alias } from './merge.js';
import { claim } from './permit.js';
import { initialCustomer, type CustomerState, type LinkTerms } from './state.js';

// What must hold of two aliases that become one customer, whatever happened to each (rules §11).

const instants: fc.Arbitrary<Instant> = fc
  .tuple(fc.integer({ min: 0, max: 10 }), fc.constantFrom(-MINUTE_MS, -1, 0, 1))
  .map(([quarters, edge]) => after(quarters * 6 * HOUR_MS + edge));
const scopes = fc.constantFrom(...consentScopes);
const senders = fc.constantFrom('berlin', 'paris');

const facts: fc.Arbitrary<readonly CustomerEvent[]> = fc.oneof(
  fc.tuple(instants, senders).map(([at, sender]) => wrote(at, { sender })),
  fc.tuple(instants, scopes).map(([at, scope]) => optedIn(at, scope)),
  fc.tuple(instants, scopes).map(([at, scope]) => optedOut(at, scope)),
  fc
    .tuple(instants, scopes)
    .map(([at, scope]): readonly CustomerEvent[] => [
      { type: 'RecipientCooledDown', at, scope, until: plus(at, 7 * HOUR_MS), code: '131049' },
    ]),
  fc
    .tuple(instants, senders)
    .map(([startedAt, sender]): readonly CustomerEvent[] => [
      { type: 'WindowCorrected', at: startedAt, sender, intentId: 'other', startedAt },
    ]),
);
const asked = fc.record({
  intentId: fc.constantFrom('i-1', 'i-2', 'i-3'),
  isTemplate: fc.boolean(),
  sender: senders,
  at: instants,
  whenClosed: fc.constantFrom('refuse', 'hold'),
  isStarted: fc.boolean(),
});

/** What happened to one alias: facts and decisions, each intent decided once, some of them on their way. */
const states: fc.Arbitrary<CustomerState> = fc.array(fc.oneof(facts, asked), { maxLength: 10 }).map((parts) => {
  let scenario = given();
  const decided = new Set<string>();
  for (const part of parts) {
    if (!('intentId' in part)) {
      scenario = scenario.and(part);
      continue;
    }
    const { intentId, isTemplate, sender, at, whenClosed, isStarted } = part;
    if (decided.has(intentId)) continue;
    decided.add(intentId);
    const intent = isTemplate ? templateIntent({ intentId, sender }) : intentOf({ intentId, sender, whenClosed });
    scenario = scenario.and(scenario.when(intent).at(at).decided);
    const started = claim(intentId, `c-${intentId}-${at}`, scenario.situation(at));
    if (isStarted && started.kind === 'claimed') scenario = scenario.and(started.events);
  }
  return scenario.situation(noon).customer;
});

const terms = (change: Partial<LinkTerms> = {}): LinkTerms => ({ at: noon, because: 'sandbox/1', ...change });
const aliasOf = (customer: string, state: CustomerState): Alias => ({ customer, revision: 3, state });
const linked = (loser: Alias, survivor: Alias, ...links: [LinkTerms, ...LinkTerms[]]): CustomerState =>
  fold(takesOver(loser, survivor, links), survivor.state);
const chosen = fc.record({
  intent: fc.constantFrom(intentOf({ intentId: 'new' }), templateIntent({ intentId: 'new' })),
  sender: senders,
  now: instants,
});

test('whoever was written to by one alias is not written to faster by the other, but for a changed number', () => {
  fc.assert(
    fc.property(states, states, senders, (one, other, sender) => {
      const both = linked(aliasOf('loser', one), aliasOf('survivor', other), terms());
      expect(both.paid?.[sender] ?? 0).toBe(Math.max(one.paid?.[sender] ?? 0, other.paid?.[sender] ?? 0));
      const changed = linked(aliasOf('loser', one), aliasOf('survivor', other), terms({ gaveUp: 'this' }));
      expect(changed.paid?.[sender]).toBe(other.paid?.[sender]);
    }),
  );
});

const situated = (customer: CustomerState, now: Instant) => ({ ...given().situation(now), customer });
const outcomeOf = (
  customer: CustomerState,
  { intent, sender, now }: { intent: ReturnType<typeof intentOf>; sender: string; now: Instant },
) => {
  const { type, rule } = decide({ ...intent, sender }, { to: {} }, situated(customer, now));
  return { type, rule };
};
const sorted = (items: readonly object[]): readonly string[] => items.map((item) => JSON.stringify(item)).toSorted();
/** All of which no side has the better right. */
const shared = (
  { windows, consents, slots, cooldowns, lastActiveAt, aliases, former }: CustomerState,
  name: string,
) => ({
  windows,
  consents,
  slots: sorted(slots),
  cooldowns: sorted(cooldowns),
  lastActiveAt,
  names: new Set([name, ...(aliases ?? [])]),
  former: new Set(former),
});

describe('two aliases become one customer', () => {
  test('case 23: alike, whichever of them survives; and what is asked next is answered alike', () => {
    fc.assert(
      fc.property(states, states, chosen, (a, b, next) => {
        const [one, other] = [aliasOf('a', a), aliasOf('b', b)];
        const [ab, ba] = [linked(one, other, terms()), linked(other, one, terms())];
        expect(shared(ab, 'b')).toEqual(shared(ba, 'a'));
        expect(new Set(Object.keys(ab.intents))).toEqual(new Set(Object.keys(ba.intents)));
        expect(outcomeOf(ab, next)).toEqual(outcomeOf(ba, next));
      }),
    );
  });

  test('case 23: three of them, in whatever order, also where the middle was closed before it took over', () => {
    fc.assert(
      fc.property(states, states, states, (a, b, c) => {
        const [one, two, three] = [aliasOf('a', a), aliasOf('b', b), aliasOf('c', c)];
        const first = linked(two, aliasOf('a', linked(three, one, terms())), terms());
        const second = linked(aliasOf('b', linked(three, two, terms())), one, terms());
        const late = linked(three, aliasOf('a', linked(two, one, terms())), terms(), terms());
        expect(shared(second, 'a')).toEqual(shared(first, 'a'));
        expect(shared(late, 'a')).toEqual(shared(first, 'a'));
      }),
    );
  });

  test('a takeover that is told twice changes nothing', () => {
    fc.assert(
      fc.property(states, states, fc.constantFrom(undefined, 'this' as const), (a, b, gaveUp) => {
        const events = takesOver(aliasOf('a', a), aliasOf('b', b), [terms({ gaveUp })]);
        const once = fold(events, b);
        expect(fold(events, once)).toEqual(once);
      }),
    );
  });

  test('case 23: neither a window nor an opt-in is there that neither had', () => {
    fc.assert(
      fc.property(states, states, instants, (a, b, at) => {
        const one = linked(aliasOf('a', a), aliasOf('b', b), terms());
        for (const sender of ['berlin', 'paris']) {
          // A correction is of the past: nobody asks whether a window was open before it.
          const now = Math.max(at, ...[a, b].map(({ windows }) => windows[sender]?.correctedAt ?? 0));
          const isOpenOf = ({ windows }: CustomerState) => isOpen(windows[sender], instantOf(now), defaultPolicy);
          expect(isOpenOf(one) && !isOpenOf(a) && !isOpenOf(b)).toBe(false);
        }
        for (const category of templateCategories) {
          const [status, ...before] = [one, a, b].map(({ consents }) => consentFor(consents, category)?.status);
          expect(status === 'in' && !before.includes('in')).toBe(false);
        }
      }),
    );
  });

  test('case 39: an intent that is on its way for one of them is not decided on, and stays on its way', () => {
    fc.assert(
      fc.property(states, states, (a, b) => {
        const one = linked(aliasOf('a', a), aliasOf('b', b), terms());
        for (const [intentId, open] of Object.entries(one.intents)) {
          const both = [a.intents[intentId], b.intents[intentId]];
          const isStarted = both.some((each) => each?.status === 'started');
          expect(open.status === 'started').toBe(isStarted);
          const isDue = claim(intentId, 'c', situated(one, noon)).kind !== 'not-due';
          expect(isStarted && isDue).toBe(false);
        }
      }),
    );
  });

  test('case 22: a number that changed has the windows and opt-ins of the new one alone, and every no of the old one', () => {
    fc.assert(
      fc.property(states, states, chosen, (old, now, next) => {
        const [former, current] = [aliasOf('old', old), aliasOf('new', now)];
        const closed = linked(former, current, terms({ gaveUp: 'this' }));
        const survived = linked(current, former, terms({ gaveUp: 'survivor' }));
        for (const [name, state] of [
          ['new', closed],
          ['old', survived],
        ] as const) {
          expect(state.windows).toEqual(now.windows);
          expect(shared(state, name)).toMatchObject({ former: new Set(['old']), names: new Set(['old', 'new']) });
          for (const scope of consentScopes) {
            const consent = state.consents[scope];
            const [before, own] = [old.consents[scope], now.consents[scope]];
            expect(consent?.status === 'in' ? consent : own).toEqual(own);
            expect(before?.status === 'out' && own === undefined ? consent : before).toEqual(before);
          }
          // What was meant for the old number is never sent on what the new one allows.
          const meant = { ...next, intent: { ...next.intent, former: true as const } };
          expect(outcomeOf(state, meant).type).toBe('SendRefused');
        }
        expect(shared(closed, 'new').consents).toEqual(shared(survived, 'old').consents);
      }),
    );
  });

  test('a link folds back from JSON, and of two open streams exactly one survives', () => {
    fc.assert(
      fc.property(
        states,
        states,
        fc.tuple(fc.integer({ min: -1, max: 1 }), fc.integer({ min: -1, max: 1 })),
        (a, b, [m, n]) => {
          const events = takesOver(aliasOf('a', a), aliasOf('b', b), [terms({ gaveUp: 'survivor' })]);
          const stored: readonly CustomerEvent[] = JSON.parse(JSON.stringify(events));
          expect(JSON.parse(JSON.stringify(fold(stored, b)))).toEqual(JSON.parse(JSON.stringify(fold(events, b))));
          expect(fold([closes('b', terms())], initialCustomer)).toMatchObject({ survivor: 'b', link: { at: noon } });
          const [one, other] = [
            { ...aliasOf('a', a), revision: m },
            { ...aliasOf('b', b), revision: n },
          ];
          expect(survives(one, other)).toBe(!survives(other, one));
        },
      ),
    );
  });
});
