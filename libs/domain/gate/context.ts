import { allowanceAt, billingMonth, policyAt, zoneAt, type AccountState } from '../account.js';
import { consentFor, type Consent, type ConsentScope, type TemplateCategory } from '../consent.js';
import type { Policy } from '../policy.js';
import { categoryAt, type TemplateState } from '../template.js';
import type { Instant } from '../time.js';
import { isOpen, windowEnd } from '../window.js';
import type { CostEffect, Evidence } from './events.js';
import type { SendIntent, TemplateContent } from './intent.js';
import type { CustomerState } from './state.js';

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
  readonly slotsUsed: number;
  readonly expiresAt: Instant | undefined;
}

export const judged = (situation: Situation, intent: SendIntent, template: TemplateContent | undefined): Judged => {
  const { now, customer, account } = situation;
  const policy = policyAt(account, now);
  const window = customer.windows[intent.sender];
  const end = windowEnd(window);
  const known = template === undefined ? undefined : situation.template(template.name, template.language);
  const category = known === undefined ? undefined : categoryAt(known, now);
  return {
    situation,
    now,
    policy,
    intent,
    template,
    known,
    category,
    consent: category === undefined ? customer.consents.all : consentFor(customer.consents, category),
    end,
    open: isOpen(window, now, policy),
    slotsUsed: slotsUsed(customer, intent.sender, end, policy),
    expiresAt: customer.intents[intent.intentId]?.expiresAt ?? intent.expiresAt,
  };
};

/** Templates authorised by rule 12 since the window closed as the gate knows closed, margin included (ADR 0004). */
const slotsUsed = (customer: CustomerState, sender: string, end: Instant | undefined, policy: Policy): number => {
  if (end === undefined || customer.slots.length === 0) return 0;
  let used = 0;
  for (const slot of customer.slots) if (slot.sender === sender && slot.at + policy.marginMs >= end) used += 1;
  return used;
};

/** Another sender of the account whose window is open, to name it in a refusal (rule 7, case 18). */
export const openSender = ({ situation, intent, policy, now }: Judged): string | undefined => {
  for (const sender in situation.customer.windows) {
    if (sender !== intent.sender && isOpen(situation.customer.windows[sender], now, policy)) return sender;
  }
  return undefined;
};

/** What a send would add to the month's bill: a prediction (rules §6). */
export const costOf = ({ now, customer, account, activeUsers }: Situation): CostEffect => {
  const { from } = billingMonth(account, now);
  if (customer.lastActiveAt !== undefined && customer.lastActiveAt >= from) return 'included';
  const allowance = allowanceAt(account, now);
  return allowance !== undefined && activeUsers.users + 1 > allowance ? 'over-allowance' : 'new-active-user';
};

export const accountZone = ({ situation, now }: Judged): string => zoneAt(situation.account, now);

const scopeOf = (customer: CustomerState, consent: Consent): ConsentScope => {
  for (const scope in customer.consents) {
    if (customer.consents[scope as ConsentScope] === consent) return scope as ConsentScope;
  }
  return 'all';
};

export const evidenceOf = (j: Judged): Evidence => ({
  customerRevision: j.situation.customerRevision,
  accountRevision: j.situation.account.revision,
  templateRevision: j.known?.revision,
  mauPosition: j.situation.activeUsers.position,
  windowEnd: j.end,
  openSender: j.open ? undefined : openSender(j),
  consent:
    j.consent === undefined
      ? undefined
      : { status: j.consent.status, scope: scopeOf(j.situation.customer, j.consent), at: j.consent.at },
  templateStatus: j.known?.status,
  slotsUsed: j.template === undefined ? undefined : j.slotsUsed,
});
