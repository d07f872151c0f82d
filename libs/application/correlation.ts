import type { IntentKey } from './ports/read-model.js';

/** What the provider carries for us and gives back with each report; an intent's id may itself hold a slash. */
export const correlationOf = ({ account, customer, intentId }: IntentKey): string =>
  `${account}/${customer}/${intentId}`;

/** Undefined for what another system correlates by. */
export const intentOf = (correlation: string): IntentKey | undefined => {
  const [, account, customer, intentId] = /^([^/]+)\/([^/]+)\/(.+)$/u.exec(correlation) ?? [];
  return account === undefined || customer === undefined || intentId === undefined
    ? undefined
    : { account, customer, intentId };
};
