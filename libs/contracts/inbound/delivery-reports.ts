import type { Instant } from '#domain/time';
import { aliasesOf, CustomerDto, type CustomerAliases } from './customer.js';
import { Account, Id, Nested, OneOf, Optional, Says, Text, Time } from './fields.js';
import { instantFrom } from './instants.js';

const statuses = ['sent', 'delivered', 'read', 'failed'] as const;
export type DeliveryStatus = (typeof statuses)[number];

export class DeliveryErrorDto {
  @Says("The provider's code.")
  @Id(128)
  code: string;
  @Optional() @Text(1024) title?: string;
  @Says("The platform's own code, where another provider stands in between.")
  @Optional()
  @Id(128)
  channelCode?: string;
}

export class DeliveryReportDto {
  @Account() account: string;
  @Id(64) provider: string;
  @Optional() @Id(64) sender?: string;
  @Optional() @Nested(() => CustomerDto) customer?: CustomerDto;
  @Id() providerMessageId: string;
  @OneOf(statuses) status: DeliveryStatus;
  @Says("The provider's time.")
  @Time()
  at: string;
  @Says('What we gave the provider with the call.')
  @Optional()
  @Id(512)
  correlation?: string;
  @Optional() @Nested(() => DeliveryErrorDto) error?: DeliveryErrorDto;
}

export interface DeliveryReport {
  readonly account: string;
  readonly provider: string;
  readonly sender?: string | undefined;
  readonly customer?: CustomerAliases | undefined;
  readonly providerMessageId: string;
  readonly status: DeliveryStatus;
  readonly at: Instant;
  readonly correlation?: string | undefined;
  readonly error?:
    | { readonly code: string; readonly title?: string | undefined; readonly channelCode?: string | undefined }
    | undefined;
}

export const toDeliveryReport = (dto: DeliveryReportDto): DeliveryReport => ({
  account: dto.account,
  provider: dto.provider,
  sender: dto.sender,
  customer: dto.customer === undefined ? undefined : aliasesOf(dto.customer),
  providerMessageId: dto.providerMessageId,
  status: dto.status,
  at: instantFrom(dto.at),
  correlation: dto.correlation,
  error:
    dto.error === undefined
      ? undefined
      : { code: dto.error.code, title: dto.error.title, channelCode: dto.error.channelCode },
});
