import {
  callOutcomes,
  messageOrigins,
  messageTypes,
  type CallOutcome,
  type MessageOrigin,
  type MessageType,
} from '#domain/message';
import type { Instant } from '#domain/time';
import { aliasesOf, CustomerDto, type CustomerAliases } from './customer.js';
import { Account, Flag, Id, Nested, OneOf, Optional, Says, Text, Time } from './fields.js';
import { instantFrom, optionalInstant } from './instants.js';

export class MessageDto {
  @Account() account: string;
  @Id(64) provider: string;
  @Id(64) sender: string;
  @Nested(() => CustomerDto) customer: CustomerDto;
  @Id() messageId: string;
  @Says('Any string: a type that the gate does not know is `unknown`, which opens nothing and is alarmed.')
  @Id(64)
  type: string;
  @Optional() @OneOf(messageOrigins) origin?: MessageOrigin;
  @Says("The provider's time.")
  @Time()
  sentAt: string;
  @Optional() @Time() receivedAt?: string;
  @Says('`sentAt` is when the provider took the message: it did not tell when the customer sent it.')
  @Optional()
  @Flag()
  estimated?: boolean;
  @Optional() @Text(65_536) text?: string;
  @Optional() @Text(65_536) caption?: string;
  @Optional() @Text(256) profileName?: string;
}

export class CallDto {
  @Account() account: string;
  @Id(64) provider: string;
  @Id(64) sender: string;
  @Nested(() => CustomerDto) customer: CustomerDto;
  @Id() callId: string;
  @OneOf(callOutcomes) outcome: CallOutcome;
  @Says("The provider's time of the call's start.")
  @Time()
  startedAt: string;
  @Optional() @Time() receivedAt?: string;
  @Says('`startedAt` is when the provider told of the call: it did not tell when the call began.')
  @Optional()
  @Flag()
  estimated?: boolean;
}

interface Inbound {
  readonly account: string;
  readonly provider: string;
  readonly sender: string;
  readonly customer: CustomerAliases;
  /** The provider's time, as claimed: not yet clamped. */
  readonly at: Instant;
  readonly receivedAt?: Instant | undefined;
  /** The time is the nearest that the provider told. */
  readonly estimated?: boolean | undefined;
}

export interface MessageArrived extends Inbound {
  readonly messageId: string;
  readonly messageType: MessageType;
  readonly origin: MessageOrigin;
  readonly text?: string | undefined;
  readonly caption?: string | undefined;
  readonly profileName?: string | undefined;
}

export interface CallArrived extends Inbound {
  readonly callId: string;
  readonly outcome: CallOutcome;
}

export const toMessage = (dto: MessageDto): MessageArrived => ({
  account: dto.account,
  provider: dto.provider,
  sender: dto.sender,
  customer: aliasesOf(dto.customer),
  at: instantFrom(dto.sentAt),
  receivedAt: optionalInstant(dto.receivedAt),
  estimated: dto.estimated,
  messageId: dto.messageId,
  messageType: messageTypes.find((type) => type === dto.type) ?? 'unknown',
  origin: dto.origin ?? 'customer',
  text: dto.text,
  caption: dto.caption,
  profileName: dto.profileName,
});

export const toCall = (dto: CallDto): CallArrived => ({
  account: dto.account,
  provider: dto.provider,
  sender: dto.sender,
  customer: aliasesOf(dto.customer),
  at: instantFrom(dto.startedAt),
  receivedAt: optionalInstant(dto.receivedAt),
  estimated: dto.estimated,
  callId: dto.callId,
  outcome: dto.outcome,
});
