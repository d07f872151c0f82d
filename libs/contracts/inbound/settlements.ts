import type { Settlement } from '#domain/gate/outcome';
import { aliasesOf, KnownCustomerDto, type CustomerAliases } from './customer.js';
import { Account, Id, Nested, OneOf, Optional, Says } from './fields.js';

const outcomes = ['delivered', 'failed'] as const;

/** What a person found out about an unknown outcome (rules §7). */
export class SettlementTermsDto {
  @Says('`delivered`: the customer has the message. `failed`: it never went, and a new intent may be sent.')
  @OneOf(outcomes)
  outcome: (typeof outcomes)[number];
  @Says('Who says so, for the record.')
  @Id(128)
  settledBy: string;
  @Says("The provider's id of the message, if it is known.")
  @Optional()
  @Id()
  providerMessageId?: string;
}

export class SettlementDto extends SettlementTermsDto {
  @Account() account: string;
  @Nested(() => KnownCustomerDto) customer: KnownCustomerDto;
  @Id(128) intentId: string;
}

export interface SettlementRequested {
  readonly account: string;
  /** The customer's id, or aliases of the customer. */
  readonly customer: string | CustomerAliases;
  readonly intentId: string;
  readonly settlement: Settlement;
}

export const toSettlement = (dto: SettlementDto): SettlementRequested => ({
  account: dto.account,
  customer: dto.customer.id ?? aliasesOf(dto.customer),
  intentId: dto.intentId,
  settlement: { outcome: dto.outcome, settledBy: dto.settledBy, providerMessageId: dto.providerMessageId },
});
