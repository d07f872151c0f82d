import { decisionOutcomes, deliveryStates, type DeliveryState } from '#application/ports/read-model';
import { consentScopes, templateCategories, type ConsentScope, type TemplateCategory } from '#domain/consent';
import { templateStatuses, type TemplateStatus } from '#domain/template';
import { Optional, Says, Shown, type Schema } from '../inbound/fields.js';
import { VerdictDto } from '../outbound/decision-dto.js';

// What the HTTP API answers. Instants are RFC 3339 in UTC; nothing personal is in any of it.

const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const time: Schema = { type: 'string', format: 'date-time' };
const uuid: Schema = { type: 'string', format: 'uuid' };
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

const count: Schema = { type: 'integer', minimum: 0 };
const counts: Schema = { type: 'object', additionalProperties: count };
const anyObject: Schema = { type: 'object' };
const anyObjects: Schema = { type: 'array', items: anyObject };
const next: Schema = orNull(text);
const MORE = 'The path of what follows; null at the end.';

/** One customer care session. */
export class SessionView {
  @Says('Stays the same for as long as there is the session.') @Shown(text) id: string;
  @Shown(text) account: string;
  @Says("The customer's id.") @Shown(text) customer: string;
  @Shown(text) sender: string;
  @Says('The first opener, by the time of the provider.') @Shown(time) openedAt: string;
  @Says('24 hours after the last opener, or earlier: see `correctedAt` and `changedAt`.') @Shown(time) endsAt: string;
  @Says('The last opener.') @Shown(time) openerAt: string;
  @Says('When the provider saw it closed before its time.') @Shown(orNull(time)) correctedAt: string | null;
  @Says("When the customer's number changed, which ended it then at the latest.")
  @Shown(orNull(time))
  changedAt: string | null;
  @Says('Openers after the first.') @Shown(count) restarts: number;
  @Says('Acts of the customer by message type, calls as `call`.') @Shown(counts) received: { [type: string]: number };
  @Says('Session messages that the provider took.') @Shown(count) sentSession: number;
  @Says('Templates that the provider took.') @Shown(count) sentTemplate: number;
  @Says('Messages that staff wrote in the business app.') @Shown(count) sentEcho: number;
  @Says('The first message to the customer.') @Shown(orNull(time)) firstReplyAt: string | null;
  @Says('Milliseconds from the first opener to the first reply.') @Shown(orNull(count)) firstReplyMs: number | null;
}

export class SessionsView {
  @Says('The latest first.') @Shown(listOf(SessionView)) sessions: readonly SessionView[];
  @Says(MORE) @Shown(next) next: string | null;
}

/** A counted user of a month. */
export class ActiveUserView {
  @Says("The customer's id.") @Shown(text) customer: string;
  @Says('The earliest fact that counts, by its own time.') @Shown(time) firstAt: string;
  @Says('The id of its event in the log.') @Shown(text) firstEventId: string;
  @Says('The rule that counted, with its version.') @Shown(text) rule: string;
  @Says('The billing time zone.') @Shown(text) zone: string;
}

export class ActiveUsersView {
  @Says('By customer.') @Shown(listOf(ActiveUserView)) users: readonly ActiveUserView[];
  @Says(MORE) @Shown(next) next: string | null;
}

export class ClosedMonthView {
  @Shown(time) at: string;
  @Says('As counted then.') @Shown(count) users: number;
  @Says('The place in the log up to which was counted.') @Shown({ type: 'integer' }) position: number;
  @Says('The sum of the adjustments since.') @Shown({ type: 'integer' }) adjusted: number;
}

export class ForecastView {
  @Says('Whether and how the allowance is crossed.')
  @Shown(oneOf(['unlimited', 'crossed', 'expected', 'not-expected']))
  kind: string;
  @Says('The day of the month on which it was crossed, or will be.')
  @Optional()
  @Shown({ type: 'integer', minimum: 1, maximum: 31 })
  day?: number;
  @Says('The pace of the last seven days, by which it is forecast.')
  @Optional()
  @Shown({ type: 'number', minimum: 0 })
  newUsersPerDay?: number;
}

/** The active users of a month, with what they cost. */
export class MonthView {
  @Shown(text) account: string;
  @Shown(text) month: string;
  @Says('The billing time zone.') @Shown(text) zone: string;
  @Says('The rule that counts, with its version.') @Shown(text) rule: string;
  @Shown(time) from: string;
  @Says('Exclusive.') @Shown(time) until: string;
  @Says('As counted by now.') @Shown(count) users: number;
  @Says('Null where none was agreed.') @Shown(orNull(count)) allowance: number | null;
  @Says('Users above the allowance.') @Shown(count) overage: number;
  @Says('How many were new on each day of the month.') @Shown(counts) usersByDay: { [day: string]: number };
  @Shown(refTo(ForecastView)) forecast: ForecastView;
  @Says('When it closes, or was to close.') @Shown(time) closesAt: string;
  @Says('Null while it is open.') @Shown(orNull(refTo(ClosedMonthView))) closed: ClosedMonthView | null;
}

/** One decision in the list of an account, with what became of the message. */
export class DecidedView {
  @Shown(text) intentId: string;
  @Says("The customer's id.") @Shown(text) customer: string;
  @Says('Empty where the intent was cancelled before it came.') @Shown(text) sender: string;
  @Shown(time) decidedAt: string;
  @Shown(oneOf(decisionOutcomes)) outcome: string;
  @Shown(orNull(text)) reason: string | null;
  @Says('The number of the rule that decided.') @Shown(orNull(text)) rule: string | null;
  @Shown(orNull(text)) policy: string | null;
  @Shown(orNull(text)) cost: string | null;
  @Shown(orNull(oneOf(['session', 'template']))) kind: string | null;
  @Shown(orNull(text)) template: string | null;
  @Shown(orNull(text)) language: string | null;
  @Says('When the provider took the message.') @Shown(orNull(time)) sentAt: string | null;
  @Says('The first `delivered` or `read`.') @Shown(orNull(time)) deliveredAt: string | null;
  @Says("The provider's code of a failure.") @Shown(orNull(text)) failure: string | null;
}

export class DecidedListView {
  @Says('The latest first.') @Shown(listOf(DecidedView)) decisions: readonly DecidedView[];
  @Says(MORE) @Shown(next) next: string | null;
}

export class DecisionCountView {
  @Shown(oneOf(decisionOutcomes)) outcome: string;
  @Shown(orNull(text)) reason: string | null;
  @Shown(count) decisions: number;
}

export class HourView extends DecisionCountView {
  @Says('The start of the hour, UTC.') @Shown(time) hour: string;
}

/** A decision that late facts prove wrong; it stands all the same. */
export class RevisedView {
  @Shown(text) intentId: string;
  @Says("The customer's id.") @Shown(text) customer: string;
  @Shown(text) sender: string;
  @Says("The id of the decision's event.") @Shown(uuid) decision: string;
  @Shown(time) decidedAt: string;
  @Says('What it says.') @Shown(oneOf(decisionOutcomes)) outcome: string;
  @Shown(orNull(text)) reason: string | null;
  @Says('What the rules say with the late facts.') @Shown(oneOf(decisionOutcomes)) revisedOutcome: string;
  @Shown(orNull(text)) revisedReason: string | null;
  @Says("The type of the late fact's event.") @Shown(text) fact: string;
  @Says('The id of that event.') @Shown(uuid) because: string;
  @Says('When the fact was true.') @Shown(time) trueAt: string;
  @Says('When it was recorded.') @Shown(time) recordedAt: string;
}

export class RevisedListView {
  @Says('The latest decision first.') @Shown(listOf(RevisedView)) revised: readonly RevisedView[];
  @Says(MORE) @Shown(next) next: string | null;
}

export class RevisedCountView {
  @Shown(oneOf(decisionOutcomes)) outcome: string;
  @Shown(orNull(text)) reason: string | null;
  @Says('What the rules say with the late facts.') @Shown(oneOf(decisionOutcomes)) revisedOutcome: string;
  @Shown(orNull(text)) revisedReason: string | null;
  @Shown(count) decisions: number;
}

export class DecisionCountsView {
  @Shown(time) from: string;
  @Shown(time) until: string;
  @Says('Of all hours.') @Shown(listOf(DecisionCountView)) totals: readonly DecisionCountView[];
  @Says('Those that late facts prove wrong.') @Shown(listOf(RevisedCountView)) revised: readonly RevisedCountView[];
  @Says('Only hours with decisions.') @Shown(listOf(HourView)) hours: readonly HourView[];
}

/** Why an intent was decided as it was, derived anew from the log; `decisions` as `tidegate explain --json` has them. */
export class ExplanationView {
  @Shown(text) account: string;
  @Shown(text) customer: string;
  @Shown(text) intentId: string;
  @Says('In the order in which they were taken: rules with their inputs, facts relied on, and differences.')
  @Shown(anyObjects)
  decisions: readonly object[];
  @Says("What else the customer's stream tells about the intent.") @Shown(anyObjects) course: readonly object[];
  @Says('Whether every decision is what the log leads to.') @Shown(flag) agrees: boolean;
}

/** What held for a customer at an instant: windows, consents, templates, policy, MAU. */
export class AsOfView {
  @Shown(text) account: string;
  @Shown(text) customer: string;
  @Shown(time) at: string;
  @Says('What was true, whenever it became known.') @Optional() @Shown(anyObject) trueThen?: object;
  @Says('What the gate knew then.') @Optional() @Shown(anyObject) knownThen?: object;
  @Says('Fields in which the two differ: `a` true, `b` known.') @Optional() @Shown(anyObjects) differences?: object[];
  @Says('The facts that make the difference.') @Optional() @Shown(anyObjects) apart?: readonly object[];
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
