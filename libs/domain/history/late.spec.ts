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
import { DAY_MS, HOUR_MS, SECOND_MS } from '../time.js';
import { revisedBy, wasTrueAt } from './late.js';
import type { Known } from './rederive.js';

const knownIn = (scenario: Scenario): Known => {
  const { customer, account, template } = scenario.situation(after(0));
  return { customer, account, template, users: 0 };
};
/** A message of before noon that came in only after it. */
const lately = (agoMs: number, text = 'Hello'): readonly CustomerEvent[] =>
  recorded(message(after(-agoMs), { receivedAt: after(HOUR_MS), personal: { text } }));

describe('verdicts by event time', () => {
  test('a refusal for a closed window that a late message had opened', () => {
    const scenario = given();
    const { decided } = scenario.when(intentOf()).at(after(0));
    expect(revisedBy(decided, knownIn(scenario), lately(HOUR_MS))).toEqual({
      said: { outcome: 'refused', reason: 'window-closed' },
      withLateFacts: { outcome: 'authorised' },
    });
  });

  test('a send that a late STOP had forbidden', () => {
    const scenario = given(optedIn(after(-DAY_MS)));
    const { decided } = scenario.when(templateIntent()).at(after(0));
    expect(revisedBy(decided, knownIn(scenario), lately(HOUR_MS, 'STOP'))).toEqual({
      said: { outcome: 'authorised' },
      withLateFacts: { outcome: 'refused', reason: 'opted-out' },
    });
  });

  test('nothing is revised by a late message that changes no verdict, or by none', () => {
    const scenario = given(wrote(after(-SECOND_MS)));
    const { decided } = scenario.when(intentOf()).at(after(0));
    expect(revisedBy(decided, knownIn(scenario), lately(HOUR_MS))).toBeUndefined();
    expect(revisedBy(decided, knownIn(scenario), [])).toBeUndefined();
  });

  test('late is what was true at the instant of the decision or before', () => {
    const [fact] = wrote(after(0));
    const [decision] = [given().when(intentOf()).at(after(0)).decided];
    if (fact === undefined) throw new Error('no fact');
    expect(wasTrueAt(fact, after(0))).toBe(true);
    expect(wasTrueAt(fact, after(-1))).toBe(false);
    expect(wasTrueAt(decision, after(0))).toBe(false);
  });
});
