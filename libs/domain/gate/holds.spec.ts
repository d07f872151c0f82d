/* oxlint-disable jest/expect-expect -- the scenario's then… expects */
import { describe, expect, test } from '@jest/globals';
import { DAY_MS, HOUR_MS, MINUTE_MS, plus } from '../time.js';
import { after, given, intentOf, noon, optedIn, personal, templateIntent, templateWas, wrote } from '#testing/scenario';
import { answer, cancel, inHeldOrder, release } from './decide.js';
import { type CustomerEvent } from './events.js';
import { wakesAt } from './permit.js';

const margin = MINUTE_MS;
const closed = after(30 * HOUR_MS);

describe('rule 2: the same intent again', () => {
  const decided = given(wrote(noon)).when(intentOf()).at(after(1)).thenAuthorised();
  const known = given(wrote(noon), decided).situation(after(2));

  test('case 39: a redelivery changes nothing, before and after the intent left the state', () => {
    expect(answer(intentOf(), personal, undefined, known)).toEqual({ kind: 'duplicate' });
    const empty = given().situation(after(2));
    expect(answer(intentOf(), personal, { fingerprint: 'f-1' }, empty)).toEqual({ kind: 'duplicate' });
  });
  test('case 39: other content under the same id is a conflict', () => {
    expect(answer(intentOf({ fingerprint: 'f-2' }), personal, undefined, known)).toEqual({ kind: 'conflict' });
  });
  test('a new intent is decided', () => {
    expect(answer(intentOf({ intentId: 'i-2' }), personal, undefined, known)).toMatchObject({ kind: 'decided' });
  });
});

describe('holds and releases', () => {
  const openOf = (scenario: ReturnType<typeof given>, at = closed) => {
    const open = scenario.situation(at).customer.intents['i-1'];
    if (open === undefined) throw new Error('the intent is not open');
    return open;
  };
  const waiting = given().and(
    given()
      .when(intentOf({ whenClosed: 'hold' }))
      .at(noon)
      .thenHeld('window-closed'),
  );

  test('case 40: an opener releases it, in one append with the new decision', () => {
    const opened = waiting.and(wrote(closed));
    expect(release(openOf(opened), opened.situation(closed))).toMatchObject([
      { type: 'SendReleased', intentId: 'i-1', ordinal: 2, from: 'window-closed' },
      { type: 'SendAuthorised', ordinal: 2, validUntil: plus(closed, DAY_MS - margin) },
    ]);
  });
  test('an opener on another sender leaves it held, and nothing is appended', () => {
    const opened = waiting.and(wrote(closed, { sender: 'paris' }));
    expect(release(openOf(opened), opened.situation(closed))).toEqual([]);
  });
  test('the new decision names the revision that the release left behind', () => {
    const opened = waiting.and(wrote(closed));
    const { customerRevision } = opened.situation(closed);
    expect(release(openOf(opened), opened.situation(closed))).toMatchObject([
      {},
      { evidence: { customerRevision: customerRevision + 1 } },
    ]);
  });
  test('case 40: once the window of its own sender is open it is due at once, and no later than what came after it', () => {
    const wakes = (scenario: ReturnType<typeof given>, now = closed) =>
      wakesAt(openOf(scenario, now), scenario.situation(now), now);
    expect(wakes(waiting)).toBe(after(30 * DAY_MS));
    expect(wakes(waiting.and(wrote(closed, { sender: 'paris' })))).toBe(after(30 * DAY_MS));
    expect(wakes(waiting.and(wrote(closed)))).toBe(noon);
    const edge = plus(closed, DAY_MS - margin);
    expect(wakes(waiting.and(wrote(closed)), plus(edge, -1))).toBe(noon);
    expect(wakes(waiting.and(wrote(closed)), edge)).toBe(after(30 * DAY_MS));
  });
  test('case 40: a schedule wakes at its time, whatever the customer writes meanwhile', () => {
    const sendAt = after(HOUR_MS);
    const scheduled = given().and(given().when(intentOf({ sendAt })).at(noon).thenHeld('scheduled'), wrote(after(1)));
    expect(wakesAt(openOf(scheduled), scheduled.situation(after(2)), after(2))).toBe(sendAt);
  });
  test('case 22: what a closed stream holds is the survivor’s to wake', () => {
    const linked = waiting.and(wrote(closed), {
      type: 'CustomerLinked',
      at: closed,
      survivor: 'other',
      because: 'webhook',
    });
    expect(wakesAt(openOf(linked), linked.situation(closed), closed)).toBeUndefined();
  });
  test('holds go in the order in which they were held, of one instant and across a fold in parts', () => {
    let scenario = given();
    for (const intentId of ['10', 'b', '9', 'a']) {
      const intent = intentOf({ intentId, whenClosed: 'hold' });
      scenario = scenario.and(scenario.when(intent).at(noon).thenHeld('window-closed'));
    }
    const keys = ['a', '9', '10', 'b'].map((intentId) => ({ intentId }));
    const ordered = inHeldOrder(keys, scenario.situation(noon).customer);
    expect(ordered.map(({ intentId }) => intentId)).toEqual(['10', 'b', '9', 'a']);
  });
  test('case 40: a schedule that expires while it is held never sends', () => {
    const intent = intentOf({ sendAt: after(HOUR_MS), expiresAt: after(2 * HOUR_MS) });
    const scheduled = given(wrote(noon)).and(given(wrote(noon)).when(intent).at(noon).thenHeld('scheduled'));
    const late = after(2 * HOUR_MS);
    expect(release(openOf(scheduled), scheduled.situation(late)).map(({ type }) => type)).toEqual([
      'SendReleased',
      'SendExpired',
    ]);
  });
  test('two releases never send twice', () => {
    const opened = waiting.and(wrote(closed));
    const twice = opened.and(release(openOf(opened), opened.situation(closed)));
    expect(release(openOf(twice), twice.situation(plus(closed, 1)))).toEqual([]);
  });
  test('case 40: the longest hold reached, it expires', () => {
    const at = after(30 * DAY_MS);
    expect(release(openOf(waiting), waiting.situation(plus(at, -1)))).toEqual([]);
    const released = release(openOf(waiting), waiting.situation(at));
    expect(released.map(({ type }) => type)).toEqual(['SendReleased', 'SendExpired']);
    expect(waiting.and(released).situation(at).customer.intents).toEqual({});
  });
  test('a schedule reached may hold again for another reason, and the first expiry stays', () => {
    const sendAt = after(HOUR_MS);
    const scheduled = given().and(
      given()
        .when(intentOf({ sendAt, whenClosed: 'hold' }))
        .at(noon)
        .thenHeld('scheduled'),
    );
    expect(release(openOf(scheduled), scheduled.situation(sendAt))).toMatchObject([
      { from: 'scheduled' },
      { type: 'SendHeld', reason: 'window-closed', expiresAt: plus(sendAt, 30 * DAY_MS) },
    ]);
  });
  test('case 11: a template approved again releases it', () => {
    const paused = given(wrote(noon)).templateWith(templateWas('TemplatePaused'));
    const held = paused
      .when(templateIntent({ whenPaused: 'hold' }))
      .at(after(1))
      .thenHeld('template-paused');
    const parked = paused.and(held);
    expect(release(openOf(parked), parked.situation(after(2)))).toEqual([]);
    const back = parked.templateWith(templateWas('TemplatePaused'), templateWas('TemplateApproved', after(2)));
    expect(release(openOf(back), back.situation(after(3)))).toMatchObject([
      { from: 'template-paused' },
      { type: 'SendAuthorised', rule: '9' },
    ]);
  });
});

describe('cancellation', () => {
  const authorised = given(wrote(noon), optedIn(noon)).when(templateIntent()).at(closed).thenAuthorised();
  const permitted = given(wrote(noon), optedIn(noon), authorised);

  test('until the start it gives the slot back', () => {
    const cancelled = cancel('i-1', 'not needed', undefined, permitted.situation(closed));
    expect(cancelled).toMatchObject({ kind: 'cancelled', events: [{ intent: { intentId: 'i-1' } }] });
    if (cancelled.kind !== 'cancelled') return;
    const { customer } = permitted.and(cancelled.events).situation(closed);
    expect(customer).toMatchObject({ intents: {}, slots: [] });
  });
  test('after the start, and after a final decision, it is too late', () => {
    const started: CustomerEvent = {
      type: 'SendStarted',
      at: closed,
      intentId: 'i-1',
      ordinal: 1,
      attempt: 1,
      claim: 'c-1',
      sender: 'berlin',
      evidence: authorised.evidence,
    };
    const tooLate = { kind: 'too-late' };
    expect(cancel('i-1', undefined, undefined, permitted.and(started).situation(closed))).toEqual(tooLate);
    expect(cancel('i-1', undefined, { fingerprint: 'f-1' }, given().situation(closed))).toEqual(tooLate);
  });
  test('before the intent came it stands when the intent comes', () => {
    const situation = given().situation(noon);
    expect(cancel('i-1', undefined, undefined, situation)).toEqual({
      kind: 'cancelled',
      events: [{ type: 'SendCancelled', at: noon, intentId: 'i-1', intent: undefined, reason: undefined }],
    });
    expect(answer(intentOf(), personal, { fingerprint: null }, situation)).toEqual({ kind: 'duplicate' });
  });
});
