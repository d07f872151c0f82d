/* oxlint-disable jest/expect-expect -- the scenario's then… expects */
import { describe, expect, test } from '@jest/globals';
import { after, given, intentOf, noon, optedIn, optedOut, policyOf, templateIntent, wrote } from '#testing/scenario';
import { DAY_MS, HOUR_MS } from '../time.js';
import { windowEnd } from '../window.js';
import type { CustomerEvent } from './events.js';
import { closes, takesOver } from './merge.js';
import { initialCustomer, type CustomerState, type LinkTerms } from './state.js';

const end = after(DAY_MS);
const closed = after(30 * HOUR_MS);
const terms = (gaveUp?: LinkTerms['gaveUp'], keepsConsent?: true): LinkTerms => ({
  at: closed,
  because: 'webhook',
  gaveUp,
  keepsConsent,
});
const aliasOf = (customer: string, state: CustomerState = initialCustomer) => ({ customer, revision: 4, state });
const takenOver = (state: CustomerState, link = terms()): readonly CustomerEvent[] =>
  takesOver(aliasOf('other', state), aliasOf('survivor'), [link]);

const held = given()
  .when(intentOf({ intentId: 'i-9', whenClosed: 'hold' }))
  .at(noon)
  .thenHeld('window-closed');
const authorised = given(wrote(noon), optedIn(noon)).when(templateIntent()).at(closed).thenAuthorised();
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
const stateOf = (...events: readonly (CustomerEvent | readonly CustomerEvent[])[]) =>
  given(...events).situation(closed).customer;

describe('two aliases of one person', () => {
  test('the losing stream is closed and names its survivor, which names where it took over', () => {
    expect(stateOf(wrote(noon), closes('survivor', terms()))).toMatchObject({ survivor: 'survivor', link: terms() });
    expect(takenOver(stateOf(wrote(noon)))).toMatchObject([{ from: 'other', fromRevision: 3 }]);
  });

  test('cases 22 and 23: windows by maximum, consent by its fold, slots and intents by union', () => {
    const merged = given(
      wrote(after(-HOUR_MS)),
      optedOut(after(-HOUR_MS)),
      takenOver(stateOf(wrote(noon), optedIn(noon), authorised, held)),
    );
    const { customer } = merged.situation(closed);
    expect(windowEnd(customer.windows['berlin'])).toBe(end);
    expect(customer.consents.all).toMatchObject({ status: 'in', at: noon });
    expect(Object.keys(customer.intents).toSorted()).toEqual(['i-1', 'i-9']);
    expect(customer.lastActiveAt).toBe(noon);
    merged
      .when(templateIntent({ intentId: 'i-2' }))
      .at(closed)
      .thenRefused('awaiting-reply');
  });

  test('case 34: a cooldown of one is a cooldown of both', () => {
    const resting = stateOf({ type: 'RecipientCooledDown', at: noon, scope: 'all', until: end, code: '131026' });
    given(wrote(noon), takenOver(resting)).when(intentOf()).at(after(1)).thenRefused('recipient-cooldown');
  });

  test('case 33: an opt-out that was confirmed to one is confirmed to both', () => {
    const stopped = given(wrote(noon, { personal: { text: 'stop' } }));
    const confirmation = intentOf({ purpose: 'opt-out-confirmation' });
    const confirmed = stopped.and(stopped.when(confirmation).at(after(1)).thenAuthorised()).situation(noon).customer;
    const again = intentOf({ purpose: 'opt-out-confirmation', intentId: 'i-2' });
    stopped.when(again).at(after(2)).thenAuthorised();
    stopped.and(takenOver(confirmed)).when(again).at(after(2)).thenRefused('opted-out');
  });

  test('case 23: of an intent decided on both, what may be with the provider stays, with an ordinal of its own', () => {
    const theirs = stateOf(wrote(noon), optedIn(noon), authorised, started);
    const ours = [wrote(noon), optedIn(noon), { ...authorised, ordinal: 4 }] as const;
    const open = stateOf(...ours, takenOver(theirs)).intents['i-1'];
    expect(open).toMatchObject({ status: 'started', claim: 'c-1', ordinal: 4 });
    const other = stateOf(wrote(noon), optedIn(noon), authorised, started, takenOver(stateOf(...ours)));
    expect(other.intents['i-1']).toMatchObject({ status: 'started', claim: 'c-1', ordinal: 4 });
  });

  test('case 23: both of two templates that went out use slots', () => {
    const later = given(wrote(noon), optedIn(noon))
      .when(templateIntent())
      .at(after(31 * HOUR_MS))
      .thenAuthorised();
    const both = given(wrote(noon), optedIn(noon), authorised, takenOver(stateOf(wrote(noon), optedIn(noon), later)));
    const next = templateIntent({ intentId: 'i-2' });
    const at = after(32 * HOUR_MS);
    both
      .accountWith(policyOf({ slots: 2 }))
      .when(next)
      .at(at)
      .thenRefused('awaiting-reply');
    both
      .accountWith(policyOf({ slots: 3 }))
      .when(next)
      .at(at)
      .thenAuthorised();
  });
});

describe('a changed number', () => {
  const old = stateOf(wrote(noon), optedIn(noon), authorised);

  test('case 22: brings neither window nor consent', () => {
    const changed = given(takenOver(old, terms('this')));
    changed
      .when(intentOf({ intentId: 'i-2' }))
      .at(after(1))
      .thenRefused('window-closed');
    changed
      .when(templateIntent({ intentId: 'i-2' }))
      .at(after(1))
      .thenRefused('not-opted-in');
  });
  test('case 22: brings consent where the policy says so', () => {
    const changed = given(takenOver(old, terms('this', true)));
    changed
      .when(templateIntent({ intentId: 'i-2' }))
      .at(after(1))
      .thenAuthorised({ rule: '12' });
    changed
      .when(intentOf({ intentId: 'i-2' }))
      .at(after(1))
      .thenRefused('window-closed');
  });
});
