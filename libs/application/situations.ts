import { allowanceAt, billingMonth, initialAccount, type AccountState } from '#domain/account';
import type { Situation } from '#domain/gate/context';
import type { Customer } from './customer.js';
import type { Directory } from './directory.js';
import type { Clock } from './ports/clock.js';
import type { CustomerKey, ReadModel } from './ports/read-model.js';

export { after } from '#domain/gate/context';

export type SituationOf = (customer: Customer) => Situation;

/** Puts together what the decisions of one batch stand on, looked up once for all of it. */
export class Situations {
  constructor(
    private readonly directory: Directory,
    private readonly readModel: Pick<ReadModel, 'activeUsers'>,
    private readonly clock: Clock,
  ) {}

  /** The returned function reads the clock at each call: a decision taken again is taken at a later instant. */
  async of(keys: readonly CustomerKey[]): Promise<SituationOf> {
    const accounts = [...new Set(keys.map(({ account }) => account))];
    const unknown = accounts.filter((account) => this.directory.account(account) === undefined);
    if (unknown.length > 0) await this.directory.refreshAccounts(unknown);
    const users = await this.#activeUsers(accounts);
    return (customer) => ({
      now: this.clock.now(),
      customer: customer.state,
      customerRevision: customer.revision,
      account: this.#account(customer.account),
      template: (name, language) => this.directory.template(customer.account, name, language),
      activeUsers: users.get(customer.account) ?? { users: 0 },
    });
  }

  #account(account: string): AccountState {
    return this.directory.account(account) ?? initialAccount(account);
  }

  /** Counts only where an allowance makes them matter (rule 13). */
  async #activeUsers(accounts: readonly string[]): Promise<ReadonlyMap<string, Situation['activeUsers']>> {
    const now = this.clock.now();
    const months = accounts.flatMap((account) => {
      const state = this.#account(account);
      return allowanceAt(state, now) === undefined ? [] : [{ account, month: billingMonth(state, now).month }];
    });
    if (months.length === 0) return new Map();
    const { users, position } = await this.readModel.activeUsers(months);
    return new Map(months.map(({ account }, index) => [account, { users: users[index] ?? 0, position }]));
  }
}
