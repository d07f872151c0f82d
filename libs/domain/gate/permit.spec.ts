/* oxlint-disable jest/expect-expect -- the scenario's then… expects */
import { describe, expect, test } from '@jest/globals';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, plus, type Instant } from '../time.js';
import {
  after,
  given,
  hello,
  intentOf,
  noon,
  optedIn,
  optedOut,
  templateIntent,
  templateWas,
  wrote,
  type Scenario,
} from '#testing/scenario';
import { release } from './decide.js';
import type { CustomerEvent } from './events.js';
import type { SendIntent } from './intent.js';
import { giveUpWaiting, report, settle, type DeliveryReport, type ProviderOutcome } from './outcome.js';
import { claim, wakesAt } from './permit.js';

const end = after(DAY_MS);
const closed = after(30 * HOUR_MS);
const soon = after(SECOND_MS);
const customer = given(wrote(noon), optedIn(noon));

const authorised = (intent: SendIntent, at: Instant, scenario = customer): Scenario =>
  scenario.and(scenario.when(intent).at(at).thenAuthorised());

/** A session message with a permit, inside the window. */
const inSession = authorised(intentOf(), after(1));
/** A continuation template with a permit and its slot. */
const continued = authorised(templateIntent(), closed);

const claimed = (scenario: Scenario, at: Instant, token = 'c-1', intentId = 'i-1'): Scenario => {
  const result = claim(intentId, token, scenario.situation(at));
  if (result.kind !== 'claimed') throw new Error(`the claim is ${result.kind}`);
  return scenario.and(result.events);
};
const settled = (scenario: Scenario, outcome: ProviderOutcome, at: Instant, token = 'c-1'): Scenario =>
  scenario.and(settle('i-1', token, outcome, scenario.situation(at)));

const openOf = (scenario: Scenario) => scenario.situation(noon).customer.intents['i-1'];
/** The slots that are used: a failure gives its own back. */
const slotsOf = (scenario: Scenario) =>
  scenario.situation(noon).customer.slots.filter(({ outcome }) => outcome !== 'failed');
const types = (events: readonly CustomerEvent[]) => events.map(({ type }) => type);

const accepted: ProviderOutcome = { kind: 'accepted', providerMessageId: 'p-1' };
const unknown: ProviderOutcome = { kind: 'unknown', cause: 'time-out' };
const failedFor = (retryable: boolean): ProviderOutcome => ({ kind: 'failed', code: '131000', retryable });
const windowClosed: ProviderOutcome = {
  kind: 'failed',
  code: '131047',
  retryable: false,
  effect: { kind: 'window-closed' },
};
const reported = (changes: Partial<DeliveryReport>): DeliveryReport => ({
  status: 'delivered',
  at: after(HOUR_MS),
  providerMessageId: 'p-1',
  intentId: 'i-1',
  ...changes,
});

describe('the claim', () => {
  test('names its owner, the attempt and what it stood on', () => {
    expect(claim('i-1', 'c-1', inSession.situation(soon))).toMatchObject({
      kind: 'claimed',
      events: [{ type: 'SendStarted', at: soon, ordinal: 1, attempt: 1, claim: 'c-1', evidence: { windowEnd: end } }],
    });
  });
  test('case 35: what is started, cancelled, held or gone is not due', () => {
    const notDue = { kind: 'not-due' };
    const cancelled: CustomerEvent = { type: 'SendCancelled', at: soon, intentId: 'i-1' };
    const held = given()
      .when(intentOf({ whenClosed: 'hold' }))
      .at(noon)
      .thenHeld('window-closed');
    for (const scenario of [claimed(inSession, soon), inSession.and(cancelled), given(held), given()])
      expect(claim('i-1', 'c-2', scenario.situation(soon))).toEqual(notDue);
  });
  test('cases 7 and 8: due one millisecond before validUntil, lapsed at exactly validUntil', () => {
    const validUntil = plus(end, -MINUTE_MS);
    expect(claim('i-1', 'c-1', inSession.situation(plus(validUntil, -1))).kind).toBe('claimed');
    expect(claim('i-1', 'c-1', inSession.situation(validUntil))).toMatchObject({
      kind: 'revoked',
      events: [
        { type: 'SendRevoked', reason: 'permit-lapsed', ordinal: 1 },
        { type: 'SendRefused', reason: 'window-closed', ordinal: 2 },
      ],
    });
  });
});

describe('the re-check just before the call', () => {
  test('case 9: an opt-out while queued', () => {
    const result = claim('i-1', 'c-1', inSession.and(optedOut(soon)).situation(soon));
    expect(result).toMatchObject({
      kind: 'revoked',
      events: [
        { type: 'SendRevoked', reason: 'opted-out' },
        { type: 'SendRefused', reason: 'opted-out', rule: '5' },
      ],
    });
  });
  test('case 11: a template paused, disabled or recategorised while queued', () => {
    const objection = (scenario: Scenario) => {
      const result = claim('i-1', 'c-1', scenario.situation(plus(closed, 2)));
      return result.kind === 'revoked' ? result.events[0] : result;
    };
    const changed = plus(closed, 1);
    expect(objection(continued.templateWith(templateWas('TemplatePaused', changed)))).toMatchObject({
      reason: 'template-paused',
    });
    expect(objection(continued.templateWith(templateWas('TemplateDisabled', changed)))).toMatchObject({
      reason: 'template-disabled',
    });
    const marketing = templateWas('TemplateApproved', changed, 'marketing');
    expect(objection(continued.and(optedOut(noon, 'marketing')).templateWith(marketing))).toMatchObject({
      reason: 'opted-out',
    });
  });
  test('case 11: recategorised to a category without an opt-in', () => {
    const consenting = given(wrote(noon), optedIn(noon, 'utility'));
    const moved = authorised(templateIntent(), closed, consenting).templateWith(
      templateWas('TemplateApproved', closed, 'marketing'),
    );
    expect(claim('i-1', 'c-1', moved.situation(plus(closed, 1)))).toMatchObject({
      events: [{ type: 'SendRevoked', reason: 'not-opted-in' }, { type: 'SendRefused' }],
    });
  });
  test('case 7: another intent found the window closed meanwhile', () => {
    const corrected = inSession.and({
      type: 'WindowCorrected',
      at: soon,
      sender: 'berlin',
      intentId: 'i-2',
      startedAt: soon,
    });
    expect(claim('i-1', 'c-1', corrected.situation(soon))).toMatchObject({
      events: [
        { type: 'SendRevoked', reason: 'window-closed' },
        { type: 'SendRefused', reason: 'window-closed' },
      ],
    });
  });
  test('case 34: a cooldown while queued', () => {
    const resting = inSession.and({ type: 'RecipientCooledDown', at: soon, scope: 'all', until: end, code: '131026' });
    expect(claim('i-1', 'c-1', resting.situation(soon))).toMatchObject({
      events: [{ type: 'SendRevoked', reason: 'recipient-cooldown' }, { type: 'SendRefused' }],
    });
  });
  test('a paused template parks the intent again where it prefers to wait, and its slot goes back', () => {
    const waiting = authorised(templateIntent({ whenPaused: 'hold' }), closed).templateWith(
      templateWas('TemplatePaused', closed),
    );
    const result = claim('i-1', 'c-1', waiting.situation(plus(closed, 1)));
    if (result.kind !== 'revoked') throw new Error(result.kind);
    expect(types(result.events)).toEqual(['SendRevoked', 'SendHeld']);
    expect(slotsOf(waiting.and(result.events))).toEqual([]);
  });
  test('the new decision names the revision that the revocation left behind', () => {
    const { customerRevision } = inSession.and(optedOut(soon)).situation(soon);
    expect(claim('i-1', 'c-1', inSession.and(optedOut(soon)).situation(soon))).toMatchObject({
      events: [{}, { evidence: { customerRevision: customerRevision + 1 } }],
    });
  });
  test('a lapsed permit is decided once more; the second lapse is final', () => {
    const lapsed = claim('i-1', 'c-1', continued.situation(plus(closed, 15 * MINUTE_MS)));
    if (lapsed.kind !== 'revoked') throw new Error(lapsed.kind);
    expect(lapsed.events).toMatchObject([
      { type: 'SendRevoked', reason: 'permit-lapsed' },
      { type: 'SendAuthorised', ordinal: 2, rule: '12', validUntil: plus(closed, 30 * MINUTE_MS) },
    ]);
    const again = continued.and(lapsed.events);
    expect(slotsOf(again)).toHaveLength(1);
    const final = claim('i-1', 'c-2', again.situation(plus(closed, 30 * MINUTE_MS)));
    if (final.kind !== 'revoked') throw new Error(final.kind);
    expect(final.events).toMatchObject([
      { type: 'SendRevoked', ordinal: 2 },
      { type: 'SendRefused', reason: 'permit-lapsed', rule: 'recheck', ordinal: 3 },
    ]);
    expect(again.and(final.events).situation(closed).customer).toMatchObject({ intents: {}, slots: [] });
  });
  test('the confirmation of an opt-out does not stand in its own way', () => {
    const stopped = given(wrote(noon, { personal: { text: 'stop' } }));
    const confirming = authorised(intentOf({ purpose: 'opt-out-confirmation' }), after(1), stopped);
    expect(claim('i-1', 'c-1', confirming.situation(soon)).kind).toBe('claimed');
  });
});

describe('the outcome', () => {
  const started = claimed(inSession, soon);

  test('only the owner of the stored claim may say it', () => {
    expect(settle('i-1', 'c-2', accepted, started.situation(soon))).toEqual([]);
    expect(settle('i-1', 'c-1', accepted, inSession.situation(soon))).toEqual([]);
    expect(openOf(settled(started, accepted, soon))).toMatchObject({ status: 'accepted', providerMessageId: 'p-1' });
  });
  test('said twice it changes nothing', () => {
    const once = settled(started, accepted, soon);
    expect(settle('i-1', 'c-1', accepted, once.situation(soon))).toEqual([]);
    expect(settle('i-1', 'c-1', unknown, settled(started, unknown, soon).situation(soon))).toEqual([]);
  });
  test('case 10: an unknown outcome is never due again, keeps the slot, and wakes nobody', () => {
    const lost = settled(claimed(continued, closed), unknown, closed);
    expect(openOf(lost)).toMatchObject({ status: 'outcome-unknown' });
    expect(claim('i-1', 'c-2', lost.situation(plus(closed, MINUTE_MS)))).toEqual({ kind: 'not-due' });
    expect(slotsOf(lost)).toHaveLength(1);
    const open = openOf(lost);
    expect(open && wakesAt(open, lost.situation(closed), closed)).toBeUndefined();
  });
  test('case 10: a delivery report with our correlation settles it', () => {
    const lost = settled(started, unknown, soon);
    const sent = report(reported({ status: 'sent' }), lost.situation(soon));
    expect(openOf(lost.and(sent))).toMatchObject({ status: 'accepted', providerMessageId: 'p-1' });
    expect(openOf(lost.and(report(reported({}), lost.situation(soon))))).toBeUndefined();
  });
  test('case 10: a start without an outcome becomes unknown at exactly the attempt time', () => {
    expect(giveUpWaiting('i-1', started.situation(plus(soon, MINUTE_MS - 1)))).toEqual([]);
    const gaveUp = giveUpWaiting('i-1', started.situation(plus(soon, MINUTE_MS)));
    expect(gaveUp).toMatchObject([{ type: 'SendOutcomeUnknown', claim: 'c-1' }]);
    expect(giveUpWaiting('i-1', started.and(gaveUp).situation(plus(soon, HOUR_MS)))).toEqual([]);
    expect(openOf(settled(started.and(gaveUp), accepted, plus(soon, HOUR_MS)))).toMatchObject({ status: 'accepted' });
  });
  test('case 44: an accepted message wakes when it should have been delivered', () => {
    const open = openOf(settled(started, accepted, soon));
    expect(open && wakesAt(open, started.situation(soon), soon)).toBe(plus(soon, DAY_MS));
  });
});

describe('failures', () => {
  const started = claimed(continued, closed);

  test('a definite failure gives the slot back', () => {
    const failed = settled(started, failedFor(false), closed);
    expect(failed.situation(closed).customer.intents).toEqual({});
    expect(slotsOf(failed)).toEqual([]);
    failed
      .when(templateIntent({ intentId: 'i-2' }))
      .at(closed)
      .thenAuthorised({ rule: '12' });
  });
  test('a retryable one pauses and keeps the slot; the pause doubles until the attempts are over', () => {
    let scenario = continued;
    let at = closed;
    for (const [attempt, pause] of [
      [1, 4 * SECOND_MS],
      [2, 8 * SECOND_MS],
    ] as const) {
      scenario = settled(claimed(scenario, at, `c-${attempt}`), failedFor(true), at, `c-${attempt}`);
      expect(openOf(scenario)).toMatchObject({ status: 'authorised', attempt, retryAt: plus(at, pause) });
      expect(slotsOf(scenario)).toHaveLength(1);
      expect(claim('i-1', 'early', scenario.situation(plus(at, pause - 1)))).toEqual({ kind: 'not-due' });
      at = plus(at, pause);
    }
    scenario = claimed(scenario, at, 'c-3');
    expect(settle('i-1', 'c-3', failedFor(true), scenario.situation(at))).toMatchObject([{ final: true }]);
    expect(slotsOf(settled(scenario, failedFor(true), at, 'c-3'))).toEqual([]);
  });
  test('a retry that the permit would not live to see is none', () => {
    const late = plus(closed, 15 * MINUTE_MS - 4 * SECOND_MS);
    const lateStart = claimed(continued, late);
    expect(settle('i-1', 'c-1', failedFor(true), lateStart.situation(late))).toMatchObject([{ final: true }]);
  });
  test('case 12: a failure reported after the acceptance gives the slot back', () => {
    const taken = settled(started, accepted, closed);
    expect(slotsOf(taken)).toHaveLength(1);
    const dropped = report(
      reported({ status: 'failed', failure: { code: '132015' } }),
      taken.situation(plus(closed, HOUR_MS)),
    );
    expect(dropped).toMatchObject([{ type: 'SendFailed', final: true, code: '132015', providerMessageId: 'p-1' }]);
    expect(openOf(taken.and(dropped))).toBeUndefined();
    expect(slotsOf(taken.and(dropped))).toEqual([]);
  });
  test('a failure said twice, or reported late, leaves an intent that waits for its next attempt alone', () => {
    const retrying = settled(started, failedFor(true), closed);
    expect(settle('i-1', 'c-1', failedFor(false), retrying.situation(closed))).toEqual([]);
    expect(settle('i-1', 'c-1', accepted, retrying.situation(closed))).toEqual([]);
    expect(report(reported({ status: 'failed' }), retrying.situation(closed))).toEqual([]);
  });
  test('an opt-out confirmation that failed is given back', () => {
    const stopped = given(wrote(noon, { personal: { text: 'stop' } }));
    const confirmation = intentOf({ purpose: 'opt-out-confirmation' });
    const confirming = claimed(authorised(confirmation, after(1), stopped), soon);
    const second = { ...confirmation, intentId: 'i-2' };
    confirming.when(second).at(soon).thenRefused('opted-out');
    settled(confirming, unknown, soon).when(second).at(soon).thenRefused('opted-out');
    settled(confirming, failedFor(false), soon).when(second).at(soon).thenAuthorised();
  });
  test('case 12: a retryable failure reported after the acceptance permits another attempt', () => {
    const taken = settled(started, accepted, closed);
    const at = plus(closed, MINUTE_MS);
    const events = report(
      reported({ status: 'failed', failure: { code: '131000', retryable: true } }),
      taken.situation(at),
    );
    expect(events).toMatchObject([{ type: 'SendFailed', final: false, retryAt: plus(at, 4 * SECOND_MS) }]);
    const retrying = taken.and(events);
    expect(slotsOf(retrying)).toHaveLength(1);
    expect(claim('i-1', 'c-2', retrying.situation(plus(at, 4 * SECOND_MS)))).toMatchObject({
      events: [{ type: 'SendStarted', attempt: 2 }],
    });
  });
  test('a report about the message of an earlier attempt leaves the attempt under way alone', () => {
    const taken = settled(started, accepted, closed);
    const failure = { status: 'failed', failure: { code: '131000', retryable: true } } as const;
    const retrying = taken.and(report(reported(failure), taken.situation(closed)));
    const again = claimed(retrying, plus(closed, 4 * SECOND_MS), 'c-2');
    const unsure = settled(again, unknown, plus(closed, 5 * SECOND_MS), 'c-2');
    for (const scenario of [again, unsure]) {
      expect(report(reported(failure), scenario.situation(plus(closed, MINUTE_MS)))).toEqual([]);
      expect(report(reported({ status: 'sent' }), scenario.situation(plus(closed, MINUTE_MS)))).toEqual([]);
      expect(report(reported({ ...failure, providerMessageId: 'p-2' }), scenario.situation(closed))).toHaveLength(1);
    }
  });
  test('a delivery outweighs a failure, whichever is reported first, and then the slot stays used', () => {
    const taken = settled(started, accepted, closed);
    const failure = reported({ status: 'failed', failure: { code: '131000' } });
    const orders = [
      [failure, reported({})],
      [reported({}), failure],
      [failure, reported({ status: 'read' }), failure],
    ];
    for (const reports of orders) {
      const after = reports.reduce((known, one) => known.and(report(one, known.situation(closed))), taken);
      expect(openOf(after)).toBeUndefined();
      expect(slotsOf(after)).toHaveLength(1);
    }
  });
  test('a revocation, a lapse and a cancellation give the slot back; an unknown outcome keeps it', () => {
    const second = templateIntent({ intentId: 'i-2' });
    const revoked: CustomerEvent = {
      type: 'SendRevoked',
      at: closed,
      intentId: 'i-1',
      ordinal: 1,
      reason: 'permit-lapsed',
      final: true,
    };
    const cancelled: CustomerEvent = { type: 'SendCancelled', at: closed, intentId: 'i-1' };
    for (const event of [revoked, cancelled])
      continued.and(event).when(second).at(closed).thenAuthorised({ usesSlot: true });
    settled(started, unknown, closed).when(second).at(closed).thenRefused('awaiting-reply');
  });
  test('case 34: what a late failure tells of the recipient is kept, though the message is settled or not ours', () => {
    const failure = { code: '131050', effect: { kind: 'opted-out', scope: 'marketing' } } as const;
    const settledBefore = report(reported({ status: 'failed', failure }), customer.situation(closed));
    expect(settledBefore).toMatchObject([
      { type: 'SendFailed', final: true },
      { type: 'CustomerOptedOut', scope: 'marketing', reference: 'i-1/131050' },
    ]);
    const notOurs = report(reported({ status: 'failed', failure, intentId: undefined }), customer.situation(closed));
    expect(notOurs).toMatchObject([{ type: 'CustomerOptedOut', scope: 'marketing', reference: 'p-1/131050' }]);
  });
  test('case 34: a refusal that concerns the recipient cools down or opts out', () => {
    const cooling: ProviderOutcome = {
      kind: 'failed',
      code: '131049',
      retryable: false,
      effect: { kind: 'cooldown', scope: 'marketing', forMs: DAY_MS },
    };
    expect(settle('i-1', 'c-1', cooling, started.situation(closed))).toMatchObject([
      { type: 'SendFailed', final: true },
      { type: 'RecipientCooledDown', scope: 'marketing', until: plus(closed, DAY_MS) },
    ]);
    const stopping: ProviderOutcome = { ...cooling, effect: { kind: 'opted-out', scope: 'marketing' } };
    expect(settle('i-1', 'c-1', stopping, started.situation(closed))).toMatchObject([
      { type: 'SendFailed', final: true },
      { type: 'CustomerOptedOut', scope: 'marketing', source: 'provider' },
    ]);
  });
});

describe('case 7: the provider saw the window closed', () => {
  const startedAt = after(HOUR_MS);
  const fallback = authorised(intentOf({ whenClosed: 'fallback', fallback: hello }), after(1));
  const started = claimed(fallback, startedAt);

  test('the window is corrected and the intent decided once more by its whenClosed', () => {
    const at = plus(startedAt, SECOND_MS);
    expect(settle('i-1', 'c-1', windowClosed, started.situation(at))).toMatchObject([
      { type: 'SendFailed', final: false },
      { type: 'WindowCorrected', sender: 'berlin', startedAt },
      { type: 'SendAuthorised', content: 'fallback', usesSlot: true, ordinal: 2 },
    ]);
    const refusing = claimed(inSession, startedAt);
    expect(settle('i-1', 'c-1', windowClosed, refusing.situation(at))).toMatchObject([
      { type: 'SendFailed' },
      { type: 'WindowCorrected' },
      { type: 'SendRefused', reason: 'window-closed' },
    ]);
  });
  test('only an opener after the start opens it again', () => {
    const corrected = settled(started, windowClosed, plus(startedAt, SECOND_MS));
    const next = intentOf({ intentId: 'i-2' });
    const at = plus(startedAt, HOUR_MS);
    corrected.and(wrote(startedAt)).when(next).at(at).thenRefused('window-closed');
    corrected
      .and(wrote(plus(startedAt, 1)))
      .when(next)
      .at(at)
      .thenAuthorised();
  });
  test('a second time the failure is final', () => {
    const once = settled(started, windowClosed, plus(startedAt, SECOND_MS));
    const twice = claimed(once, plus(startedAt, 2 * SECOND_MS), 'c-2');
    const events = settle('i-1', 'c-2', windowClosed, twice.situation(plus(startedAt, 3 * SECOND_MS)));
    expect(events).toMatchObject([{ type: 'SendFailed', final: true }, { type: 'WindowCorrected' }]);
    expect(twice.and(events).situation(noon).customer).toMatchObject({ intents: {}, slots: [] });
  });
  test('said once more after the intent was held and released, it leaves the new attempt alone', () => {
    const at = plus(startedAt, SECOND_MS);
    const failure = { code: '131047', effect: { kind: 'window-closed' } } as const;
    const waiting = claimed(authorised(intentOf({ whenClosed: 'hold' }), after(1)), startedAt);
    const taken = settled(waiting, accepted, startedAt);
    const corrected = taken.and(report(reported({ status: 'failed', failure }), taken.situation(at)));
    expect(openOf(corrected)).toMatchObject({ status: 'held' });
    const written = corrected.and(wrote(at));
    const open = openOf(written);
    const released = written.and(open === undefined ? [] : release(open, written.situation(at)));
    const second = claimed(released, at, 'c-2');
    expect(report(reported({ status: 'failed', failure }), second.situation(at))).toEqual([]);
  });
  test('said once more about the first message, it leaves the second alone', () => {
    const at = plus(startedAt, SECOND_MS);
    const late = report(
      reported({ status: 'failed', failure: { code: '131047', effect: { kind: 'window-closed' } } }),
      settled(started, accepted, startedAt).situation(at),
    );
    const first = settled(started, accepted, startedAt).and(late);
    const second = settled(claimed(first, at, 'c-2'), { kind: 'accepted', providerMessageId: 'p-2' }, at, 'c-2');
    expect(openOf(second)).toMatchObject({ status: 'accepted', providerMessageId: 'p-2' });
    const again = { status: 'failed', failure: { code: '131047' } } as const;
    expect(report(reported(again), second.situation(at))).toEqual([]);
    expect(report(reported(again), claimed(first, at, 'c-2').situation(at))).toEqual([]);
    expect(report(reported({ ...again, providerMessageId: 'p-2' }), second.situation(at))).toHaveLength(1);
  });
});

describe('delivery reports', () => {
  test('case 28: of messages that the gate did not send they count as activity', () => {
    const situation = given().situation(noon);
    const events = report(reported({ intentId: undefined, status: 'read' }), situation);
    expect(events).toMatchObject([{ type: 'MessageRead', providerMessageId: 'p-1' }]);
    expect(given(events).situation(noon).customer.lastActiveAt).toBe(after(HOUR_MS));
    expect(report(reported({ intentId: undefined, status: 'failed' }), situation)).toEqual([]);
  });
  test('a delivery that overtakes the acceptance settles the intent, and the acceptance then says nothing', () => {
    const started = claimed(continued, closed);
    const delivered = started.and(report(reported({}), started.situation(closed)));
    expect(settle('i-1', 'c-1', accepted, delivered.situation(closed))).toEqual([]);
    expect(delivered.situation(closed).customer.intents).toEqual({});
    expect(slotsOf(delivered)).toHaveLength(1);
  });
});
