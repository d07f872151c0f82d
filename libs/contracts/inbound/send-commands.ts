import type { Instant } from '#domain/time';
import { Account, Count, Id, Says, Time } from './fields.js';
import { instantFrom } from './instants.js';

/** An authorisation to act on. It says where to look: what may be sent, and whether it still may, is in the stream. */
export class SendCommandDto {
  @Account() account: string;
  @Says("The customer's id, as in the name of the stream.")
  @Id()
  customer: string;
  @Id(128) intentId: string;
  @Count(1, Number.MAX_SAFE_INTEGER) ordinal: number;
  @Id(64) sender: string;
  @Time() validUntil: string;
  @Says("The revision of the authorisation in the customer's stream.")
  @Count(0, Number.MAX_SAFE_INTEGER)
  revision: number;
}

export interface SendCommand {
  readonly account: string;
  readonly customer: string;
  readonly intentId: string;
  readonly ordinal: number;
  readonly sender: string;
  readonly validUntil: Instant;
  readonly revision: number;
}

export const toSendCommand = (dto: SendCommandDto): SendCommand => ({
  account: dto.account,
  customer: dto.customer,
  intentId: dto.intentId,
  ordinal: dto.ordinal,
  sender: dto.sender,
  validUntil: instantFrom(dto.validUntil),
  revision: dto.revision,
});
