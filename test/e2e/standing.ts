import type { Database } from '#adapters/postgres/database';
import { PostgresReadModel } from '#adapters/postgres/postgres-read-model';
import { CustomerIdentity } from '#application/customer-identity';
import type { CustomerKey, DecisionRow } from '#application/ports/read-model';
import type { Wish } from './platform-load.js';

export type Standing = Pick<DecisionRow, 'outcome' | 'delivery' | 'position'>;

const AT_ONCE = 1_000;

/** What the read model knows of each wish, by whatever names its person has come to be known. */
export const standingOf = async (
  database: Database,
  identityKey: string,
  wishes: readonly Wish[],
): Promise<ReadonlyMap<Wish, Standing>> => {
  const readModel = new PostgresReadModel(database);
  const identity = new CustomerIdentity(Buffer.from(identityKey, 'hex'));
  const found = new Map<Wish, Standing>();
  for (let from = 0; from < wishes.length; from += AT_ONCE) {
    const some = wishes.slice(from, from + AT_ONCE);
    const keys = some.map(({ person: { account, phone } }): CustomerKey => {
      return { account, customer: identity.customerOf(account, { phone }) };
    });
    const idsOf = await namesOf(readModel, keys);
    const asked = some.flatMap(({ intentId }, index) => (idsOf[index] ?? []).map((key) => ({ ...key, intentId })));
    const rows = new Map<string, DecisionRow>();
    for (const row of await readModel.decisions(asked)) rows.set(JSON.stringify([row.customer, row.intentId]), row);
    some.forEach((wish, index) => {
      for (const { customer } of idsOf[index] ?? []) {
        const row = rows.get(JSON.stringify([customer, wish.intentId]));
        if (row !== undefined && row.position > (found.get(wish)?.position ?? -1)) found.set(wish, row);
      }
    });
  }
  return found;
};

/** Of each customer the ids that it has, its own and those of whom it was linked with. */
const namesOf = async (
  readModel: PostgresReadModel,
  keys: readonly CustomerKey[],
): Promise<readonly (readonly CustomerKey[])[]> => {
  const all = keys.map((key) => new Map([[key.customer, key]]));
  let walking = keys.map((key, index) => ({ key, index }));
  while (walking.length > 0) {
    const rows = await readModel.customers(walking.map(({ key }) => key));
    const byId = new Map(rows.map((row) => [`${row.account}/${row.customer}`, row]));
    walking = walking.flatMap(({ key: { account, customer }, index }) => {
      const { survivor, aliases = [] } = byId.get(`${account}/${customer}`)?.state ?? {};
      for (const alias of aliases) all[index]?.set(alias, { account, customer: alias });
      if (survivor === undefined || all[index]?.has(survivor) === true) return [];
      all[index]?.set(survivor, { account, customer: survivor });
      return [{ key: { account, customer: survivor }, index }];
    });
  }
  return all.map((ids) => [...ids.values()]);
};
