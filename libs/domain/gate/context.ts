import { allowanceAt, billingMonth, policyAt, zoneAt, type AccountState } from '../account.js';
import { consentFor, consentScopes, leastConsent, optOuts, type Consent, type TemplateCategory } from '../consent.js';
import type { Policy } from '../policy.js';
import { categoryAt, type TemplateState } from '../template.js';
import type { Instant } from '../time.js';
import { isOpen, windowEnd } from '../window.js';
import type { CostEffect, CustomerEvent, Evidence } from './events.js';
import { fold } from './evolve.js';
import type { SendIntent, TemplateContent } from './intent.js';
import { openIntent, type CustomerState } from './state.js';

/** All that a decision stands on. What is not in here cannot influence it. */
export interface Situation {
  readonly now: Instant;
  readonly customer: CustomerState;
  /** Revision of the customer's stream that `customer` is the fold of. */
  readonly customerRevision: number;
  readonly account: AccountState;
  /** The template as known now; undefined when it never was. */
  readonly template: (name: string, language: string) => TemplateState | undefined;
  /** Active users of the account's current month as counted up to a position of the log (rule 13). */
  readonly activeUsers: { readonly users: number; readonly position?: number | undefined };
}

/** The situation for the next decision of the same append. */
export const after = (situation: Situation, events: readonly CustomerEvent[]): Situation => ({
  now: situation.now,
  customer: fold(events, situation.customer),
  customerRevision: situation.customerRevision + events.length,
  account: situation.account,
  template: situation.template,
  activeUsers: situation.activeUsers,
});

/** One content under judgement, with what the rules ask of it looked up once. */
export interface Judged {
  readonly situation: Situation;
  readonly now: Instant;
  readonly policy: Policy;
  readonly intent: SendIntent;
  readonly template: TemplateContent | undefined;
  readonly known: TemplateState | undefined;
  readonly category: TemplateCategory | undefined;
  readonly consent: Consent | undefined;
  readonly end: Instant | undefined;
  readonly open: boolean;
  /** Another sender of the account whose window is open, to name it in a refusal (rule 7, case 18). */
  readonly openSender: string | undefined;
  readonly slotsUsed: number;
  readonly expiresAt: Instant | undefined;
}

/** The situation as it counts for a number that was given up: the window and the opt-ins are those of another (case 22). */
const ofFormer = (situation: Situation, policy: Policy): Situation => {
  const { consents } = situation.customer;
  const kept = policy.changedNumberKeepsConsent ? consents : optOuts(consents);
  return { ...situation, customer: { ...situation.customer, windows: {}, consents: kept } };
};

export const judged = (known: Situation, intent: SendIntent, template: TemplateContent | undefined): Judged => {
  const { now, account } = known;
  const policy = policyAt(account, now);
  const situation = intent.former === true ? ofFormer(known, policy) : known;
  const { customer } = situation;
  const window = customer.windows[intent.sender];
  const end = windowEnd(window);
  const open = isOpen(window, now, policy);
  const asKnown = template === undefined ? undefined : situation.template(template.name, template.language);
  const category = asKnown === undefined ? undefined : categoryAt(asKnown, now);
  return {
    situation,
    now,
    policy,
    intent,
    template,
    known: asKnown,
    category,
    consent:
      category !== undefined
        ? consentFor(customer.consents, category)
        : asKnown === undefined
          ? customer.consents.all
          : leastConsent(customer.consents),
    end,
    open,
    openSender: open ? undefined : openSender(customer, intent.sender, now, policy),
    slotsUsed: slotsUsed(customer, intent.sender, end, policy),
    expiresAt: openIntent(customer, intent.intentId)?.expiresAt ?? intent.expiresAt,
  };
};

/** Templates authorised by rule 12 since the window closed as the gate knows closed, margin included (ADR 0004). */
export const slotsUsed = (
  customer: CustomerState,
  sender: string,
  end: Instant | undefined,
  policy: Policy,
): number => {
  if (end === undefined || customer.slots.length === 0) return 0;
  let used = 0;
  for (const slot of customer.slots) {
    if (slot.sender === sender && slot.outcome !== 'failed' && slot.at + policy.marginMs >= end) used += 1;
  }
  return used;
};

const openSender = (customer: CustomerState, own: string, now: Instant, policy: Policy): string | undefined => {
  for (const sender in customer.windows) {
    if (sender !== own && isOpen(customer.windows[sender], now, policy)) return sender;
  }
  return undefined;
};

/** What a send would add to the month's bill: a prediction (rules §6). */
export const costOf = ({ now, customer, account, activeUsers }: Situation): CostEffect => {
  if (isActive(customer, account, now)) return 'included';
  const allowance = allowanceAt(account, now);
  return allowance !== undefined && activeUsers.users + 1 > allowance ? 'over-allowance' : 'new-active-user';
};

/** Whether the customer counts in the current month already, in the zone of each instant (rules §9). */
const isActive = ({ lastActiveAt }: CustomerState, account: AccountState, now: Instant): boolean => {
  if (lastActiveAt === undefined) return false;
  const { month, from, until } = billingMonth(account, now);
  // Across a change of zone the month's bounds are those of one zone, and the activity was counted in another's.
  return account.zones.length > 1
    ? billingMonth(account, lastActiveAt).month === month
    : lastActiveAt >= from && lastActiveAt < until;
};

export const accountZone = ({ situation, now }: Judged): string => zoneAt(situation.account, now);

const consentEvidence = ({ consent, situation: { customer } }: Judged): Evidence['consent'] => {
  if (consent === undefined) return undefined;
  const { consents } = customer;
  const scope = consents.all === consent ? 'all' : consentScopes.find((one) => consents[one] === consent);
  return { status: consent.status, scope: scope ?? 'all', at: consent.at };
};

export const evidenceOf = (j: Judged): Evidence => ({
  customerRevision: j.situation.customerRevision,
  accountRevision: j.situation.account.revision,
  templateRevision: j.known?.revision,
  mauPosition: j.situation.activeUsers.position,
  windowEnd: j.end,
  openSender: j.openSender,
  consent: consentEvidence(j),
  templateStatus: j.known?.status,
  slotsUsed: j.template === undefined ? undefined : j.slotsUsed,
});
