import type { CustomerIdentity } from '../customer-identity.js';

/** The customer's id that a person means by `+` and E.164 digits, an id, or else the provider's id of the person. */
export const customerNamed = (named: string, account: string, identity: CustomerIdentity): string => {
  if (/^\+[0-9]+$/.test(named)) return identity.customerOf(account, { phone: named });
  return /^[\w-]{26}$/.test(named) ? named : identity.customerOf(account, { userId: named });
};
