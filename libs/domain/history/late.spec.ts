import { describe, expect, test } from '@jest/globals';
import {
  after,
  given,
  intentOf,
  message,
  optedIn,
  recorded,
  templateIntent,
  wrote,
  type Scenario,
} from '#testing/scenario';
import type { CustomerEvent } from '../gate/events.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../time.js';
import { isLate, revisionsOf, wasTrueAt, type LateFact } from './late.js';
import type { Known } from './rederive.js';

const knownIn = (scenario: Scenario): Known => {
  const { customer, account, template } = scenario.situation(after(0));
  return { customer, account, template, users: 0 };
};
const late = (events: readonly CustomerEvent[]): readonly LateFact[] =>
  events.map((event, index) => ({ kind: 'customer', id: `late-${index}`, event }));
/** A message of before noon that came in only after it. */
const lately = (agoMs: number, text = 'Hello') =>
  late(recorded(message(after(-agoMs), { receivedAt: after(HOUR_MS), personal: { text } })));
const closed = { outcome: 'refused', reason: 'window-closed' };
const authorised = { outcome: 'authorised' };

describe('verdicts by event time', () => {
  test('a refusal for a closed window that a late message had opened', () => {
    const scenario = given();
    const { decided } = scenario.when(intentOf()).at(after(0));
    expect(revisionsOf(decided, knownIn(scenario), lately(HOUR_MS))).toEqual([
      { because: expect.objectContaining({ id: 'late-0' }), was: closed, withLateFacts: authorised },
    ]);
  });

  test('a send that a late STOP had forbidden: the message changes nothing, the opt-out that it is does', () => {
    const scenario = given(optedIn(after(-DAY_MS)));
    const { decided } = scenario.when(templateIntent()).at(after(0));
    expect(revisionsOf(decided, knownIn(scenario), lately(HOUR_MS, 'STOP'))).toEqual([
      {
        because: expect.objectContaining({ event: expect.objectContaining({ type: 'CustomerOptedOut' }) }),
        was: authorised,
        withLateFacts: { outcome: 'refused', reason: 'opted-out' },
      },
    ]);
  });

  test('one late fact after the other: what one proves wrong, the next may put right', () => {
    const scenario = given(optedIn(after(-DAY_MS)));
    const { decided } = scenario.when(templateIntent()).at(after(0));
    const optOut: CustomerEvent = {
      type: 'CustomerOptedOut',
      at: after(-2 * HOUR_MS),
      scope: 'all',
      source: 'form',
      reference: 'f-1',
      receivedAt: after(HOUR_MS),
    };
    const optIn: CustomerEvent = { ...optOut, type: 'CustomerOptedIn', at: after(-HOUR_MS), reference: 'f-2' };
    const revisions = revisionsOf(decided, knownIn(scenario), late([optOut, optIn]));
    const optedOut = { outcome: 'refused', reason: 'opted-out' };
    expect(revisions.map(({ was, withLateFacts }) => [was, withLateFacts])).toEqual([
      [authorised, optedOut],
      [optedOut, authorised],
    ]);
  });

  test('a send of a template that had been paused already', () => {
    const scenario = given(optedIn(after(-DAY_MS)));
    const { decided } = scenario.when(templateIntent()).at(after(0));
    const { intent } = decided;
    if (intent.content.kind !== 'template') throw new Error('no template');
    const { name, language } = intent.content;
    const paused: LateFact = {
      kind: 'template',
      id: 'paused',
      event: { type: 'TemplatePaused', at: after(-SECOND_MS) },
      name,
      language,
    };
    expect(revisionsOf(decided, knownIn(scenario), [paused])).toEqual([
      { because: paused, was: authorised, withLateFacts: { outcome: 'refused', reason: 'template-paused' } },
    ]);
    expect(revisionsOf(decided, knownIn(scenario), [{ ...paused, name: 'another' }])).toEqual([]);
  });

  test('a send into a window that the provider had seen closed for another message', () => {
    const scenario = given(wrote(after(-HOUR_MS)));
    const { decided } = scenario.when(intentOf()).at(after(0));
    const { sender } = decided.intent;
    const corrected: CustomerEvent = {
      type: 'WindowCorrected',
      at: after(SECOND_MS),
      sender,
      intentId: 'other',
      startedAt: after(-SECOND_MS),
    };
    expect(revisionsOf(decided, knownIn(scenario), late([corrected]))).toMatchObject([{ withLateFacts: closed }]);
    // Of its own attempt the gate hears at once, and decides again.
    const own = { ...corrected, intentId: decided.intent.intentId };
    expect(revisionsOf(decided, knownIn(scenario), late([own]))).toEqual([]);
  });

  test('nothing is revised by a late message that changes no verdict, or by none', () => {
    const scenario = given(wrote(after(-SECOND_MS)));
    const { decided } = scenario.when(intentOf()).at(after(0));
    expect(revisionsOf(decided, knownIn(scenario), lately(HOUR_MS))).toEqual([]);
    expect(revisionsOf(decided, knownIn(scenario), [])).toEqual([]);
  });

  test('late is what was true at the instant of the decision or before', () => {
    const [fact] = wrote(after(0));
    const [decision] = [given().when(intentOf()).at(after(0)).decided];
    if (fact === undefined) throw new Error('no fact');
    expect(wasTrueAt(fact, after(0))).toBe(true);
    expect(wasTrueAt(fact, after(-1))).toBe(false);
    expect(wasTrueAt(decision, after(0))).toBe(false);
  });

  test('late to a customer is what was true at the latest decision, and nothing before there is one', () => {
    const [fact] = wrote(after(-MINUTE_MS));
    if (fact === undefined) throw new Error('no fact');
    const { decided } = given().when(intentOf()).at(after(0));
    const stateAfter = (...events: readonly CustomerEvent[]) => given(events).situation(after(0)).customer;
    expect(isLate(stateAfter(), fact)).toBe(false);
    expect(isLate(stateAfter(decided), fact)).toBe(true);
    expect(isLate(stateAfter({ ...decided, at: after(-2 * MINUTE_MS) }), fact)).toBe(false);
    // A clock that is behind another one's takes nothing back.
    expect(isLate(stateAfter(decided, { ...decided, at: after(-2 * MINUTE_MS) }), fact)).toBe(true);
  });
});
