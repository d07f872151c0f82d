import type { CustomerKey, IntentKey } from './ports/read-model.js';

// Keys as text, for maps.

export const customerId = ({ account, customer }: CustomerKey): string => `${account}/${customer}`;
export const intentKeyId = ({ account, customer, intentId }: IntentKey): string => `${account}/${customer}/${intentId}`;
