import { hash } from 'node:crypto';
import { Type } from 'class-transformer';
import { IsObject, IsString, Matches, ValidateIf, ValidateNested } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import type { IntentPersonal, SendIntent, SessionContent, TemplateContent } from '#domain/gate/intent';
import { aliasesOf, CustomerDto, KnownCustomerDto, type CustomerAliases } from './customer.js';
import { Account, Id, Nested, OneOf, Optional, Says, StringMap, Text, Time } from './fields.js';
import { optionalInstant } from './instants.js';

const mediaTypes = ['image', 'audio', 'video', 'document', 'sticker'] as const;
const structuredTypes = ['location', 'interactive'] as const;

export class TextMessageDto {
  @OneOf(['text']) type: 'text';
  @Text(4096, 1) text: string;
}

export class MediaMessageDto {
  @OneOf(mediaTypes) type: (typeof mediaTypes)[number];
  @IsString()
  @Matches(/^https?:\/\/[^\s\p{Cc}]{1,2048}$/u, { message: 'must be an http or https URL' })
  mediaUrl: string;
  @Optional() @Text(4096) caption?: string;
}

export class StructuredMessageDto {
  @OneOf(structuredTypes) type: (typeof structuredTypes)[number];
  @Says("As the provider's API takes it.")
  @IsObject()
  body: Record<string, unknown>;
}

export class TemplateDto {
  @Id(512) name: string;
  @Id(32) language: string;
  @Optional() @StringMap() parameters?: Record<string, string>;
}

export class TemplateMessageDto extends TemplateDto {
  @OneOf(['template']) type: 'template';
}

/** A message of a type that nobody knows. */
class UnknownMessageDto {
  @OneOf(['text', ...mediaTypes, ...structuredTypes, 'template']) type: string;
}

export type ContentDto = TextMessageDto | MediaMessageDto | StructuredMessageDto | TemplateMessageDto;

const contentTypes = [
  { value: TextMessageDto, name: 'text' },
  ...mediaTypes.map((name) => ({ value: MediaMessageDto, name })),
  ...structuredTypes.map((name) => ({ value: StructuredMessageDto, name })),
  { value: TemplateMessageDto, name: 'template' },
];

const ref = (dto: { readonly name: string }): { $ref: string } => ({ $ref: `#/definitions/${dto.name}` });

@JSONSchema({
  anyOf: [{ properties: { whenClosed: { not: { enum: ['fallback'] } } } }, { required: ['fallback'] }],
})
export class SendDto {
  @Account() account: string;
  @Nested(() => CustomerDto) customer: CustomerDto;
  @Says('The idempotency key, together with account and customer.')
  @Id(128)
  intentId: string;
  @Says('The business phone number to send from.')
  @Id(64)
  sender: string;

  @IsObject()
  @ValidateNested()
  @Type(() => UnknownMessageDto, {
    discriminator: { property: 'type', subTypes: contentTypes },
    keepDiscriminatorProperty: true,
  })
  @JSONSchema(() => ({
    type: 'object',
    required: ['type'],
    discriminator: { propertyName: 'type' },
    oneOf: [ref(TextMessageDto), ref(MediaMessageDto), ref(StructuredMessageDto), ref(TemplateMessageDto)],
  }))
  message: ContentDto;

  @Says('What to do with a session message while the window is closed. Default: refuse.')
  @Optional()
  @OneOf(['refuse', 'fallback', 'hold'])
  whenClosed?: 'refuse' | 'fallback' | 'hold';

  @Says('The template to send instead; required with `whenClosed: fallback`.')
  @ValidateIf((dto: SendDto) => dto.fallback !== undefined || dto.whenClosed === 'fallback')
  @Nested(() => TemplateDto)
  fallback?: TemplateDto;

  @Says('What to do while the template is paused. Default: refuse.')
  @Optional()
  @OneOf(['refuse', 'hold'])
  whenPaused?: 'refuse' | 'hold';
  @Optional() @OneOf(['opt-out-confirmation']) purpose?: 'opt-out-confirmation';
  @Optional() @Time() sendAt?: string;
  @Optional() @Time() expiresAt?: string;
}

export class CancelDto {
  @Account() account: string;
  @Nested(() => KnownCustomerDto) customer: KnownCustomerDto;
  @Id(128) intentId: string;
  @Optional() @Text(1024) reason?: string;
}

export interface SendRequested {
  readonly account: string;
  readonly customer: CustomerAliases;
  readonly intent: SendIntent;
  readonly personal: IntentPersonal;
}

export interface CancelRequested {
  readonly account: string;
  /** The customer's id, or aliases of the customer. */
  readonly customer: string | CustomerAliases;
  readonly intentId: string;
  readonly reason?: string | undefined;
}

const templateOf = (dto: TemplateDto): TemplateContent => ({
  kind: 'template',
  name: dto.name,
  language: dto.language,
  parameters: Object.keys(dto.parameters ?? {}).sort(),
});

const contentOf = (message: ContentDto): SessionContent | TemplateContent =>
  message.type === 'template' ? templateOf(message) : { kind: 'session', messageType: message.type };

const quotedFrom = (message: ContentDto): Omit<IntentPersonal, 'to'> => {
  switch (message.type) {
    case 'text':
      return { text: message.text };
    case 'template':
      return { parameters: message.parameters };
    case 'location':
    case 'interactive':
      return { body: message.body };
    default:
      return { mediaUrl: message.mediaUrl, text: message.caption };
  }
};

/** A copy with the keys of every object in order, so that the order in which the upstream wrote them does not matter. */
const ordered = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(ordered);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, part]) => [key, ordered(part)]));
};

/**
 * The fingerprint is 132 bits of a SHA-256 over what is to be sent, when and on which terms, with defaults and times
 * normalised. The recipient's aliases are no part of it: they identify the intent.
 */
export const toSendIntent = (dto: SendDto): SendRequested => {
  const terms = {
    sender: dto.sender,
    content: contentOf(dto.message),
    whenClosed: dto.whenClosed ?? 'refuse',
    fallback: dto.fallback === undefined ? undefined : templateOf(dto.fallback),
    whenPaused: dto.whenPaused ?? 'refuse',
    purpose: dto.purpose,
    sendAt: optionalInstant(dto.sendAt),
    expiresAt: optionalInstant(dto.expiresAt),
  };
  const quoted = { ...quotedFrom(dto.message), fallbackParameters: dto.fallback?.parameters };
  return {
    account: dto.account,
    customer: aliasesOf(dto.customer),
    intent: {
      intentId: dto.intentId,
      // Field by field: a spread that adds to what it copies takes V8 far longer.
      sender: terms.sender,
      content: terms.content,
      whenClosed: terms.whenClosed,
      fallback: terms.fallback,
      whenPaused: terms.whenPaused,
      purpose: terms.purpose,
      sendAt: terms.sendAt,
      expiresAt: terms.expiresAt,
      fingerprint: hash('sha256', JSON.stringify([terms, ordered(quoted)]), 'base64url').slice(0, 22),
    },
    personal: { to: { phone: dto.customer.phone, userId: dto.customer.userId }, ...quoted },
  };
};

export const toCancel = (dto: CancelDto): CancelRequested => ({
  account: dto.account,
  customer: dto.customer.id ?? aliasesOf(dto.customer),
  intentId: dto.intentId,
  reason: dto.reason,
});
