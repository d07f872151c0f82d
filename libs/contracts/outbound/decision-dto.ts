import { IsObject, ValidateIf } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { decisionOutcomes, type DecisionOutcome } from '#application/ports/read-model';
import { consentScopes, type ConsentScope } from '#domain/consent';
import { ruleIds, type CostEffect, type DecisionRecord, type RuleResult, type Trace } from '#domain/gate/events';
import { holdReasons, refusalReasons, type HoldReason, type RefusalReason } from '#domain/gate/reasons';
import { Account, Count, Described, Id, Nested, OneOf, Optional, Says, Text, Time } from '../inbound/fields.js';

const costs = ['included', 'new-active-user', 'over-allowance'] as const satisfies readonly CostEffect[];
const results = ['passed', 'applies', 'not-applicable'] as const satisfies readonly RuleResult[];

/** `too-late` is no reason of the rules: it answers a cancellation, and the outcome beside it still stands. */
export const decisionReasons = [...new Set([...refusalReasons, ...holdReasons, 'too-late'])];
export type DecisionReason = RefusalReason | HoldReason | 'too-late';

/** A revision of a stream; -1 while the stream does not exist. */
const Revision = (): PropertyDecorator => Count(-1, Number.MAX_SAFE_INTEGER);

/** The result of each rule by its number. */
const RuleResults = (): PropertyDecorator => (target, property) => {
  IsObject()(target, property);
  Described({
    type: 'object',
    properties: Object.fromEntries(ruleIds.map((rule) => [rule, { type: 'string', enum: [...results] }])),
  })(target, property);
};

export class ConsentEvidenceDto {
  @OneOf(['in', 'out']) status: 'in' | 'out';
  @OneOf(consentScopes) scope: ConsentScope;
  @Time() at: string;
}

/** What the decision stood on: enough to derive it again from the log. */
export class EvidenceDto {
  @Says("Of the customer's stream, before this decision.") @Revision() customerRevision: number;
  @Revision() accountRevision: number;
  @Optional() @Revision() templateRevision?: number;
  @Says('Position in the log up to which active users were counted.')
  @Optional()
  @Count(0, Number.MAX_SAFE_INTEGER)
  mauPosition?: number;
  @Optional() @Time() windowEnd?: string;
  @Says('Another sender whose window is open.') @Optional() @Id(64) openSender?: string;
  @Optional() @Nested(() => ConsentEvidenceDto) consent?: ConsentEvidenceDto;
  @Optional() @Id(64) templateStatus?: string;
  @Optional() @Count(0, Number.MAX_SAFE_INTEGER) slotsUsed?: number;
}

/** What a decision says, on the topic and by HTTP alike. */
export class VerdictDto {
  @OneOf(decisionOutcomes) outcome: DecisionOutcome;
  @Says('Why it is refused or held; `too-late` answers a cancellation that changed nothing.')
  @Optional()
  @OneOf(decisionReasons)
  reason?: DecisionReason;
  @Says('What would have changed it.') @Optional() @Text(4096) remedy?: string;
  @Time() decidedAt: string;

  @Says('The how-manieth decision on this intent: one more after each release or revocation.')
  @Optional()
  @Count(1, Number.MAX_SAFE_INTEGER)
  ordinal?: number;
  @Says("Of the decision in the customer's stream.") @Optional() @Count(0, Number.MAX_SAFE_INTEGER) revision?: number;
  @Optional() @Id(64) sender?: string;
  @Says("Which content may be sent: the intent's own or its fallback.")
  @Optional()
  @OneOf(['own', 'fallback'])
  content?: 'own' | 'fallback';
  @Says('Until then an authorised intent may be sent.') @Optional() @Time() validUntil?: string;
  @Says('When a held intent is looked at again, at the latest.') @Optional() @Time() wakeAt?: string;
  @Says('When a held intent expires.') @Optional() @Time() expiresAt?: string;
  @Says('The rule that decided.')
  @Optional()
  @OneOf([...ruleIds, '7/fallback', 'recheck', 'cancel'])
  rule?: DecisionRecord['rule'];
  @Says('The result of every rule.') @Optional() @RuleResults() trace?: Trace;
  @Says('The same for the fallback template, where one was judged.') @Optional() @RuleResults() fallbackTrace?: Trace;
  @Says('Name and version of the policy in force.') @Optional() @Id(64) policy?: string;
  @Says('What a send would add to the bill: a prediction.') @Optional() @OneOf(costs) cost?: CostEffect;
  @Optional() @Nested(() => EvidenceDto) evidence?: EvidenceDto;
}

/** One decision on one intent, or the answer to a message that could not become one. */
@JSONSchema({
  description:
    'What became of one intent. With `revision` it is recorded and stands; without, it answers one message and changes nothing that stands.',
  anyOf: [
    { required: ['account', 'customer', 'intentId'] },
    { required: ['reason', 'messageKey'], properties: { reason: { enum: ['invalid-intent'] } } },
  ],
})
export class SendDecisionDto extends VerdictDto {
  @ValidateIf((dto: SendDecisionDto) => dto.account !== undefined || dto.messageKey === undefined)
  @Says('Absent when an invalid intent named none.')
  @Account()
  account?: string;

  @ValidateIf((dto: SendDecisionDto) => dto.customer !== undefined || dto.messageKey === undefined)
  @Says("The customer's id. Absent when an invalid intent named nobody.")
  @Id()
  customer?: string;

  @ValidateIf((dto: SendDecisionDto) => dto.intentId !== undefined || dto.messageKey === undefined)
  @Says('Absent when an invalid intent had none.')
  @Id(128)
  intentId?: string;

  @Says('Of an invalid intent: the key of its message, at most 1000 characters of it.')
  @Optional()
  @Text(1000)
  messageKey?: string;
}
