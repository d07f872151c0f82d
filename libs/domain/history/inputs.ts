import { allowanceAt, hasSender } from '../account.js';
import { accountZone, costOf, judged, type Judged, type Situation } from '../gate/context.js';
import { ruleIds, type Decided, type RuleId, type RuleResult, type Trace } from '../gate/events.js';
import type { TemplateContent } from '../gate/intent.js';

/** What each rule asks (rules §6), in a few words. */
export const ruleNames: Readonly<Record<RuleId, string>> = {
  '3': 'valid and not expired',
  '4': 'time to send has come',
  '5': 'not opted out',
  '5a': 'recipient may be written to',
  '5b': 'outside quiet hours',
  '6': 'session message in an open window',
  '7': 'session message after the window closed',
  '8': 'template approved and filled',
  '9': 'template in an open window',
  '10': 'opted in to the category',
  '11': 'continuation templates left',
  '12': 'template after the window closed',
  '13': 'within the allowance of active users',
};

export type RuleInputs = { readonly [name: string]: unknown };

export interface RuleExplanation {
  readonly rule: RuleId;
  readonly name: string;
  readonly result: RuleResult;
  readonly inputs: RuleInputs;
}

const inputsOf: Readonly<Record<RuleId, (j: Judged) => RuleInputs>> = {
  '3': (j) => ({
    sender: j.intent.sender,
    senderRegistered: hasSender(j.situation.account, j.intent.sender),
    sendAt: j.intent.sendAt,
    expiresAt: j.expiresAt,
  }),
  '4': (j) => ({ sendAt: j.intent.sendAt }),
  '5': (j) => ({
    category: j.category,
    consent: j.consent,
    openerAt: j.situation.customer.windows[j.intent.sender]?.openerAt,
    purpose: j.intent.purpose,
  }),
  '5a': (j) => ({ cooldowns: j.situation.customer.cooldowns }),
  '5b': (j) => ({ quietHours: j.policy.quietHours, zone: accountZone(j) }),
  '6': (j) => window(j),
  '7': (j) => ({ ...window(j), whenClosed: j.intent.whenClosed, openSender: j.openSender }),
  '8': (j) => ({
    template: j.template === undefined ? undefined : `${j.template.name}/${j.template.language}`,
    status: j.known?.status,
    needs: j.known?.parameters,
    given: j.template?.parameters,
    whenPaused: j.intent.whenPaused,
  }),
  '9': (j) => window(j),
  '10': (j) => ({ category: j.category, consent: j.consent, impliedOptIn: j.policy.impliedOptIn }),
  '11': (j) => ({ windowEnd: j.end, slotsUsed: j.slotsUsed, slots: j.policy.slots }),
  '12': (j) => ({ ...window(j), permitLifeMs: j.policy.permitLifeMs }),
  '13': (j) => ({
    cost: costOf(j.situation),
    allowance: allowanceAt(j.situation.account, j.now),
    overAllowance: j.policy.overAllowance,
  }),
};

const window = (j: Judged): RuleInputs => ({ windowEnd: j.end, marginMs: j.policy.marginMs, open: j.open });

const explained = (j: Judged, trace: Trace): readonly RuleExplanation[] =>
  ruleIds.map((rule) => {
    const result = trace[rule] ?? 'not-applicable';
    const inputs = result === 'not-applicable' ? {} : inputsOf[rule](j);
    return { rule, name: ruleNames[rule], result, inputs };
  });

/** Each rule with what it looked at and what it found; a fallback's rules apart from those of the content itself. */
export const explainedRules = (
  { intent, trace, fallbackTrace }: Decided,
  situation: Situation,
): { readonly own: readonly RuleExplanation[]; readonly fallback?: readonly RuleExplanation[] | undefined } => {
  const own: TemplateContent | undefined = intent.content.kind === 'template' ? intent.content : undefined;
  return {
    own: explained(judged(situation, intent, own), trace),
    fallback:
      fallbackTrace === undefined ? undefined : explained(judged(situation, intent, intent.fallback), fallbackTrace),
  };
};
