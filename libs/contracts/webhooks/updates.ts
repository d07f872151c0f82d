import type { ConsentDto } from '../inbound/consents.js';
import type { DeliveryReportDto } from '../inbound/delivery-reports.js';
import type { IdentityDto } from '../inbound/identities.js';
import type { CallDto, MessageDto } from '../inbound/inbound-messages.js';
import type { Fault } from '../inbound/schemas.js';
import type { RecategorisationDto, TemplateNoticeDto } from '../inbound/template-approvals.js';

/** The fields of a DTO with whatever the provider sent: the topic's contract has not looked at them yet. */
export type Unchecked<Dto> = { readonly [Field in keyof Dto]?: unknown };

interface FactOf<Topic extends string, Kind extends string, Dto> {
  readonly topic: Topic;
  readonly kind: Kind;
  /** What makes the fact unique at the provider and account, such that a repeat is the same CloudEvent. */
  readonly id: string;
  /** What it is about if it names no customer: facts about the same keep their order. */
  readonly about: string;
  readonly data: Unchecked<Dto>;
}

/** One message for a topic. */
export type Fact =
  | FactOf<'inbound-messages', 'message', MessageDto>
  | FactOf<'inbound-messages', 'call', CallDto>
  | FactOf<'inbound-messages', 'identity', IdentityDto>
  | FactOf<'consents', 'consent', ConsentDto>
  | FactOf<'delivery-reports', 'report', DeliveryReportDto>
  | FactOf<'template-approvals', 'notice', TemplateNoticeDto>
  | FactOf<'template-approvals', 'recategorisation', RecategorisationDto>;

/** What an update says to the gate: facts, none of them where it is known to say nothing, or that nobody understands it. */
export type Meaning = { readonly kind: 'facts'; readonly facts: readonly Fact[] } | Fault;

/** One of the updates that a webhook brings. */
export interface Update {
  readonly meaning: Meaning;
  /** A webhook with this update alone, as JSON: what is put aside and can be sent again. */
  readonly alone: () => string;
}

/** What the edge knows about a webhook besides its body. */
export interface WebhookContext {
  readonly account: string;
  /** RFC 3339. */
  readonly receivedAt: string;
  /** Which sender each of the provider's own ids is, where its number alone does not say so. */
  readonly senders: ReadonlyMap<string, string>;
  /** The sender of what names none. */
  readonly sender?: string | undefined;
}

export const facts = (...all: readonly Fact[]): Meaning => ({ kind: 'facts', facts: all });

/** Understood, and of no consequence for the gate. */
export const nothing: Meaning = { kind: 'facts', facts: [] };

export const notUnderstood = (field: string, message: string, remedy: string): Fault => ({
  kind: 'invalid',
  field,
  message,
  remedy,
});

/** One of our own numbers as the account's senders are named: digits, without the marks that some write between them. */
export const senderOf = (number: string | undefined): string | undefined =>
  number !== undefined && /^\+?[\d ().-]+$/.test(number) ? number.replaceAll(/\D/g, '') : number;
