/* oxlint-disable jest/expect-expect -- the scenario's then… expects */
import { describe, expect, test } from '@jest/globals';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, plus } from '../time.js';
import {
  iso,
  after,
  allowance,
  given,
  hello,
  intentOf,
  noon,
  optedIn,
  optedOut,
  policyOf,
  templateIntent,
  templateWas,
  wrote,
} from '#testing/scenario';
import { ruleIds, type CustomerEvent, type Decided } from './events.js';

const margin = MINUTE_MS;
const end = after(DAY_MS);
const closed = after(30 * HOUR_MS);

describe('rule 3: expiry and intents that contradict themselves', () => {
  const expiresAt = after(HOUR_MS);

  test('one millisecond before expiresAt the intent is still decided', () => {
    given(wrote(noon)).when(intentOf({ expiresAt })).at(plus(expiresAt, -1)).thenAuthorised({ validUntil: expiresAt });
  });
  test('case 40: at exactly expiresAt it expires', () => {
    given(wrote(noon)).when(intentOf({ expiresAt })).at(expiresAt).thenExpired();
  });
  test('expiresAt at sendAt can never send', () => {
    given(wrote(noon))
      .when(intentOf({ expiresAt, sendAt: expiresAt }))
      .at(noon)
      .thenRefused('invalid-intent', { rule: '3', remedy: 'expiresAt: name an instant after sendAt' });
  });
  test('a sender that the account does not have', () => {
    given(wrote(noon))
      .when(intentOf({ sender: 'rome' }))
      .at(noon)
      .thenRefused('invalid-intent', { rule: '3' });
  });
});

describe('names that mean something to the language', () => {
  test.each(['constructor', '__proto__', 'toString'])('a sender called %s is not registered', (sender) => {
    given(wrote(noon)).when(intentOf({ sender })).at(noon).thenRefused('invalid-intent', { rule: '3' });
  });
  test.each(['constructor', '__proto__', 'toString'])('an intent called %s is decided as any other', (intentId) => {
    const intent = intentOf({ intentId });
    const authorised = given(wrote(noon)).when(intent).at(after(1)).thenAuthorised({ ordinal: 1 });
    const open = given(wrote(noon), authorised).situation(after(1)).customer.intents[intentId];
    expect(open).toMatchObject({ status: 'authorised' });
  });
});

describe('rule 4: schedule', () => {
  const sendAt = after(2 * HOUR_MS);

  test('one millisecond before sendAt it is held until then', () => {
    given(wrote(noon)).when(intentOf({ sendAt })).at(plus(sendAt, -1)).thenHeld('scheduled', { wakeAt: sendAt });
  });
  test('case 40: at exactly sendAt, and with a sendAt in the past, it is due', () => {
    given(wrote(noon)).when(intentOf({ sendAt })).at(sendAt).thenAuthorised();
    given(wrote(noon))
      .when(intentOf({ sendAt: after(-DAY_MS) }))
      .at(noon)
      .thenAuthorised();
  });
});

describe('rule 5: opt-outs', () => {
  test('a template of a category that the customer opted out of, even inside the window', () => {
    given(wrote(noon), optedOut(noon, 'utility'))
      .when(templateIntent())
      .at(after(HOUR_MS))
      .thenRefused('opted-out', { rule: '5', remedy: 'the customer opts in to utility' });
  });
  test('an opt-out of another category does not stand in the way', () => {
    given(wrote(noon), optedOut(noon, 'marketing')).when(templateIntent()).at(after(HOUR_MS)).thenAuthorised();
  });
  test('a session message after an opt-out of all with no later opener', () => {
    given(wrote(noon), optedOut(after(HOUR_MS)))
      .when(intentOf())
      .at(after(2 * HOUR_MS))
      .thenRefused('opted-out');
  });
  test('an opener later than the opt-out lets session messages through again, on its own sender only', () => {
    const both = given(wrote(noon, { sender: 'paris' }), optedOut(after(HOUR_MS)), wrote(after(HOUR_MS + 1)));
    both
      .when(intentOf())
      .at(after(2 * HOUR_MS))
      .thenAuthorised();
    both
      .when(intentOf({ sender: 'paris' }))
      .at(after(2 * HOUR_MS))
      .thenRefused('opted-out');
  });
  test('case 33: STOP opens the window and opts out, with one confirmation for each', () => {
    const stopped = given(wrote(noon, { personal: { text: '  sToP ' } }));
    stopped.when(intentOf()).at(after(SECOND_MS)).thenRefused('opted-out');
    const confirmation = intentOf({ purpose: 'opt-out-confirmation' });
    const confirmed = stopped
      .when(confirmation)
      .at(after(SECOND_MS))
      .thenAuthorised({ confirmsOptOutAt: noon, rule: '6', validUntil: plus(end, -margin) });
    const second = { ...confirmation, intentId: 'i-2' };
    stopped
      .and(confirmed)
      .when(second)
      .at(after(2 * SECOND_MS))
      .thenRefused('opted-out');
    stopped
      .and(confirmed, wrote(after(HOUR_MS), { personal: { text: 'STOP' } }))
      .when(second)
      .at(after(HOUR_MS + 1))
      .thenAuthorised();
  });
  test('a keyword in a caption or within a sentence is none', () => {
    expect(wrote(noon, { messageType: 'image', personal: { text: 'stop' } })).toHaveLength(1);
    expect(wrote(noon, { personal: { text: 'stop it' } })).toHaveLength(1);
    expect(wrote(noon, { messageType: 'button', personal: { text: 'stop' } })).toHaveLength(2);
  });
  test('case 31: the latest word by its own time wins in any order of arrival, and the opt-out on a tie', () => {
    const later = [optedOut(noon), optedIn(after(1))];
    for (const words of [later, later.toReversed()]) {
      given(...words)
        .when(templateIntent())
        .at(closed)
        .thenAuthorised();
    }
    const tie = [optedOut(noon), optedIn(noon)];
    for (const words of [tie, tie.toReversed()]) {
      given(...words)
        .when(templateIntent())
        .at(closed)
        .thenRefused('opted-out');
    }
  });
  test('an opt-in to all never lifts an opt-out of the category; an opt-in to the category does', () => {
    given(optedOut(noon, 'utility'), optedIn(after(1)))
      .when(templateIntent())
      .at(closed)
      .thenRefused('opted-out');
    given(optedOut(noon), optedIn(after(1), 'utility'))
      .when(templateIntent())
      .at(closed)
      .thenAuthorised();
    given(optedOut(noon), optedIn(noon, 'utility')).when(templateIntent()).at(closed).thenRefused('opted-out');
  });
});

describe('rules 5a and 5b: cooldowns and quiet hours', () => {
  const cooldown = (exceptInWindow?: true) =>
    ({
      type: 'RecipientCooledDown',
      at: noon,
      scope: 'all',
      until: after(2 * HOUR_MS),
      code: '131026',
      exceptInWindow,
    }) as const satisfies CustomerEvent;

  test('case 34: the recipient rests until the cooldown ends', () => {
    const resting = given(wrote(noon), cooldown());
    resting
      .when(intentOf())
      .at(after(2 * HOUR_MS - 1))
      .thenRefused('recipient-cooldown', { rule: '5a' });
    resting
      .when(intentOf())
      .at(after(2 * HOUR_MS))
      .thenAuthorised();
  });
  test('case 34: of two cooldowns the later end counts, in any order', () => {
    const longer = { ...cooldown(), until: after(5 * HOUR_MS), code: '131049' } as const;
    for (const both of [
      [cooldown(), longer],
      [longer, cooldown()],
    ]) {
      given(wrote(noon), ...both)
        .when(intentOf())
        .at(after(HOUR_MS))
        .thenRefused('recipient-cooldown', { remedy: 'send 4 h later' });
    }
  });
  test('case 34: a cooldown of marketing leaves session messages and other templates alone', () => {
    const resting = given(wrote(noon), optedIn(noon), { ...cooldown(), scope: 'marketing', code: '131049' });
    resting.when(intentOf()).at(after(1)).thenAuthorised();
    resting.when(templateIntent()).at(after(1)).thenAuthorised();
    resting
      .templateWith(templateWas('TemplateApproved', noon, 'marketing'))
      .when(templateIntent())
      .at(after(1))
      .thenRefused('recipient-cooldown');
  });
  test('case 34: an experiment of the platform leaves the window alone', () => {
    given(wrote(noon), cooldown(true)).when(intentOf()).at(after(HOUR_MS)).thenAuthorised();
    given(optedIn(noon), cooldown(true)).when(templateIntent()).at(after(HOUR_MS)).thenRefused('recipient-cooldown');
  });
  test('case 25: quiet hours are local time of the account, the window is 24 elapsed hours', () => {
    // Berlin went from UTC+1 to UTC+2 on 2026-03-29 at 01:00Z.
    const wroteAt = iso('2026-03-28T22:00Z');
    const night = given(wrote(wroteAt)).accountWith(
      { type: 'ZoneChanged', at: after(-90 * DAY_MS), zone: 'Europe/Berlin' },
      policyOf({ quietHours: { fromMinute: 22 * 60, untilMinute: 8 * 60 } }),
    );
    night
      .when(intentOf())
      .at(wroteAt)
      .thenHeld('quiet-hours', { rule: '5b', wakeAt: iso('2026-03-29T06:00Z') });
    night
      .when(intentOf())
      .at(iso('2026-03-29T06:00Z'))
      .thenAuthorised({ validUntil: plus(wroteAt, DAY_MS - margin) });
  });
});

describe('rule 6: session messages in an open window', () => {
  test('case 6: open one millisecond before the margin, closed at exactly the margin', () => {
    given(wrote(noon))
      .when(intentOf())
      .at(plus(end, -margin - 1))
      .thenAuthorised({ rule: '6', validUntil: plus(end, -margin), usesSlot: false });
    given(wrote(noon)).when(intentOf()).at(plus(end, -margin)).thenRefused('window-closed');
  });
  test('case 6: without a margin the window closes at exactly 24 hours', () => {
    const edge = given(wrote(noon)).accountWith(policyOf({ marginMs: 0 }));
    edge.when(intentOf()).at(plus(end, -1)).thenAuthorised({ validUntil: end });
    edge.when(intentOf()).at(end).thenRefused('window-closed');
  });
  test('case 17: a window belongs to one sender', () => {
    given(wrote(noon, { sender: 'paris' }))
      .when(intentOf())
      .at(after(HOUR_MS))
      .thenRefused('window-closed');
  });
});

describe('rule 7: session messages outside the window', () => {
  test('refused, with how long ago the window closed', () => {
    given(wrote(noon))
      .when(intentOf())
      .at(plus(end, -margin + 133 * SECOND_MS))
      .thenRefused('window-closed', {
        rule: '7',
        remedy: 'window closed 2 min 13 s ago: the customer writes, or send a template',
      });
  });
  test('a customer who never wrote', () => {
    given()
      .when(intentOf())
      .at(noon)
      .thenRefused('window-closed', { remedy: 'the customer never wrote to this sender' });
  });
  test('case 18: the refusal names the sender whose window is open', () => {
    const refusal = given(wrote(noon, { sender: 'paris' }))
      .when(intentOf())
      .at(after(HOUR_MS))
      .thenRefused('window-closed');
    expect(refusal.remedy).toContain('the window of sender paris is open');
    expect(refusal.evidence.openSender).toBe('paris');
  });
  test('hold: until the longest hold of the policy, or the intent’s own expiry', () => {
    const whenClosed = 'hold';
    given()
      .when(intentOf({ whenClosed }))
      .at(noon)
      .thenHeld('window-closed', { expiresAt: after(30 * DAY_MS), wakeAt: after(30 * DAY_MS) });
    given()
      .when(intentOf({ whenClosed, expiresAt: end }))
      .at(noon)
      .thenHeld('window-closed', { expiresAt: end });
  });
  test('the fallback template is judged by the rules of templates', () => {
    const intent = intentOf({ whenClosed: 'fallback', fallback: hello });
    const authorised = given(wrote(noon), optedIn(noon))
      .when(intent)
      .at(closed)
      .thenAuthorised({ rule: '12', content: 'fallback', usesSlot: true });
    expect(authorised.trace['7']).toBe('applies');
    expect(authorised.fallbackTrace?.['12']).toBe('applies');
    given(wrote(noon)).when(intent).at(closed).thenRefused('not-opted-in', { rule: '10' });
    given(wrote(noon), optedIn(noon), optedOut(noon, 'utility')).when(intent).at(closed).thenRefused('opted-out');
    given(wrote(noon), optedIn(noon)).templateWith().when(intent).at(closed).thenRefused('template-unknown');
  });
  test('in an open window the fallback is not touched', () => {
    given(wrote(noon))
      .when(intentOf({ whenClosed: 'fallback', fallback: hello }))
      .at(after(1))
      .thenAuthorised({ content: 'own', fallbackTrace: undefined });
  });
});

describe('rule 8: the template', () => {
  const inWindow = given(wrote(noon));

  test.each([
    ['TemplatePaused', 'template-paused'],
    ['TemplateDisabled', 'template-disabled'],
    ['TemplateRejected', 'template-not-approved'],
    ['TemplatePending', 'template-not-approved'],
  ] as const)('%s: %s', (type, reason) => {
    inWindow.templateWith(templateWas(type)).when(templateIntent()).at(after(1)).thenRefused(reason, { rule: '8' });
  });
  test('unknown, in name or in language', () => {
    inWindow
      .templateWith()
      .when(templateIntent())
      .at(after(1))
      .thenRefused('template-unknown', { remedy: 'approve template hello/en' });
    inWindow
      .when(templateIntent({ content: { ...hello, language: 'de' } }))
      .at(after(1))
      .thenRefused('template-unknown', { remedy: 'approve template hello/de' });
  });
  test('paused, where the intent prefers to wait', () => {
    inWindow
      .templateWith(templateWas('TemplatePaused'))
      .when(templateIntent({ whenPaused: 'hold' }))
      .at(after(1))
      .thenHeld('template-paused', { template: { name: 'hello', language: 'en' } });
  });
  test('a missing parameter', () => {
    const needy = inWindow.templateWith(templateWas('TemplateApproved', noon, 'utility', ['name', 'time']));
    needy
      .when(templateIntent({ content: { ...hello, parameters: ['time'] } }))
      .at(after(1))
      .thenRefused('invalid-intent', { rule: '8', remedy: 'parameters: fill name of hello/en' });
    needy
      .when(templateIntent({ content: { ...hello, parameters: ['time', 'name'] } }))
      .at(after(1))
      .thenAuthorised();
  });
  test('case 13: a flag leaves the status as it is, and so does a notice nobody knows', () => {
    inWindow
      .templateWith(
        templateWas('TemplateApproved'),
        { type: 'TemplateFlagged', at: noon },
        { type: 'TemplateNoticeUnrecognised', at: noon, notice: 'NEW' },
      )
      .when(templateIntent())
      .at(after(1))
      .thenAuthorised();
  });
  test('case 14: a change of category takes effect at its own time', () => {
    const moving = given(optedIn(noon), optedOut(noon, 'marketing')).templateWith(templateWas('TemplateApproved'), {
      type: 'TemplateRecategorised',
      at: noon,
      category: 'marketing',
      effectiveAt: after(HOUR_MS),
    });
    moving
      .when(templateIntent())
      .at(after(HOUR_MS - 1))
      .thenAuthorised();
    moving.when(templateIntent()).at(after(HOUR_MS)).thenRefused('opted-out');
  });
});

describe('a template whose category nobody told', () => {
  const untold = { type: 'TemplateApproved', at: after(-DAY_MS) } as const;
  const cooldown: CustomerEvent = {
    type: 'RecipientCooledDown',
    at: noon,
    scope: 'marketing',
    until: end,
    code: '131049',
  };

  test('is refused after an opt-out of all or of any category, also in the window', () => {
    for (const scope of ['all', 'marketing', 'authentication'] as const) {
      given(wrote(noon), optedIn(after(-1)), optedOut(noon, scope))
        .templateWith(untold)
        .when(templateIntent())
        .at(after(1))
        .thenRefused('opted-out', { rule: '5' });
    }
  });
  test('needs an opt-in to all, or to each category', () => {
    const to = (...scopes: Parameters<typeof optedIn>[1][]) =>
      given(...scopes.map((scope) => optedIn(noon, scope)))
        .templateWith(untold)
        .when(templateIntent())
        .at(after(1));
    to('all').thenAuthorised();
    to('marketing', 'utility', 'authentication').thenAuthorised();
    to('marketing', 'utility').thenRefused('not-opted-in');
  });
  test('case 34: rests with any cooldown', () => {
    const resting = given(optedIn(noon), cooldown);
    resting.templateWith(untold).when(templateIntent()).at(after(1)).thenRefused('recipient-cooldown');
    resting.when(templateIntent()).at(after(1)).thenAuthorised();
  });
});

describe('rules 9 to 12: templates inside and outside the window', () => {
  const session = given(wrote(noon), optedIn(noon));

  test('rule 9: inside the window no opt-in is needed and no slot is used', () => {
    given(wrote(noon))
      .when(templateIntent())
      .at(plus(end, -margin - 1))
      .thenAuthorised({ rule: '9', usesSlot: false, validUntil: plus(end, -margin) });
  });
  test('rule 10: outside it the customer must have opted in', () => {
    given(wrote(noon)).when(templateIntent()).at(plus(end, -margin)).thenRefused('not-opted-in', { rule: '10' });
    given().when(templateIntent()).at(noon).thenRefused('not-opted-in');
    given(optedIn(noon, 'marketing')).when(templateIntent()).at(after(1)).thenRefused('not-opted-in');
  });
  test('case 32: an implied opt-in is the policy’s, and ends with the window', () => {
    const implied = given(wrote(noon)).accountWith(policyOf({ impliedOptIn: true }));
    implied.when(templateIntent()).at(plus(end, -1)).thenAuthorised({ rule: '12' });
    implied.when(templateIntent()).at(end).thenRefused('not-opted-in');
    const explicit = implied
      .and(optedOut(noon, 'utility'))
      .when(templateIntent())
      .at(plus(end, -1))
      .thenRefused('opted-out');
    expect(explicit.trace['10']).toBe('applies');
  });
  test('rule 12: the permit lives as long as the policy says, never beyond expiresAt', () => {
    session
      .when(templateIntent())
      .at(closed)
      .thenAuthorised({ rule: '12', usesSlot: true, validUntil: plus(closed, 15 * MINUTE_MS) });
    session
      .when(templateIntent({ expiresAt: plus(closed, MINUTE_MS) }))
      .at(closed)
      .thenAuthorised({ validUntil: plus(closed, MINUTE_MS) });
  });
  test('case 15: one template after a session, until the customer writes', () => {
    const first = session.when(templateIntent()).at(closed).thenAuthorised();
    const second = templateIntent({ intentId: 'i-2' });
    session
      .and(first)
      .when(second)
      .at(plus(closed, 1))
      .thenRefused('awaiting-reply', { rule: '11', remedy: 'the customer writes' });
    session
      .and(first, wrote(plus(closed, 2)))
      .when(second)
      .at(plus(closed, 2 * DAY_MS))
      .thenAuthorised({ rule: '12' });
  });
  test('case 15: an older message that arrives late frees no slot', () => {
    const first = session.when(templateIntent()).at(closed).thenAuthorised();
    session
      .and(first, wrote(after(-HOUR_MS), { receivedAt: closed }))
      .when(templateIntent({ intentId: 'i-2' }))
      .at(plus(closed, 1))
      .thenRefused('awaiting-reply');
  });
  test('case 15: N is the policy’s', () => {
    const first = session.when(templateIntent()).at(closed).thenAuthorised();
    const next = session.and(first);
    const second = templateIntent({ intentId: 'i-2' });
    next
      .accountWith(policyOf({ slots: 2 }))
      .when(second)
      .at(plus(closed, 1))
      .thenAuthorised();
    next
      .accountWith(policyOf({}, undefined, 'meta-2024-11'))
      .when(second)
      .at(plus(closed, 1))
      .thenAuthorised();
  });
  test('case 15: the slot is the sender’s', () => {
    const first = session.when(templateIntent()).at(closed).thenAuthorised();
    session
      .and(first, wrote(noon, { sender: 'paris' }))
      .when(templateIntent({ intentId: 'i-2', sender: 'paris' }))
      .at(closed)
      .thenAuthorised();
  });
  test('case 15: before the first session there is no slot to use up', () => {
    const first = given(optedIn(noon)).when(templateIntent()).at(noon).thenAuthorised();
    given(optedIn(noon), first)
      .when(templateIntent({ intentId: 'i-2' }))
      .at(after(1))
      .thenAuthorised();
  });
  test('case 15: a template sent within the margin counts to the closed period', () => {
    const inMargin = session.when(templateIntent()).at(plus(end, -margin)).thenAuthorised({ rule: '12' });
    session
      .and(inMargin)
      .when(templateIntent({ intentId: 'i-2' }))
      .at(closed)
      .thenRefused('awaiting-reply');
  });
  test('case 15: who never writes is written to without end, and the state stays small', () => {
    let scenario = given(optedIn(noon));
    const paris = scenario
      .when(templateIntent({ intentId: 'paris', sender: 'paris' }))
      .at(noon)
      .thenAuthorised();
    scenario = scenario.and(paris);
    for (let number = 0; number < 150; number += 1) {
      const intent = templateIntent({ intentId: `n-${number}` });
      scenario = scenario.and(scenario.when(intent).at(plus(noon, number)).thenAuthorised());
    }
    const { slots } = scenario.situation(closed).customer;
    expect(slots.length).toBeLessThanOrEqual(101);
    expect(slots.map(({ intentId }) => intentId)).toEqual(expect.arrayContaining(['paris', 'n-149']));
  });
  test('case 16: of two that race for the slot, the one that decides on the moved stream is refused', () => {
    const one = session.when(templateIntent()).at(closed).thenAuthorised();
    const other = templateIntent({ intentId: 'i-2', sender: 'berlin' });
    expect(session.when(other).at(closed).thenAuthorised().evidence.customerRevision).toBe(
      one.evidence.customerRevision,
    );
    session.and(one).when(other).at(closed).thenRefused('awaiting-reply');
  });
});

describe('rule 13 and the cost', () => {
  const full = given(wrote(after(-40 * DAY_MS)), optedIn(noon))
    .accountWith(allowance(10))
    .activeUsers(10);
  const refusing = full.accountWith(allowance(10), policyOf({ overAllowance: 'refuse' }));

  test('case 27: above the allowance it is sent and marked, or refused where the policy says so', () => {
    full.when(templateIntent()).at(noon).thenAuthorised({ cost: 'over-allowance' });
    const refusal = refusing.when(templateIntent()).at(noon).thenRefused('mau-allowance-exceeded', { rule: '13' });
    expect(refusal.trace['12']).toBe('applies');
    refusing.activeUsers(9).when(templateIntent()).at(noon).thenAuthorised({ cost: 'new-active-user' });
  });
  test('rule 13 leaves what another rule refuses or holds to that rule', () => {
    const paused = refusing.templateWith(templateWas('TemplatePaused'));
    expect(paused.when(templateIntent()).at(noon).thenRefused('template-paused', { rule: '8' }).trace['13']).toBe(
      'applies',
    );
    paused
      .when(templateIntent({ whenPaused: 'hold' }))
      .at(noon)
      .thenHeld('template-paused');
  });
  test('case 27: a customer who is active already costs nothing', () => {
    refusing
      .and(wrote(after(-HOUR_MS)))
      .when(intentOf())
      .at(noon)
      .thenAuthorised({ cost: 'included' });
  });
  test('case 28: a message delivered to the customer makes them active', () => {
    const delivered: CustomerEvent = { type: 'MessageDelivered', at: after(-HOUR_MS), providerMessageId: 'p-1' };
    refusing.and(delivered).when(templateIntent()).at(noon).thenAuthorised({ cost: 'included' });
  });
  test('case 29: a refused intent uses no slot and makes nobody active', () => {
    const refusal = refusing.when(templateIntent()).at(noon).decided;
    const before = refusing.situation(noon).customer;
    expect(refusing.and(refusal).situation(noon).customer).toEqual({ ...before, decidedAt: noon });
  });
  test('case 26: active in the month of the billing zone', () => {
    const lateApril = iso('2026-04-30T22:30Z');
    const wroteThen = given(wrote(lateApril), optedIn(lateApril));
    wroteThen.when(templateIntent()).at(noon).thenAuthorised({ cost: 'new-active-user' });
    wroteThen
      .accountWith({ type: 'ZoneChanged', at: after(-50 * DAY_MS), zone: 'Europe/Berlin' })
      .when(templateIntent())
      .at(noon)
      .thenAuthorised({ cost: 'included' });
  });
});

describe('a change of zone', () => {
  test('case 26: what counted in the old zone’s month does not count again in a month of the new one', () => {
    // At 20:00Z on 30 November it is still November in New York, and already December in Tokyo.
    const wroteAt = iso('2026-11-30T20:00Z');
    const moving = given(wrote(wroteAt), optedIn(wroteAt)).accountWith(
      { type: 'ZoneChanged', at: iso('2026-09-10T00:00Z'), zone: 'America/New_York' },
      { type: 'ZoneChanged', at: iso('2026-11-10T00:00Z'), zone: 'Asia/Tokyo' },
    );
    const december = iso('2026-12-02T12:00Z');
    moving.when(templateIntent()).at(december).thenAuthorised({ cost: 'new-active-user' });
    moving
      .and(wrote(iso('2026-12-01T05:00Z')))
      .when(templateIntent())
      .at(december)
      .thenAuthorised({ cost: 'included' });
  });
});

describe('the record of a decision', () => {
  test('every rule is in the trace, whichever decides', () => {
    const decisions: readonly Decided[] = [
      given().when(intentOf()).at(noon).decided,
      given(wrote(noon)).when(templateIntent()).at(after(1)).decided,
      given()
        .when(intentOf({ sender: 'rome' }))
        .at(noon).decided,
    ];
    for (const { trace } of decisions) expect(Object.keys(trace).toSorted()).toEqual([...ruleIds].toSorted());
  });
  test('the rules of templates are not applicable to a session message, and the other way round', () => {
    expect(given(wrote(noon)).when(intentOf()).at(after(1)).decided.trace).toEqual({
      '3': 'passed',
      '4': 'passed',
      '5': 'passed',
      '5a': 'passed',
      '5b': 'passed',
      '6': 'applies',
      '7': 'passed',
      '8': 'not-applicable',
      '9': 'not-applicable',
      '10': 'not-applicable',
      '11': 'not-applicable',
      '12': 'not-applicable',
      '13': 'passed',
    });
    const { trace } = given(wrote(noon)).when(templateIntent()).at(after(1)).decided;
    expect(trace).toMatchObject({ '6': 'not-applicable', '7': 'not-applicable', '9': 'applies' });
  });
  test('case 36: it names the revisions that it stood on', () => {
    const { evidence, policy } = given(wrote(noon), optedIn(noon)).when(templateIntent()).at(after(1)).decided;
    expect(policy).toBe('sinch-2021@1');
    expect(evidence).toEqual({
      customerRevision: 1,
      accountRevision: 2,
      templateRevision: 0,
      mauPosition: 7,
      windowEnd: end,
      openSender: undefined,
      consent: { status: 'in', scope: 'all', at: noon },
      templateStatus: 'APPROVED',
      slotsUsed: 0,
    });
  });
});
