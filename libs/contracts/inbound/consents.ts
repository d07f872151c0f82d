import { consentScopes, type ConsentScope } from '#domain/consent';
import type { Instant } from '#domain/time';
import { aliasesOf, CustomerDto, type CustomerAliases } from './customer.js';
import { Account, Id, Nested, OneOf, Says, Time } from './fields.js';
import { instantFrom } from './instants.js';

export class ConsentDto {
  @Account() account: string;
  @Nested(() => CustomerDto) customer: CustomerDto;
  @OneOf(consentScopes) scope: ConsentScope;
  @OneOf(['opted-in', 'opted-out']) status: 'opted-in' | 'opted-out';
  @Says("The source's time.")
  @Time()
  at: string;
  @Says('Where the customer said so: a form, a shop, a provider.')
  @Id()
  source: string;
  @Says('What proves it, in the source.')
  @Id()
  reference: string;
}

export interface ConsentGiven {
  readonly account: string;
  readonly customer: CustomerAliases;
  readonly scope: ConsentScope;
  readonly status: 'in' | 'out';
  readonly at: Instant;
  readonly source: string;
  readonly reference: string;
}

export const toConsent = (dto: ConsentDto): ConsentGiven => ({
  account: dto.account,
  customer: aliasesOf(dto.customer),
  scope: dto.scope,
  status: dto.status === 'opted-in' ? 'in' : 'out',
  at: instantFrom(dto.at),
  source: dto.source,
  reference: dto.reference,
});
