import { describe, expect, test } from '@jest/globals';
import {
  accountOf,
  after,
  given,
  intentOf,
  optedIn,
  personal,
  policyOf,
  templateIntent,
  wrote,
} from '#testing/scenario';
import { decide, release } from '../gate/decide.js';
import type { CustomerEvent, Decided } from '../gate/events.js';
import { evolve } from '../gate/evolve.js';
import type { SendIntent } from '../gate/intent.js';
import { initialCustomer, type CustomerState } from '../gate/state.js';
import { presets, type Policy } from '../policy.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, type Instant } from '../time.js';
import { saidBy, spokenVerdict } from './rederive.js';
import { initialHypothesis, supposing, underPolicy, type Hypothetical } from './what-if.js';

const account = accountOf();
const { template } = given().situation(after(0));
const known = { account, template, users: 0 };

/** A history under the default policy, and beside it what would have been under another one. */
class Histories {
  real: CustomerState = initialCustomer;
  hypothesis: Hypothetical = initialHypothesis;
  readonly would: string[] = [];
  readonly happened: CustomerEvent[] = [];

  constructor(private readonly policy: Policy) {}

  take(...events: readonly CustomerEvent[]): this {
    for (const event of events) {
      const before = this.real;
      this.real = evolve(before, event);
      const step = { before, after: this.real };
      const { next, decided, happened } = supposing(this.hypothesis, event, this.policy, known, step);
      this.hypothesis = next;
      if (decided !== undefined) this.would.push(spokenVerdict(saidBy(decided)));
      if (happened !== undefined) this.happened.push(happened);
    }
    return this;
  }

  /** What the customer's state would be. */
  get hypothetical(): CustomerState {
    return this.hypothesis.state ?? this.real;
  }

  decide(intent: SendIntent, now: Instant): Decided {
    const decided = decide(intent, personal, { ...given().situation(now), customer: this.real });
    this.take(decided);
    return decided;
  }
}

const seed = presets['sinch-2021'];
const delivered = (intentId: string, at: Instant): CustomerEvent => ({
  type: 'MessageDelivered',
  at,
  intentId,
  providerMessageId: `p-${intentId}`,
  sender: 'berlin',
});

describe('history under another policy', () => {
  test('under the same policy it is the same history', () => {
    const histories = new Histories(seed).take(...wrote(after(0)), ...optedIn(after(0)));
    histories.decide(intentOf(), after(HOUR_MS));
    histories.decide(templateIntent({ intentId: 'i-2' }), after(2 * DAY_MS));
    histories.decide(templateIntent({ intentId: 'i-3' }), after(2 * DAY_MS));
    expect(histories.would).toEqual(['authorised', 'authorised', 'refused: awaiting-reply']);
    expect(histories.hypothetical).toBe(histories.real);
  });

  test('a cancellation comes all the same, for an intent that would have waited', () => {
    const histories = new Histories({ ...seed, openers: ['image'] }).take(...wrote(after(0)));
    histories.decide(intentOf({ whenClosed: 'hold' }), after(HOUR_MS));
    expect(histories.hypothetical.intents['i-1']?.status).toBe('held');
    histories.take({ type: 'SendCancelled', at: after(2 * HOUR_MS), intentId: 'i-1' });
    expect(histories.hypothetical.intents).toEqual({});
  });

  test('a reaction opens the window where the policy lets it', () => {
    const histories = new Histories({ ...seed, openers: [...seed.openers, 'reaction'] });
    histories.take(...wrote(after(0), { messageType: 'reaction' }));
    expect(histories.decide(intentOf(), after(HOUR_MS))).toMatchObject({ reason: 'window-closed' });
    expect(histories.would).toEqual(['authorised']);
    // Would have been sent and so delivered: active, and nothing is left open.
    expect(histories.happened.at(-1)).toMatchObject({ type: 'MessageDelivered', intentId: 'i-1', at: after(HOUR_MS) });
    expect(histories.hypothetical.intents).toEqual({});
    expect(histories.hypothetical.lastActiveAt).toBe(after(HOUR_MS));
  });

  test('what would not have been sent is not delivered, and makes nobody active', () => {
    const histories = new Histories({ ...seed, openers: ['image'] });
    histories.take(...wrote(after(0)));
    histories.decide(intentOf(), after(HOUR_MS));
    expect(histories.would).toEqual(['refused: window-closed']);
    histories.take(delivered('i-1', after(2 * HOUR_MS)));
    expect(histories.happened.map(({ type }) => type)).toEqual(['CustomerMessageReceived', 'SendRefused']);
    expect(histories.hypothetical.lastActiveAt).toBe(after(0));
  });

  test('slots are those of the hypothesis: without a limit a second template goes, with none left not even a first', () => {
    for (const [slots, would] of [
      [null, ['authorised', 'authorised']],
      [0, ['refused: awaiting-reply', 'refused: awaiting-reply']],
    ] as const) {
      const histories = new Histories({ ...seed, slots }).take(...wrote(after(0)), ...optedIn(after(0)));
      histories.decide(templateIntent({ intentId: 'i-1' }), after(2 * DAY_MS));
      histories.decide(templateIntent({ intentId: 'i-2' }), after(2 * DAY_MS));
      expect(histories.would).toEqual(would);
    }
  });

  test('a release is decided where the intent would wait, and not asked for where it was over', () => {
    const hold = intentOf({ whenClosed: 'hold' });
    for (const [marginMs, would] of [
      [MINUTE_MS, ['held: window-closed', 'authorised']],
      [0, ['authorised']],
    ] as const) {
      const histories = new Histories({ ...seed, marginMs }).take(...wrote(after(-DAY_MS + MINUTE_MS)));
      histories.decide(hold, after(0));
      histories.take(...wrote(after(HOUR_MS)));
      const open = histories.real.intents['i-1'];
      if (open === undefined) throw new Error('not held');
      histories.take(...release(open, { ...given().situation(after(HOUR_MS)), customer: histories.real }));
      expect(histories.would).toEqual(would);
    }
  });

  test('a permit lives as long as the policy lets it, and from then on the histories are two', () => {
    const histories = new Histories({ ...seed, permitLifeMs: HOUR_MS }).take(...optedIn(after(0)));
    const real = histories.decide(templateIntent(), after(1));
    expect(histories.would).toEqual(['authorised']);
    expect(real).toMatchObject({ validUntil: after(1 + 15 * MINUTE_MS) });
    expect(histories.hypothetical.intents['i-1']).toMatchObject({ validUntil: after(1 + HOUR_MS) });
  });

  test('the policy replaces all that the account ever followed', () => {
    const changed = accountOf(policyOf({ slots: 9 }));
    const policy = presets['meta-2026-10'];
    expect(underPolicy(changed, policy)).toEqual({ ...changed, policies: [{ effectiveAt: 0, policy }] });
  });
});
