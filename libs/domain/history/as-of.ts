import { allowanceAt, billingMonth, policyAt, type AccountState } from '../account.js';
import { consentFor, templateCategories, type Consents, type TemplateCategory } from '../consent.js';
import { slotsUsed } from '../gate/context.js';
import type { CustomerEvent } from '../gate/events.js';
import { fold } from '../gate/evolve.js';
import { initialCustomer, type OpenIntent } from '../gate/state.js';
import { countsIn } from '../mau.js';
import { policyVersion } from '../policy.js';
import { categoryAt, type TemplateState, type TemplateStatus } from '../template.js';
import type { Instant } from '../time.js';
import { isOpen, windowEnd } from '../window.js';

/** An event of the log with both of its times: when it was true (`event.at`) and since when it is known. */
export interface Timed<Event extends { readonly at: Instant }> {
  readonly id: string;
  readonly stream: string;
  readonly revision: number;
  readonly recordedAt: Instant;
  readonly event: Event;
}

/** `true-then`: facts with `at ≤ T`, whenever recorded. `known-then`: facts recorded at or before T. */
export type View = 'true-then' | 'known-then';

export const upTo = <Event extends { readonly at: Instant }>(
  events: readonly Timed<Event>[],
  at: Instant,
  view: View,
): readonly Timed<Event>[] =>
  events.filter(({ event, recordedAt }) => (view === 'true-then' ? event.at : recordedAt) <= at);

export interface WindowPicture {
  readonly openerAt?: Instant | undefined;
  readonly end?: Instant | undefined;
  readonly open: boolean;
  readonly slotsUsed: number;
}

/** What held for one customer at an instant. */
export interface Picture {
  readonly windows: { readonly [sender: string]: WindowPicture };
  readonly consents: Consents;
  /** The consent that counts for each category (rules §4). */
  readonly optedIn: { readonly [category in TemplateCategory]?: 'in' | 'out' };
  readonly intents: { readonly [intentId: string]: OpenIntent['status'] };
  readonly templates: { readonly [template: string]: TemplatePicture };
  /** Whether the customer counts as active in the month of the instant, and by which fact (rules §9). */
  readonly mau: {
    readonly month: string;
    readonly active: boolean;
    readonly firstAt?: Instant;
    readonly firstId?: string;
  };
  readonly policy: string;
  readonly allowance?: number | undefined;
  /** This alias was linked: the survivor's stream goes on (rules §11). */
  readonly survivor?: string | undefined;
}

export interface TemplatePicture {
  readonly status?: TemplateStatus | undefined;
  readonly category?: TemplateCategory | undefined;
}

/**
 * @param events the customer's, of one view
 * @param others those of the aliases it took over: a fact of theirs made it active too
 * @param templates their states in the same view, by `name/language`
 */
export const pictureAt = (
  at: Instant,
  events: readonly Timed<CustomerEvent>[],
  others: readonly Timed<CustomerEvent>[],
  account: AccountState,
  templates: ReadonlyMap<string, TemplateState>,
): Picture => {
  const state = fold(
    events.map(({ event }) => event),
    initialCustomer,
  );
  const policy = policyAt(account, at);
  const windows = Object.entries(state.windows).map(([sender, window]): [string, WindowPicture] => {
    const end = windowEnd(window);
    return [
      sender,
      {
        openerAt: window.openerAt,
        end,
        open: isOpen(window, at, policy),
        slotsUsed: slotsUsed(state, sender, end, policy),
      },
    ];
  });
  return {
    windows: Object.fromEntries(windows),
    consents: state.consents,
    optedIn: Object.fromEntries(
      templateCategories.map((category) => [category, consentFor(state.consents, category)?.status]),
    ),
    intents: Object.fromEntries(Object.entries(state.intents).map(([intentId, { status }]) => [intentId, status])),
    templates: Object.fromEntries(
      [...templates].map(([name, template]) => [name, { status: template.status, category: categoryAt(template, at) }]),
    ),
    mau: activityAt(at, [...events, ...others], account),
    policy: policyVersion(policy),
    allowance: allowanceAt(account, at),
    survivor: state.survivor,
  };
};

const activityAt = (at: Instant, events: readonly Timed<CustomerEvent>[], account: AccountState): Picture['mau'] => {
  const { month } = billingMonth(account, at);
  const rule = policyAt(account, at).mauRule;
  let first: { readonly firstAt: Instant; readonly firstId: string } | undefined;
  for (const { id, event } of events) {
    const counted = countsIn(event, account, rule);
    if (counted?.month !== month || counted.at > at) continue;
    if (first === undefined || counted.at < first.firstAt) first = { firstAt: counted.at, firstId: id };
  }
  return { month, active: first !== undefined, ...first };
};
