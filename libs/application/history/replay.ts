import { policyAt } from '#domain/account';
import type { CustomerEvent, Decided } from '#domain/gate/events';
import type { CustomerState } from '#domain/gate/state';
import { chargeFor, type Charge, type Conversations } from '#domain/history/charge';
import { wasTrueAt } from '#domain/history/late';
import { discrepancies, isExact, saidBy, spokenVerdict, usersAsRecorded, type Known } from '#domain/history/rederive';
import { isDecided, isVerdict, type Verdict } from '#domain/gate/verdict';
import { initialHypothesis, supposing, takenOver, type Hypothetical, type Step } from '#domain/history/what-if';
import { policyVersion, type Policy } from '#domain/policy';
import { categoryAt } from '#domain/template';
import { latest, type Instant } from '#domain/time';
import type { EventStore, RecordedEvent } from '../ports/event-store.js';
import type { Scratch } from '../ports/scratch.js';
import { customerStream, streamParts } from '../streams.js';
import { revisedVerdicts } from './late-verdicts.js';
import { LogFold, monthCounted, type FoldedCustomer } from './log-fold.js';
import { readLog, type Advanced } from './read-log.js';
import { LISTED, placeOf, type ReplayReport, type RevisedVerdict } from './replay-report.js';
import { countUp, initialTally, type Counts } from './replay-tally.js';
import { SpilledCustomers } from './spilled-customers.js';

export interface ReplayRequest {
  /** Decisions taken from then on; without it from the first. */
  readonly from?: Instant | undefined;
  /** Decisions taken before then. */
  readonly to?: Instant | undefined;
  readonly account?: string | undefined;
  /** The log is a copy: positions that decisions name are the source's, so their count of users is taken as recorded. */
  readonly copied?: boolean | undefined;
  /** What-if: decide under this policy instead of each decision's own. */
  readonly policy?: Policy | undefined;
}

/** What the replay keeps of one customer beside its state. */
export interface Replayed {
  /** When the latest decision was taken: a fact of before that comes after it is late. */
  decidedAt?: Instant;
  conversations?: Conversations;
  hypothesis?: Hypothetical;
  hypotheticalMonths?: readonly string[];
  hypotheticalConversations?: Conversations;
}

type Customer = FoldedCustomer<Replayed>;

/** Each takes one to three kilobytes. */
const ROOM = 50_000;

/**
 * Streams the log once, in order, and decides every recorded intent again on the state of its moment: the same verdict
 * must come out. Under another policy it also follows what the customers' histories would then have been. Never sends
 * and never writes to the store.
 */
export class Replay {
  readonly fold = new LogFold<Replayed>();
  readonly customers: SpilledCustomers<Replayed>;
  /** Streams with facts that came after a decision that they were true at. Few have any. */
  readonly late = new Set<string>();
  tally = initialTally();

  /**
   * @param scratch for customers that have no room in memory
   * @param room for so many
   */
  constructor(
    private readonly store: EventStore,
    private readonly request: ReplayRequest,
    scratch: Scratch,
    room = ROOM,
  ) {
    this.customers = new SpilledCustomers(this.fold.customers, scratch, room);
  }

  /**
   * Runs to the end of the log, or until the signal aborts; then it can be run on.
   * @param advanced between batches: then a checkpoint can be taken
   * @returns whether the end was reached
   */
  async run(signal: AbortSignal, advanced?: Advanced): Promise<boolean> {
    const { position } = this.tally;
    const categories = ['customer', 'template', 'account'] as const;
    await this.customers.spill();
    for await (const events of readLog(this.store, { name: 'replay', after: position, categories, signal })) {
      await this.customers.recall(events);
      for (const recorded of events) this.#take(recorded);
      await this.customers.spill(events);
      this.tally.events += events.length;
      const last = events.at(-1);
      if (last === undefined) continue;
      this.tally.position = last.position;
      await advanced?.({ events: this.tally.events, recordedAt: last.recordedAt });
    }
    return !signal.aborted;
  }

  /** After `run` has reached the end: streams with late facts are read again for it. */
  async report(): Promise<ReplayReport> {
    const { from, to, account, policy } = this.request;
    const { events, customers, decisions, findings, changed, recorded, whatIf, notAsked } = this.tally;
    const activeUsers: Counts = {};
    for (const [key, users] of this.fold.users()) activeUsers[key] = users;
    return {
      from,
      to,
      account,
      policy: policy === undefined ? undefined : policyVersion(policy),
      events,
      customers,
      decisions,
      findings,
      revised: await this.#revised(),
      recorded: { ...recorded, activeUsers },
      whatIf: policy === undefined ? undefined : { ...whatIf, notAsked, changed },
    };
  }

  async #revised(): Promise<ReplayReport['revised']> {
    let count = 0;
    const first: RevisedVerdict[] = [];
    const knownTo = (account: string, customer: CustomerState, event: Decided) =>
      this.#isWanted(event) ? this.#decidedOn(account, customer, event) : undefined;
    for await (const verdict of revisedVerdicts(this.store, [...this.late], knownTo)) {
      count += 1;
      if (first.length < LISTED) first.push(verdict);
    }
    return { count, first };
  }

  #take(recorded: RecordedEvent): void {
    // Most events are of a customer already met: its stream's name need not be read again.
    const known = this.fold.customers.get(recorded.stream);
    if (known !== undefined) return this.#takeCustomer(recorded, known);
    const parts = streamParts(recorded.stream);
    if (parts === undefined || (this.request.account !== undefined && parts.account !== this.request.account)) return;
    if (parts.category !== 'customer') return this.fold.takeDirectory(recorded, parts);
    this.tally.customers += 1;
    this.#takeCustomer(recorded, this.fold.customer(recorded.stream, parts.account));
  }

  #takeCustomer(recorded: RecordedEvent, customer: Customer): void {
    const event = recorded.event as CustomerEvent;
    const decidedAt = customer.extra?.decidedAt;
    if (isVerdict(event)) this.#judge(event, recorded, customer);
    else if (decidedAt !== undefined && wasTrueAt(event, decidedAt)) this.late.add(recorded.stream);
    const before = customer.state;
    this.fold.takeCustomer(customer, recorded);
    if (before.survivor === undefined && customer.state.survivor !== undefined) this.tally.customers -= 1;
    const { policy } = this.request;
    if (policy !== undefined) this.#suppose(event, recorded, customer, policy, { before, after: customer.state });
  }

  #judge(event: Verdict, recorded: RecordedEvent, customer: Customer): void {
    const { account } = customer;
    if (isDecided(event)) extraOf(customer).decidedAt = latest(customer.extra?.decidedAt, event.at);
    if (!this.#isWanted(event)) return;
    const { tally } = this;
    tally.decisions += 1;
    countUp(tally.recorded.verdicts, spokenVerdict(saidBy(event)));
    const known = this.#knownTo(account, customer, event);
    const found = [...discrepancies(event, known)];
    if (isDecided(event)) {
      countUp(tally.recorded.cost, event.cost);
      if (!isExact(event, recorded.revision)) {
        const a = event.evidence.customerRevision;
        found.push({ field: 'evidence.customerRevision', a, b: recorded.revision - 1 });
      }
      if (event.type === 'SendAuthorised') {
        const policy = policyAt(known.account, event.at);
        const extra = extraOf(customer);
        extra.conversations = this.#charge(event, account, policy, extra.conversations, tally.recorded.charges);
      }
    }
    if (found.length === 0) return;
    tally.findings.count += 1;
    if (tally.findings.first.length < LISTED)
      tally.findings.first.push({ ...placeOf(event, recorded), differences: found });
  }

  #suppose(event: CustomerEvent, recorded: RecordedEvent, customer: Customer, policy: Policy, step: Step): void {
    const { tally, fold } = this;
    const { account } = customer;
    const extra = extraOf(customer);
    const known = this.#knownTo(account, customer, event);
    // The fallback may be judged only under this policy: then no revision of its template is recorded, and the latest counts.
    const template = (name: string, language: string) =>
      known.template(name, language) ?? fold.template(account, name, language);
    const hypothesis = extra.hypothesis ?? initialHypothesis;
    const { next, decided, happened } = supposing(
      hypothesis,
      this.#supposed(event, account),
      policy,
      { ...known, template },
      step,
    );
    extra.hypothesis = next;
    if (event.type === 'CustomerMerged') this.#supposeUnited(event.from, account, extra);
    if (happened !== undefined) this.#countSupposed(happened, recorded, account, extra);
    if (!isDecided(event) || !this.#isWanted(event)) return;
    if (decided === undefined) {
      tally.notAsked += 1;
      return;
    }
    const said = saidBy(event);
    const underPolicy = saidBy(decided);
    countUp(tally.whatIf.verdicts, spokenVerdict(underPolicy));
    countUp(tally.whatIf.cost, decided.cost);
    if (decided.type === 'SendAuthorised') {
      extra.hypotheticalConversations = this.#charge(
        decided,
        account,
        policy,
        extra.hypotheticalConversations,
        tally.whatIf.charges,
      );
    }
    if (said.outcome === underPolicy.outcome && said.reason === underPolicy.reason) return;
    tally.changed.count += 1;
    countUp(tally.changed.by, `${spokenVerdict(said)} → ${spokenVerdict(underPolicy)}`);
    if (tally.changed.first.length < LISTED)
      tally.changed.first.push({ ...placeOf(event, recorded), said, underPolicy });
  }

  /** The messages that the other would not have been sent, and the months in which it would have been active. */
  #supposeUnited(from: string, account: string, extra: Replayed): void {
    const loser = this.fold.customers.get(customerStream(account, from))?.extra;
    const next = extra.hypothesis ?? initialHypothesis;
    const unsent = loser?.hypothesis?.unsent ?? [];
    extra.hypothesis = unsent.length === 0 ? next : { ...next, unsent: [...next.unsent, ...unsent] };
    const own = extra.hypotheticalMonths ?? [];
    const months = loser?.hypotheticalMonths ?? [];
    const { activeUsers } = this.tally.whatIf;
    for (const month of months.filter((each) => own.includes(each))) {
      const key = `${account}/${month}`;
      activeUsers[key] = (activeUsers[key] ?? 0) - 1;
    }
    extra.hypotheticalMonths = [...new Set([...own, ...months])];
  }

  /** What a customer takes over is what the other's history would have been. */
  #supposed(event: CustomerEvent, account: string): CustomerEvent {
    if (event.type !== 'CustomerMerged') return event;
    const hypothesis = this.fold.customers.get(customerStream(account, event.from))?.extra?.hypothesis;
    return hypothesis?.state === undefined ? event : takenOver(event, hypothesis.state);
  }

  #countSupposed(event: CustomerEvent, { recordedAt }: RecordedEvent, account: string, extra: Replayed) {
    const month = monthCounted(event, this.fold.account(account), recordedAt);
    const months = extra.hypotheticalMonths ?? [];
    if (month === undefined || months.includes(month)) return;
    extra.hypotheticalMonths = [...months, month];
    countUp(this.tally.whatIf.activeUsers, `${account}/${month}`);
  }

  #charge(
    event: Extract<Decided, { type: 'SendAuthorised' }>,
    account: string,
    policy: Policy,
    before: Conversations | undefined,
    charges: { [charge in Charge]?: number } & Counts,
  ): Conversations {
    const content = event.content === 'fallback' ? event.intent.fallback : event.intent.content;
    const template =
      content?.kind === 'template'
        ? this.fold.template(account, content.name, content.language, event.evidence.templateRevision)
        : undefined;
    const category = template === undefined ? undefined : categoryAt(template, event.at);
    const { charge, conversations } = chargeFor(event, category, policy, before ?? {});
    countUp(charges, charge);
    return conversations;
  }

  #knownTo(account: string, customer: Customer, event: CustomerEvent): Known {
    return isDecided(event)
      ? this.#decidedOn(account, customer.state, event)
      : { customer: customer.state, account: this.fold.account(account), template: unknownTemplate, users: 0 };
  }

  #decidedOn(account: string, customer: CustomerState, event: Decided): Known {
    const known = this.fold.knownTo(account, customer, event);
    return this.request.copied === true ? { ...known, users: usersAsRecorded(event, known.account) } : known;
  }

  #isWanted({ at }: Verdict): boolean {
    const { from, to } = this.request;
    return (from === undefined || at >= from) && (to === undefined || at < to);
  }
}

const unknownTemplate = (): undefined => undefined;

const extraOf = (customer: Customer): Replayed => (customer.extra ??= {});
