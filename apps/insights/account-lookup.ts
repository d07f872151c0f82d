import { Injectable } from '@nestjs/common';
import { InfrastructureError } from '#application/errors';
import { ReadModel } from '#application/ports/read-model';
import type { AccountState } from '#domain/account';

@Injectable()
export class AccountLookup {
  constructor(private readonly readModel: ReadModel) {}

  /** @throws InfrastructureError `account-unknown` */
  async named(account: string): Promise<AccountState> {
    const row = (await this.readModel.accounts()).find(({ state }) => state.account === account && state.registered);
    if (row !== undefined) return row.state;
    throw new InfrastructureError(
      'account-unknown',
      'The account is not registered. Register it on the accounts topic first.',
      { field: 'account' },
    );
  }
}
