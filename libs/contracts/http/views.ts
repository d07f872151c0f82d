import { deliveryStates, type DeliveryState } from '#application/ports/read-model';
import { consentScopes, templateCategories, type ConsentScope, type TemplateCategory } from '#domain/consent';
import { templateStatuses, type TemplateStatus } from '#domain/template';
import { Optional, Says, Shown, type Schema } from '../inbound/fields.js';
import { VerdictDto } from '../outbound/decision-dto.js';

// What the HTTP API answers. Instants are RFC 3339 in UTC; nothing personal is in any of it.

const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const time: Schema = { type: 'string', format: 'date-time' };
const revision: Schema = { type: 'integer', minimum: -1 };
const texts: Schema = { type: 'array', items: text };
const oneOf = (values: readonly string[]): Schema => ({ type: 'string', enum: [...values] });
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });
const refTo = (dto: { readonly name: string }): Schema => ({ $ref: `#/definitions/${dto.name}` });
const listOf = (dto: { readonly name: string }): Schema => ({ type: 'array', items: refTo(dto) });

export class IntentReferenceView {
  @Shown(text) intentId: string;
  @Says('Path of its decision: 404 until there is one.') @Shown(text) href: string;
}

export class TakenView {
  @Says('In the order of the request.') @Shown(listOf(IntentReferenceView)) decisions: readonly IntentReferenceView[];
}

export class ToldView {
  @Says('How many facts the queue has.') @Shown({ type: 'integer', minimum: 1 }) taken: number;
}

export class TemplateContentView {
  @Shown(oneOf(['template'])) kind: 'template';
  @Shown(text) name: string;
  @Shown(text) language: string;
  @Says('Names of the parameters that the intent fills.') @Shown(texts) parameters: readonly string[];
}

export class SessionContentView {
  @Shown(oneOf(['session'])) kind: 'session';
  @Shown(text) messageType: string;
}

/** The intent as the rules read it. */
export class IntentView {
  @Shown(text) intentId: string;
  @Shown(text) sender: string;
  @Shown({ oneOf: [refTo(SessionContentView), refTo(TemplateContentView)] }) content:
    | SessionContentView
    | TemplateContentView;
  @Shown(text) whenClosed: string;
  @Optional() @Shown(refTo(TemplateContentView)) fallback?: TemplateContentView;
  @Shown(text) whenPaused: string;
  @Optional() @Shown(text) purpose?: string;
  @Optional() @Shown(time) sendAt?: string;
  @Optional() @Shown(time) expiresAt?: string;
}

export class TemplateNameView {
  @Shown(text) name: string;
  @Shown(text) language: string;
}

/** The standing decision on an intent, and what became of it. */
export class DecisionView extends VerdictDto {
  @Shown(text) account: string;
  @Says("The customer's id.") @Shown(text) customer: string;
  @Shown(text) intentId: string;
  @Says('What happened after an authorisation; null where none stands.')
  @Shown(orNull(oneOf(deliveryStates)))
  delivery: DeliveryState | null;
  @Says('The id of the send command; null where there was none.') @Shown(orNull(text)) commandId: string | null;
  @Says('Of a cancellation: why, in the words of the upstream.') @Optional() @Shown(text) because?: string;
  @Says('Absent when it was cancelled before it came.') @Optional() @Shown(refTo(IntentView)) intent?: IntentView;
  @Says('Whether it used up the continuation template after a session.') @Optional() @Shown(flag) usesSlot?: boolean;
  @Says('The opt-out that it is the one confirmation of.') @Optional() @Shown(time) confirmsOptOutAt?: string;
  @Says('The template that a held intent waits for.')
  @Optional()
  @Shown(refTo(TemplateNameView))
  template?: TemplateNameView;
}

export class DecisionsView {
  @Says('Latest first.') @Shown(listOf(DecisionView)) decisions: readonly DecisionView[];
}

export class WindowView {
  @Shown(text) sender: string;
  @Shown(oneOf(['open', 'closed'])) state: 'open' | 'closed';
  @Says("The customer's latest opener.") @Shown(orNull(time)) openerAt: string | null;
  @Shown(orNull(time)) endsAt: string | null;
  @Says("From here on it counts as closed: the policy's margin before its end.")
  @Shown(orNull(time))
  closesAt: string | null;
  @Says('Milliseconds until it counts as closed; 0 once it does.')
  @Shown({ type: 'integer', minimum: 0 })
  remainingMs: number;
}

export class ConsentView {
  @Shown(oneOf(consentScopes)) scope: ConsentScope;
  @Shown(oneOf(['in', 'out'])) status: 'in' | 'out';
  @Shown(time) at: string;
  @Shown(text) source: string;
}

export class CooldownView {
  @Shown(oneOf(consentScopes)) scope: ConsentScope;
  @Shown(time) until: string;
  @Says('The provider still delivers inside a window.') @Shown(flag) exceptInWindow: boolean;
}

/** What may be sent to a customer, as of the read model. */
export class CustomerView {
  @Shown(text) account: string;
  @Says("The customer's id; after a link, that of the survivor.") @Shown(text) customer: string;
  @Says("Of the customer's stream.") @Shown(revision) revision: number;
  @Says('Name and version of the policy in force.') @Shown(text) policy: string;
  @Shown(time) asOf: string;
  @Shown(listOf(WindowView)) windows: readonly WindowView[];
  @Shown(listOf(ConsentView)) consents: readonly ConsentView[];
  @Says('Only those that are not over.') @Shown(listOf(CooldownView)) cooldowns: readonly CooldownView[];
}

export class TemplateView {
  @Shown(text) name: string;
  @Shown(text) language: string;
  @Shown(orNull(oneOf(templateStatuses))) status: TemplateStatus | null;
  @Shown(orNull(time)) statusAt: string | null;
  @Shown(orNull(oneOf(templateCategories))) category: TemplateCategory | null;
  @Says('Null while the provider has not told them.') @Shown(orNull(texts)) parameters: readonly string[] | null;
  @Says('-1 while its status is unknown.') @Shown(revision) revision: number;
}

export class TemplatesView {
  @Shown(listOf(TemplateView)) templates: readonly TemplateView[];
}

export class LiveView {
  @Shown(oneOf(['ok'])) status: 'ok';
}

export class StalledView {
  @Shown(oneOf(['stalled'])) status: 'stalled';
  @Says('The loops that no longer progress.') @Shown(texts) stalled: readonly string[];
}

export class ReadyView {
  @Shown(oneOf(['ok', 'unavailable'])) status: 'ok' | 'unavailable';
  @Says('Each part with `ok`, or what is wrong with it.')
  @Shown({ type: 'object', additionalProperties: text })
  parts: Readonly<Record<string, string>>;
}

export class ClockView {
  @Shown(time) now: string;
  @Says("How many times faster than the machine's clock it runs; 0 stands still.")
  @Shown({ type: 'number', minimum: 0 })
  rate: number;
  @Shown(oneOf(['system', 'steerable'])) kind: 'system' | 'steerable';
}
