import { allowanceAt, type AccountEvent } from '#domain/account';
import type { CustomerEvent, Decided } from '#domain/gate/events';
import type { TemplateContent } from '#domain/gate/intent';
import { type Known } from '#domain/history/rederive';
import { isDecided, type Verdict } from '#domain/gate/verdict';
import { inForce } from '#domain/policy';
import type { TemplateState } from '#domain/template';
import type { Instant } from '#domain/time';
import type { RecordedEvent } from '../ports/event-store.js';
import { templateStream } from '../streams.js';

/** An event that a decision stood on. */
export interface FactRelied {
  readonly as:
    | 'opener'
    | 'correction'
    | 'consent'
    | 'cooldown'
    | 'slot'
    | 'activity'
    | 'link'
    | 'sender'
    | 'policy'
    | 'allowance'
    | 'template';
  readonly id: string;
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
  readonly at: Instant;
  readonly recordedAt: Instant;
}

export interface TemplateHistory {
  readonly events: readonly RecordedEvent[];
  readonly states: readonly TemplateState[];
}

export const templatesOf = (verdict: Verdict): readonly TemplateContent[] =>
  isDecided(verdict)
    ? [verdict.intent.content, verdict.intent.fallback].flatMap((content) =>
        content?.kind === 'template' ? [content] : [],
      )
    : [];

export const placed = ({
  id,
  stream,
  revision,
  event: { type, at },
  recordedAt,
}: RecordedEvent): Omit<FactRelied, 'as'> => ({
  id,
  stream,
  revision,
  type,
  at,
  recordedAt,
});

/** The events that made what the rules looked at. */
export const factsOf = (
  verdict: Decided,
  { customer, account }: Known,
  before: readonly RecordedEvent[],
  accountEvents: readonly RecordedEvent[],
  templates: ReadonlyMap<string, TemplateHistory>,
): readonly FactRelied[] => {
  const { intent, at, evidence } = verdict;
  const facts: FactRelied[] = [];
  const add = (as: FactRelied['as'], recorded: RecordedEvent | undefined): void => {
    if (recorded !== undefined) facts.push({ as, ...placed(recorded) });
  };
  const window = customer.windows[intent.sender];
  const slots = new Set(
    customer.slots.flatMap(({ sender, outcome, intentId }) =>
      sender === intent.sender && outcome !== 'failed' ? [intentId] : [],
    ),
  );
  const own = (matches: (event: CustomerEvent) => boolean): RecordedEvent | undefined =>
    before.findLast(({ event }) => matches(event as CustomerEvent));
  add(
    'opener',
    own((event) => 'opens' in event && event.opens && event.sender === intent.sender && event.at === window?.openerAt),
  );
  add(
    'correction',
    own(
      (event) =>
        event.type === 'WindowCorrected' && event.sender === intent.sender && event.startedAt === window?.correctedAt,
    ),
  );
  for (const [scope, consent] of Object.entries(customer.consents)) {
    const type = consent.status === 'in' ? 'CustomerOptedIn' : 'CustomerOptedOut';
    add(
      'consent',
      own((event) => event.type === type && 'scope' in event && event.scope === scope && event.at === consent.at),
    );
  }
  for (const { until } of customer.cooldowns)
    add(
      'cooldown',
      own((event) => event.type === 'RecipientCooledDown' && event.until === until),
    );
  for (const recorded of before) {
    const { event } = recorded;
    // What was taken over has its events in another stream.
    if (event.type === 'CustomerMerged' || event.type === 'NumberChanged') add('link', recorded);
    if (event.type === 'SendAuthorised' && event.usesSlot && slots.has(event.intent.intentId)) add('slot', recorded);
  }
  add(
    'activity',
    own((event) => isActivity(event) && event.at === customer.lastActiveAt),
  );
  const accountUpTo = accountEvents.slice(0, evidence.accountRevision + 1);
  const ofAccount = (matches: (event: AccountEvent) => boolean): RecordedEvent | undefined =>
    accountUpTo.findLast(({ event }) => matches(event as AccountEvent));
  add(
    'sender',
    ofAccount((event) => event.type === 'SenderRegistered' && event.sender === intent.sender),
  );
  const policyFrom = inForce(account.policies, at)?.effectiveAt;
  add(
    'policy',
    ofAccount((event) => event.type === 'PolicyChanged' && event.effectiveAt === policyFrom),
  );
  const allowance = allowanceAt(account, at);
  add(
    'allowance',
    ofAccount((event) => event.type === 'AllowanceChanged' && event.effectiveAt <= at && event.users === allowance),
  );
  for (const { name, language } of templatesOf(verdict)) {
    const { events = [] } = templates.get(templateStream(account.account, name, language)) ?? {};
    for (const recorded of events.slice(0, (evidence.templateRevision ?? -1) + 1)) add('template', recorded);
  }
  return facts;
};

const isActivity = (event: CustomerEvent): boolean =>
  event.type === 'MessageDelivered' ||
  event.type === 'MessageRead' ||
  (event.type === 'CustomerMessageReceived' && event.authored);
