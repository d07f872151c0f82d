import { Injectable } from '@nestjs/common';
import { CustomerIdentity } from '#application/customer-identity';
import { InfrastructureError } from '#application/errors';
import { ReadModel, type CustomerRow } from '#application/ports/read-model';

const isPhone = (named: string): boolean => /^\+[1-9][0-9]{5,14}$/.test(named);

/** Finds the person that a path names: `+` and E.164 digits, a customer id, or else the provider's id of the person. */
@Injectable()
export class CustomerLookup {
  constructor(
    private readonly readModel: ReadModel,
    private readonly identity: CustomerIdentity,
  ) {}

  /** The customer's ids: a person that several aliases name has as many (rules §11). */
  async idsOf(account: string, named: string): Promise<readonly string[]> {
    const rows = await this.#rows(account, named);
    const ids = [this.idOf(account, named), ...rows.map(({ customer }) => customer)];
    return [...new Set([...ids, ...(rows.at(-1)?.state.aliases ?? [])])];
  }

  /** @throws InfrastructureError `not-found` */
  async current(account: string, named: string): Promise<CustomerRow> {
    const row = (await this.#rows(account, named)).at(-1);
    if (row !== undefined) return row;
    const hint = isPhone(`+${named}`) ? ' Write a phone number with its plus.' : '';
    throw new InfrastructureError('not-found', `${account} has no such customer: nothing was heard of it yet.${hint}`, {
      field: 'customer',
    });
  }

  /**
   * The id that the path names, which a link may have closed since.
   * @throws InfrastructureError `message-invalid` for a plus without E.164 digits
   */
  idOf(account: string, named: string): string {
    if (named.startsWith('+')) {
      if (isPhone(named)) return this.identity.customerOf(account, { phone: named });
      throw new InfrastructureError('message-invalid', 'Write a phone number as a plus and its 6 to 15 E.164 digits.', {
        field: 'customer',
      });
    }
    return /^[\w-]{26}$/.test(named) ? named : this.identity.customerOf(account, { userId: named });
  }

  async #rows(account: string, named: string): Promise<readonly CustomerRow[]> {
    const rows: CustomerRow[] = [];
    let customer: string | undefined = this.idOf(account, named);
    while (customer !== undefined && rows.every((row) => row.customer !== customer)) {
      const [row]: readonly CustomerRow[] = await this.readModel.customers([{ account, customer }]);
      if (row !== undefined) rows.push(row);
      customer = row?.state.survivor;
    }
    return rows;
  }
}
