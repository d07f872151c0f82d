import { billingMonth, type AccountState } from './account.js';
import type { Month } from './calendar.js';
import type { CustomerEvent } from './gate/events.js';
import type { Policy } from './policy.js';
import type { Instant } from './time.js';

/** When, if at all, the event makes its customer active (rules §9). */
type MauRule = (event: CustomerEvent) => Instant | undefined;

/** The counting rules by version: pluggable, and each count names the one it used. */
const mauRules: Record<Policy['mauRule'], MauRule> = {
  // Authored by the customer, or sent and confirmed delivered, by the provider's time.
  'sent-or-received-v1': (event) => {
    switch (event.type) {
      case 'CustomerMessageReceived':
        return event.authored ? event.at : undefined;
      case 'MessageDelivered':
      case 'MessageRead':
        return event.at;
      default:
        return undefined;
    }
  },
};

/** The month in which the event counts its customer, in the account's billing zone of that time (case 26). */
export const countsIn = (
  event: CustomerEvent,
  account: AccountState,
  rule: Policy['mauRule'],
): { readonly month: Month; readonly at: Instant } | undefined => {
  const at = mauRules[rule](event);
  return at === undefined ? undefined : { month: billingMonth(account, at).month, at };
};
