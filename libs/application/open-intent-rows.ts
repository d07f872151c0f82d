import { wakesAt } from '#domain/gate/permit';
import { openIntent } from '#domain/gate/state';
import type { Instant } from '#domain/time';
import type { CustomerKey, IntentKey, OpenIntentRow } from './ports/read-model.js';

type Situation = Parameters<typeof wakesAt>[1];

export interface ChangedIntents {
  /** That were not open before. */
  readonly begun: OpenIntentRow[];
  readonly openIntents: OpenIntentRow[];
  readonly closed: IntentKey[];
}

/**
 * Takes what became of a customer's open intents, and of the instants at which they wake. A permit that is still the
 * same object wakes as it did: nothing but the customer's own events moves it. What is held or on its way wakes by the
 * time and the policy too, and is looked at each time.
 */
export const takeIntents = (
  changed: ChangedIntents,
  { account, customer }: CustomerKey,
  before: Situation['customer'],
  situation: Situation,
  now: Instant,
): void => {
  const after = situation.customer;
  const isSameStream = after.survivor === before.survivor;
  for (const intentId in after.intents) {
    const open = openIntent(after, intentId);
    const known = openIntent(before, intentId);
    if (open === undefined || (open === known && isSameStream && open.status === 'authorised')) continue;
    const row = { account, customer, intentId, open, wakeAt: wakesAt(open, situation, now) ?? null };
    (known === undefined ? changed.begun : changed.openIntents).push(row);
  }
  for (const intentId in before.intents) {
    if (openIntent(after, intentId) === undefined) changed.closed.push({ account, customer, intentId });
  }
};
