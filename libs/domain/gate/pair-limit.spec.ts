import { describe, expect, test } from '@jest/globals';
import { DAY_MS, MINUTE_MS, plus, SECOND_MS, type Instant } from '../time.js';
import { after, given, intentOf, noon, optedIn, wrote } from '#testing/scenario';
import { PAIR_BURST, PAIR_INTERVAL_MS, pairFreeAt, paidUntil } from './pair-limit.js';
import { settle, settleUnknown, giveUpWaiting } from './outcome.js';
import { claim, wakesAt } from './permit.js';

const paidFor = (count: number, from: Instant): Instant | undefined => {
  let paid: Instant | undefined;
  for (let sent = 0; sent < count; sent += 1) paid = paidUntil(paid, from);
  return paid;
};

describe('one message in six seconds from one sender to one customer', () => {
  test('who was never written to gets one at once', () => {
    expect(pairFreeAt(undefined, noon)).toBe(noon);
  });

  test('a burst goes at once, the next six seconds later, to the millisecond', () => {
    expect(pairFreeAt(paidFor(PAIR_BURST - 1, noon), noon)).toBeLessThanOrEqual(noon);
    expect(pairFreeAt(paidFor(PAIR_BURST, noon), noon)).toBe(plus(noon, PAIR_INTERVAL_MS));
  });

  test('a clock that was set back by a year owes a burst at most', () => {
    expect(pairFreeAt(paidFor(1, plus(noon, 365 * DAY_MS)), noon)).toBe(plus(noon, PAIR_INTERVAL_MS));
  });

  test('the claim waits for it on the stream, of this sender alone, and keeps its permit', () => {
    let scenario = given(wrote(noon), optedIn(noon));
    const at = after(SECOND_MS);
    for (let sent = 0; sent < PAIR_BURST; sent += 1) {
      const intentId = `i-${sent}`;
      scenario = scenario.and(scenario.when(intentOf({ intentId })).at(at).thenAuthorised());
      const claimed = claim(intentId, `c-${sent}`, scenario.situation(at));
      if (claimed.kind !== 'claimed') throw new Error(`${sent} is ${claimed.kind}`);
      scenario = scenario.and(claimed.events);
      scenario = scenario.and(settle(intentId, `c-${sent}`, accepted(sent), scenario.situation(at)));
    }
    const one = scenario.and(
      scenario
        .when(intentOf({ intentId: 'more' }))
        .at(at)
        .thenAuthorised(),
    );
    const notBefore = plus(at, PAIR_INTERVAL_MS);
    expect(claim('more', 'c', one.situation(at))).toEqual({ kind: 'paced', notBefore });
    expect(claim('more', 'c', one.situation(notBefore)).kind).toBe('claimed');
    expect(Object.keys(one.situation(at).customer.paid ?? {})).toEqual([intentOf().sender]);
  });

  test('an authorisation that nobody acted on is looked at after half a minute, and lapses in time', () => {
    const scenario = given(wrote(noon), optedIn(noon));
    const at = after(SECOND_MS);
    const one = scenario.and(scenario.when(intentOf()).at(at).thenAuthorised());
    const open = one.situation(at).customer.intents['i-1'];
    expect(open && wakesAt(open, one.situation(at), at)).toBe(plus(at, 30 * SECOND_MS));
    const late = after(DAY_MS - MINUTE_MS - 10 * SECOND_MS);
    const brief = scenario.and(scenario.when(intentOf()).at(late).thenAuthorised());
    const lapsing = brief.situation(late).customer.intents['i-1'];
    expect(lapsing && wakesAt(lapsing, brief.situation(late), late)).toBe(after(DAY_MS - MINUTE_MS));
  });
});

const accepted = (sent: number) => ({ kind: 'accepted', providerMessageId: `p-${sent}` }) as const;

describe('an unknown outcome that a person settles', () => {
  const scenario = given(wrote(noon), optedIn(noon));
  const at = after(SECOND_MS);
  const permitted = scenario.and(scenario.when(intentOf()).at(at).thenAuthorised());
  const started = permitted.and([
    {
      type: 'SendStarted',
      at,
      intentId: 'i-1',
      ordinal: 1,
      attempt: 1,
      claim: 'c-1',
      sender: intentOf().sender,
      evidence: { customerRevision: 0, accountRevision: 0 },
    },
  ]);
  const later = after(2 * MINUTE_MS);
  const unknown = started.and(giveUpWaiting('i-1', started.situation(later)));
  const said = { outcome: 'delivered', settledBy: 'jane' } as const;

  test('is delivered under its claim, or under the id that the provider gave it', () => {
    expect(settleUnknown('i-1', said, unknown.situation(later))).toMatchObject([
      { type: 'MessageDelivered', intentId: 'i-1', providerMessageId: 'c-1', settledBy: 'jane', at: later },
    ]);
    expect(settleUnknown('i-1', { ...said, providerMessageId: 'p' }, unknown.situation(later))).toMatchObject([
      { providerMessageId: 'p' },
    ]);
  });

  test('or failed for good, and is settled once', () => {
    const events = settleUnknown('i-1', { ...said, outcome: 'failed' }, unknown.situation(later));
    expect(events).toMatchObject([
      { type: 'SendFailed', final: true, claim: 'c-1', code: 'settled', settledBy: 'jane' },
    ]);
    const gone = unknown.and(events);
    expect(gone.situation(later).customer.intents).toEqual({});
    expect(settleUnknown('i-1', said, gone.situation(later))).toEqual([]);
  });

  test('not before it is unknown: the provider may still answer', () => {
    expect(settleUnknown('i-1', said, started.situation(later))).toEqual([]);
    expect(settleUnknown('i-1', said, permitted.situation(at))).toEqual([]);
    expect(settleUnknown('other', said, unknown.situation(later))).toEqual([]);
  });
});
