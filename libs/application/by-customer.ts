import type { CustomerEvent } from '#domain/gate/events';
import type { Situation } from '#domain/gate/context';
import { factIds, type Change, type Customer } from './customer.js';
import type { Customers } from './customers.js';
import type { EventMetadata } from './ports/event-store.js';
import type { CustomerKey } from './ports/read-model.js';
import { after, type SituationOf } from './situations.js';

/** So much of one customer goes into one append: it stays far below the store's limit. */
const PER_APPEND = 50;

/** An item with its place among all that were given. */
export type Placed<T> = T & { readonly index: number };

/** By customer, at most `PER_APPEND` of each in one round. */
export const rounds = <T extends CustomerKey>(items: readonly T[]): readonly (readonly (readonly Placed<T>[])[])[] => {
  const groups = new Map<string, Placed<T>[]>();
  items.forEach((item, index) => {
    const key = `${item.account}/${item.customer}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [{ ...item, index }]);
    else group.push({ ...item, index });
  });
  const all: (readonly Placed<T>[])[][] = [];
  for (const group of groups.values()) {
    for (let from = 0; from < group.length; from += PER_APPEND) {
      (all[from / PER_APPEND] ??= []).push(group.slice(from, from + PER_APPEND));
    }
  }
  return all;
};

/** The customers of the groups, as of now. */
export const loadFresh = async (
  customers: Customers,
  groups: readonly (readonly CustomerKey[])[],
): Promise<readonly Customer[]> =>
  // What changes nothing appends nothing, so only a fresh read can tell that nothing was missed.
  customers.readOn(await customers.load(groups.flatMap(([first]) => first ?? [])));

/** Whether the event is stored, comes earlier in the same append, or is among the ids that are known `elsewhere`. */
export type IsKnown = (event: CustomerEvent, elsewhere: ReadonlySet<string>) => boolean;

type Item = { readonly intentId?: string | undefined; readonly metadata?: EventMetadata };

/** Decides the items of each customer one after the other on the folded state: one append per customer. */
export const decideByCustomer = <T extends Item>(
  customers: Customers,
  loaded: readonly Customer[],
  groups: readonly (readonly T[])[],
  situationOf: SituationOf,
  decide: (item: T, now: Situation, isKnown: IsKnown) => readonly CustomerEvent[],
  /** A link has made another of the customer at that place: what was looked up by it is to be looked up again. */
  relinked: (customer: Customer, place: number) => Promise<void> = () => Promise.resolve(),
): Promise<readonly Customer[]> =>
  customers.run(
    loaded.map((one, place) => ({
      customer: one,
      relinked: (customer) => relinked(customer, place),
      decide: (customer): readonly Change[] => {
        let situation = situationOf(customer);
        const { recent } = customer;
        const before = new Set<string>();
        const isKnown: IsKnown = (event, elsewhere) => {
          const ids = factIds(customer, event);
          if (ids.some((id) => elsewhere.has(id) || recent.hasFact(id) || before.has(id))) return true;
          for (const id of ids) before.add(id);
          return false;
        };
        return (groups[place] ?? []).flatMap((item) => {
          const events = decide(item, situation, isKnown);
          if (events.length === 0) return [];
          situation = after(situation, events);
          const { intentId = '', metadata = { correlationId: intentId, causationId: intentId } } = item;
          return [{ events, metadata, state: situation.customer }];
        });
      },
    })),
  );
