import {
  billingMonth,
  evolveAccount,
  initialAccount,
  policyAt,
  type AccountEvent,
  type AccountState,
} from '#domain/account';
import type { CustomerEvent, Decided, Said } from '#domain/gate/events';
import { evolve } from '#domain/gate/evolve';

import { initialCustomer, type CustomerState } from '#domain/gate/state';
import type { Difference } from '#domain/history/compare';
import { explainedRules, type RuleExplanation } from '#domain/history/inputs';
import { discrepancies, isExact, saidBy, situationOf, usersAsRecorded, type Known } from '#domain/history/rederive';
import { isDecided, isVerdict, type Verdict } from '#domain/gate/verdict';
import type { Policy } from '#domain/policy';
import { evolveTemplate, initialTemplate, type TemplateEvent } from '#domain/template';
import type { Instant } from '#domain/time';
import { InfrastructureError } from '../errors.js';
import type { EventStore, RecordedEvent } from '../ports/event-store.js';
import type { IntentKey } from '../ports/read-model.js';
import { accountStream, streamParts, templateStream } from '../streams.js';
import { factsOf, placed, templatesOf, type FactRelied, type TemplateHistory } from './facts-relied.js';
import { LogFold } from './log-fold.js';
import { streamsOfPerson, type PersonStream } from './person.js';
import { readLog } from './read-log.js';

export interface DecisionExplained {
  readonly id: string;
  readonly revision: number;
  readonly at: Instant;
  readonly recordedAt: Instant;
  readonly said: Said;
  readonly recorded: Verdict;
  /** The rule that decided; undefined for a cancellation, which the upstream decides. */
  readonly rule?: string | undefined;
  readonly rules: readonly RuleExplanation[];
  readonly fallbackRules?: readonly RuleExplanation[] | undefined;
  readonly facts: readonly FactRelied[];
  /** The policy in force; the record names its version. */
  readonly policy?: Policy | undefined;
  readonly cost?: Decided['cost'] | undefined;
  /** What would have changed it. */
  readonly remedy?: string | undefined;
  /** What facts that came late say of it (ADR 0025), in their order; undefined where there are none. */
  readonly revisions?: readonly DecisionRevised[] | undefined;
  /** `a` as recorded, `b` as derived from the log. Empty: the record is what the rules give. */
  readonly differences: readonly Difference[];
}

/** A late fact that changes what the rules say of a decision that stands. */
export interface DecisionRevised {
  /** Of the event that says so. */
  readonly id: string;
  readonly was: Said;
  readonly withLateFacts: Said;
  /** The late fact: its event's id and type, when it was true, and when it was recorded. */
  readonly because: string;
  readonly fact: string;
  readonly trueAt: Instant;
  readonly recordedAt: Instant;
}

export interface Explanation extends IntentKey {
  /** In the order in which they were taken. The last one stands. */
  readonly decisions: readonly DecisionExplained[];
  /** What else the customer's stream tells about the intent. */
  readonly course: readonly Omit<FactRelied, 'as'>[];
  readonly agrees: boolean;
}

export interface ExplainOptions {
  /** Count the active users from the log instead of taking the count that the record implies: reads the whole log. */
  readonly countUsers?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Tells why an intent was decided as it was, derived anew from the log and compared with the record. */
export class Explain {
  constructor(private readonly store: EventStore) {}

  /** @throws InfrastructureError `not-found` when the log holds no decision on the intent */
  async run(key: IntentKey, options: ExplainOptions = {}): Promise<Explanation> {
    const { account, intentId } = key;
    const person = await streamsOfPerson(this.store, key);
    const streams = person.filter(({ events }) =>
      events.some(({ event }) => isVerdict(event) && isOn(event, intentId)),
    );
    const explained = await this.#ofStreams(account, streams, person, (event) => isOn(event, intentId), options);
    const { customer } = explained.at(-1) ?? {};
    if (customer === undefined) {
      const message = `The log holds no decision on intent ${intentId} of this customer.`;
      throw new InfrastructureError('not-found', message, { field: 'intentId' });
    }
    const decisions = explained.map(({ decision }) => decision);
    return {
      account,
      customer,
      intentId,
      decisions,
      course: inOrder(streams.flatMap(({ events }) => events)).flatMap((recorded) =>
        isOn(recorded.event, intentId) && isCourse(recorded.event) ? [placed(recorded)] : [],
      ),
      agrees: decisions.every(({ differences }) => differences.length === 0),
    };
  }

  /** All decisions on one person, in their order. */
  async ofPerson(account: string, streams: readonly PersonStream[], options: ExplainOptions = {}) {
    return (await this.#ofStreams(account, streams, streams, () => true, options)).map(({ decision }) => decision);
  }

  /** Each stream is explained by its own history, which a takeover is an event of. */
  async #ofStreams(
    account: string,
    streams: readonly PersonStream[],
    person: readonly PersonStream[],
    isWanted: (event: RecordedEvent['event']) => boolean,
    options: ExplainOptions,
  ) {
    const revisions = revisionsIn(person);
    const positions = new Map(streams.flatMap(({ events }) => events.map(({ id, position }) => [id, position])));
    const explained: { readonly customer: string; readonly decision: DecisionExplained }[] = [];
    for (const { customer, events } of streams) {
      for (const decision of await this.#decisions(account, events, isWanted, options))
        explained.push({ customer, decision: { ...decision, revisions: revisions.get(decision.id) } });
    }
    return explained.toSorted((a, b) => (positions.get(a.decision.id) ?? 0) - (positions.get(b.decision.id) ?? 0));
  }

  async #decisions(
    account: string,
    events: readonly RecordedEvent[],
    isWanted: (event: RecordedEvent['event']) => boolean,
    options: ExplainOptions,
  ): Promise<readonly DecisionExplained[]> {
    const [accountEvents = []] = await this.store.readStreams([{ stream: accountStream(account), fromRevision: 0 }]);
    const accounts = statesOf(accountEvents, initialAccount(account), (state, { event, revision }) => ({
      ...evolveAccount(state, event as AccountEvent),
      revision,
    }));
    const verdicts = events.flatMap(({ event }) => (isVerdict(event) && isWanted(event) ? [event] : []));
    const templates = await this.#templates(account, verdicts);
    const counted =
      options.countUsers === true ? await this.#usersCounted(account, verdicts, options.signal) : undefined;
    let state = initialCustomer;
    return events.flatMap((recorded, index) => {
      const event = recorded.event as CustomerEvent;
      const before = state;
      state = evolve(state, event);
      if (!isVerdict(event) || !isWanted(event)) return [];
      const known = knownTo(event, before, account, accounts, templates, counted);
      return [explained(event, recorded, known, events.slice(0, index), accountEvents, templates)];
    });
  }

  async #templates(account: string, verdicts: readonly Verdict[]): Promise<ReadonlyMap<string, TemplateHistory>> {
    const wanted = new Map(
      verdicts
        .flatMap(templatesOf)
        .map((content) => [templateStream(account, content.name, content.language), content]),
    );
    const reads = [...wanted.keys()].map((stream) => ({ stream, fromRevision: 0 }));
    const streams = reads.length === 0 ? [] : await this.store.readStreams(reads);
    return new Map(
      [...wanted].map(([stream, { name, language }], index) => {
        const events = streams[index] ?? [];
        const states = statesOf(events, initialTemplate(name, language), (state, { event, revision }) => ({
          ...evolveTemplate(state, event as TemplateEvent),
          revision,
        }));
        return [stream, { events, states }];
      }),
    );
  }

  /** Reads the log as far as the decisions counted. */
  async #usersCounted(account: string, verdicts: readonly Verdict[], signal?: AbortSignal) {
    const fold = new LogFold();
    const last = Math.max(
      -1,
      ...verdicts.flatMap((event) => (isDecided(event) ? (event.evidence.mauPosition ?? []) : [])),
    );
    if (last === -1) return fold;
    for await (const events of readLog(this.store, { name: 'explain', categories: ['customer', 'account'], signal })) {
      for (const recorded of events) {
        if (recorded.position > last) return fold;
        const parts = streamParts(recorded.stream);
        if (parts?.account !== account) continue;
        if (parts.category === 'customer') fold.count(fold.customer(recorded.stream, account), recorded);
        else fold.takeDirectory(recorded, parts);
      }
    }
    signal?.throwIfAborted();
    return fold;
  }
}

const inOrder = (events: readonly RecordedEvent[]): readonly RecordedEvent[] =>
  events.toSorted((a, b) => a.position - b.position);

const statesOf = <State>(
  events: readonly RecordedEvent[],
  initial: State,
  next: (state: State, recorded: RecordedEvent) => State,
): readonly State[] => {
  let state = initial;
  return events.map((recorded) => (state = next(state, recorded)));
};

/** By the decision's id. After a link they stand in the stream that goes on. */
const revisionsIn = (streams: readonly PersonStream[]): ReadonlyMap<string, readonly DecisionRevised[]> => {
  const revisions = new Map<string, DecisionRevised[]>();
  for (const { id, event } of inOrder(streams.flatMap(({ events }) => events))) {
    if (event.type !== 'VerdictRevised') continue;
    const { decision, was, withLateFacts, because, fact, trueAt, at } = event;
    const revised = { id, was, withLateFacts, because, fact, trueAt, recordedAt: at };
    const known = revisions.get(decision);
    if (known === undefined) revisions.set(decision, [revised]);
    else known.push(revised);
  }
  return revisions;
};

const isCourse = (event: RecordedEvent['event']): boolean => !isVerdict(event) && event.type !== 'VerdictRevised';

const isOn = (event: RecordedEvent['event'], intentId: string): boolean => {
  if ('intentId' in event) return event.intentId === intentId;
  return 'intent' in event && event.intent?.intentId === intentId;
};

const knownTo = (
  event: Verdict,
  customer: CustomerState,
  account: string,
  accounts: readonly AccountState[],
  templates: ReadonlyMap<string, TemplateHistory>,
  counted: LogFold | undefined,
): Known => {
  if (!isDecided(event)) return { customer, account: initialAccount(account), template: () => undefined, users: 0 };
  const { accountRevision, templateRevision, mauPosition } = event.evidence;
  const state = accounts[accountRevision] ?? initialAccount(account);
  return {
    customer,
    account: state,
    template: (name, language) =>
      templateRevision === undefined
        ? undefined
        : templates.get(templateStream(account, name, language))?.states[templateRevision],
    users:
      counted === undefined || mauPosition === undefined
        ? usersAsRecorded(event, state)
        : counted.usersAt(account, billingMonth(state, event.at).month, mauPosition),
  };
};

const explained = (
  verdict: Verdict,
  recorded: RecordedEvent,
  known: Known,
  before: readonly RecordedEvent[],
  accountEvents: readonly RecordedEvent[],
  templates: ReadonlyMap<string, TemplateHistory>,
): DecisionExplained => {
  const { id, revision, recordedAt } = recorded;
  const found = discrepancies(verdict, known);
  const base = { id, revision, at: verdict.at, recordedAt, said: saidBy(verdict), recorded: verdict };
  if (!isDecided(verdict)) return { ...base, rules: [], facts: [], differences: found };
  const rules = explainedRules(verdict, situationOf(verdict, known));
  const inexact: readonly Difference[] = isExact(verdict, revision)
    ? []
    : [{ field: 'evidence.customerRevision', a: verdict.evidence.customerRevision, b: revision - 1 }];
  return {
    ...base,
    rule: verdict.rule,
    rules: rules.own,
    fallbackRules: rules.fallback,
    facts: factsOf(verdict, known, before, accountEvents, templates),
    policy: policyAt(known.account, verdict.at),
    cost: verdict.cost,
    remedy: verdict.type === 'SendRefused' ? verdict.remedy : undefined,
    differences: [...found, ...inexact],
  };
};
