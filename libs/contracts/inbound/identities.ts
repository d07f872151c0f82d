import type { Instant } from '#domain/time';
import { aliasesOf, CustomerDto, type CustomerAliases } from './customer.js';
import { Account, Id, Nested, OneOf, Optional, Says, Time } from './fields.js';
import { instantFrom, optionalInstant } from './instants.js';

/**
 * `same`: all aliases are one living person. `changed`: the person gave up the other ones for these, so that the old
 * and the new number are never one live identity (rules §11).
 */
export const identityRelations = ['same', 'changed'] as const;
export type IdentityRelation = (typeof identityRelations)[number];

/** What a provider says of who is who. It opens nothing and counts for nothing. */
export class IdentityDto {
  @Account() account: string;
  @Id(64) provider: string;
  @Says('The person as known from now on.')
  @Nested(() => CustomerDto)
  customer: CustomerDto;
  @Says("The same person's other aliases, or the former ones.")
  @Nested(() => CustomerDto)
  other: CustomerDto;
  @Says('`same`: all aliases are one living person. `changed`: the person gave up the other ones for these.')
  @OneOf(identityRelations)
  relation: IdentityRelation;
  @Says("The provider's time.")
  @Time()
  at: string;
  @Says('What proves it, at the provider: a message, a notification.')
  @Id()
  reference: string;
  @Optional() @Time() receivedAt?: string;
}

export interface IdentityTold {
  readonly account: string;
  readonly provider: string;
  readonly customer: CustomerAliases;
  readonly other: CustomerAliases;
  readonly relation: IdentityRelation;
  readonly at: Instant;
  readonly reference: string;
  readonly receivedAt?: Instant | undefined;
}

export const toIdentity = (dto: IdentityDto): IdentityTold => ({
  account: dto.account,
  provider: dto.provider,
  customer: aliasesOf(dto.customer),
  other: aliasesOf(dto.other),
  relation: dto.relation,
  at: instantFrom(dto.at),
  reference: dto.reference,
  receivedAt: optionalInstant(dto.receivedAt),
});
