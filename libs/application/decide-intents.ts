import type { Situation } from '#domain/gate/context';
import { answer, cancel, inHeldOrder, release } from '#domain/gate/decide';
import type { CustomerEvent } from '#domain/gate/events';
import type { IntentPersonal, SendIntent } from '#domain/gate/intent';
import { isFormer } from '#domain/gate/merge';
import { openIntent } from '#domain/gate/state';
import { standingAfter, type Customer, type Standing } from './customer.js';
import type { Customers, CustomerTask } from './customers.js';
import type { Directory } from './directory.js';
import type { Clock } from './ports/clock.js';
import type { EventMetadata } from './ports/event-store.js';
import type { CustomerKey, DecisionOutcome, IntentKey, ReadModel } from './ports/read-model.js';
import { after, Situations, type SituationOf } from './situations.js';

/** One message of send-intents, valid in itself. */
export type IntentCommand = CustomerKey & { readonly metadata: EventMetadata } & (
    | { readonly kind: 'send'; readonly intent: SendIntent; readonly personal: IntentPersonal }
    | { readonly kind: 'cancel'; readonly intentId: string; readonly reason?: string | undefined }
  );

export type IntentAnswer =
  /** New events are stored, and the subscription on the log will publish the decision. */
  | { readonly kind: 'decided'; readonly outcome: CustomerEvent['type'] }
  /** The standing decision is the answer, and was published. */
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'conflict' }
  /** A cancellation that changes nothing: this outcome stands. */
  | { readonly kind: 'too-late'; readonly outcome: DecisionOutcome }
  | { readonly kind: 'unknown-account' };

/** So many intents of one customer go into one append: it stays far below the store's limit per append. */
const PER_APPEND = 50;

const idOf = (command: IntentCommand): string => (command.kind === 'send' ? command.intent.intentId : command.intentId);

/** Decides a batch of send intents against the customers' streams (architecture §5). */
export class DecideIntents {
  readonly #situations: Situations;

  constructor(
    private readonly customers: Customers,
    private readonly directory: Directory,
    private readonly readModel: Pick<ReadModel, 'decisions' | 'activeUsers'>,
    clock: Clock,
  ) {
    this.#situations = new Situations(directory, readModel, clock);
  }

  /** Answers in the order of the commands. Commands of one customer are decided one after the other on the folded state. */
  async run(commands: readonly IntentCommand[]): Promise<readonly IntentAnswer[]> {
    // Looked up before the answers, so that an account registered a moment ago is known.
    const situationOf = await this.#situations.of(commands);
    const answers: IntentAnswer[] = commands.map(({ account }) =>
      this.directory.account(account) === undefined ? { kind: 'unknown-account' } : { kind: 'duplicate' },
    );
    const groups = new Map<string, number[]>();
    commands.forEach(({ account, customer }, index) => {
      if (answers[index]?.kind === 'unknown-account') return;
      const key = `${account}/${customer}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [index]);
      else group.push(index);
    });
    for (let from = 0; groups.size > 0; from += PER_APPEND) {
      const round: number[][] = [];
      for (const [key, group] of groups) {
        round.push(group.slice(from, from + PER_APPEND));
        if (group.length <= from + PER_APPEND) groups.delete(key);
      }
      await this.#decideRound(round, commands, answers, situationOf);
    }
    return answers;
  }

  /**
   * Looks again at intents that are held: those whose time has come or whose obstacle is gone (rules §8).
   * Resolves with those that are decided anew.
   */
  async release(intents: readonly IntentKey[]): Promise<readonly IntentKey[]> {
    const situationOf = await this.#situations.of(intents);
    const byCustomer = new Map<string, IntentKey[]>();
    for (const intent of intents) {
      const key = `${intent.account}/${intent.customer}`;
      const group = byCustomer.get(key);
      if (group === undefined) byCustomer.set(key, [intent]);
      else group.push(intent);
    }
    const groups = [...byCustomer.values()];
    const released: (readonly IntentKey[])[] = groups.map(() => []);
    // A release that changes nothing appends nothing, so only a fresh read can tell that nothing was missed.
    const customers = await this.customers.readOn(await this.customers.load(groups.flatMap(([first]) => first ?? [])));
    const tasks = customers.map((loaded, place): CustomerTask => ({
      customer: loaded,
      decide: (customer) => {
        let situation = situationOf(customer);
        const decidedAnew: IntentKey[] = [];
        // Each time from nothing: after a conflict another process may have been faster.
        released[place] = decidedAnew;
        return inHeldOrder(groups[place] ?? [], customer.state).flatMap((key) => {
          const { intentId } = key;
          const open = openIntent(situation.customer, intentId);
          const events = open === undefined ? [] : release(open, situation);
          if (events.length === 0) return [];
          decidedAnew.push(key);
          situation = after(situation, events);
          return [{ events, metadata: { correlationId: intentId, causationId: intentId }, state: situation.customer }];
        });
      },
    }));
    await this.customers.run(tasks);
    return released.flat();
  }

  async #decideRound(
    groups: readonly (readonly number[])[],
    commands: readonly IntentCommand[],
    answers: IntentAnswer[],
    situationOf: SituationOf,
  ) {
    const keys = groups.flatMap((group) => commands[group[0] ?? -1] ?? []);
    const loaded = await this.customers.load(keys);
    const priors = await this.#priors(groups, commands, loaded);
    const tasks = loaded.map((customer, place): CustomerTask => ({
      customer,
      // Another alias of the customer may have been asked the same.
      relinked: async (newest) => {
        for (const [key, prior] of await this.#priors([groups[place] ?? []], commands, [newest]))
          priors.set(key, prior);
      },
      decide: (newest) => this.#decideGroup(newest, groups[place] ?? [], commands, answers, priors, situationOf),
    }));
    await this.customers.run(tasks);
  }

  #decideGroup(
    customer: Customer,
    group: readonly number[],
    commands: readonly IntentCommand[],
    answers: IntentAnswer[],
    priors: ReadonlyMap<string, Standing>,
    situationOf: SituationOf,
  ) {
    let situation = situationOf(customer);
    /** By the decisions of this append, which are not stored yet. */
    const deciding = new Map<string, Standing>();
    return group.flatMap((index) => {
      const command = commands[index];
      if (command === undefined) return [];
      const intentId = idOf(command);
      const stored = withFingerprint(customer.recent.decision(intentId), priorOf(priors, customer, intentId));
      const prior = withFingerprint(deciding.get(intentId), stored);
      const { answer: said, events } = respond(asAddressed(command, customer), prior, situation);
      answers[index] = said;
      if (events.length === 0) return [];
      situation = after(situation, events);
      for (const event of events) {
        const decision = standingAfter(event, (id) => deciding.get(id));
        if (decision !== undefined) deciding.set(decision.intentId, decision.standing);
      }
      return [{ events, metadata: command.metadata, state: situation.customer }];
    });
  }

  /** Decisions that the customers' loaded state does not reach back to, under each of their aliases: one query for the batch. */
  async #priors(
    groups: readonly (readonly number[])[],
    commands: readonly IntentCommand[],
    loaded: readonly Customer[],
  ): Promise<Map<string, Standing>> {
    const wanted: IntentKey[] = [];
    groups.forEach((group, place) => {
      const customer = loaded[place];
      if (customer === undefined) return;
      const { account, rowRevision } = customer;
      for (const id of namesOf(customer)) {
        if (id === customer.customer && rowRevision < 0) continue;
        for (const index of group) {
          const command = commands[index];
          if (command !== undefined) wanted.push({ account, customer: id, intentId: idOf(command) });
        }
      }
    });
    const rows = wanted.length === 0 ? [] : await this.readModel.decisions(wanted);
    return new Map(
      rows.map(({ account, customer, intentId, fingerprint, outcome }): [string, Standing] => [
        `${account}/${customer}/${intentId}`,
        { fingerprint: fingerprint === '' ? null : fingerprint, outcome },
      ]),
    );
  }
}

/** Under which ids decisions on the customer may stand: its own, and those that it took over. */
const namesOf = ({ customer, state: { aliases } }: Customer): readonly string[] =>
  aliases === undefined ? [customer] : [customer, ...aliases];

const priorOf = (priors: ReadonlyMap<string, Standing>, customer: Customer, intentId: string): Standing | undefined => {
  let prior: Standing | undefined;
  for (const id of namesOf(customer))
    prior = withFingerprint(prior, priors.get(`${customer.account}/${id}/${intentId}`));
  return prior;
};

/** An intent for an alias that was given up is judged as such (ADR 0020). */
const asAddressed = (command: IntentCommand, { state }: Customer): IntentCommand =>
  command.kind === 'send' && isFormer(state, command.customer)
    ? { ...command, intent: { ...command.intent, former: true } }
    : command;

/** The later decision stands; the content it was taken on may be known only to the earlier. */
const withFingerprint = (later: Standing | undefined, earlier: Standing | undefined): Standing | undefined =>
  later === undefined ? earlier : { ...later, fingerprint: later.fingerprint ?? earlier?.fingerprint ?? null };

const respond = (
  command: IntentCommand,
  prior: Standing | undefined,
  situation: Situation,
): { readonly answer: IntentAnswer; readonly events: readonly CustomerEvent[] } => {
  if (command.kind === 'cancel') {
    const cancelled = cancel(command.intentId, command.reason, prior, situation);
    if (cancelled.kind === 'cancelled') {
      return { answer: { kind: 'decided', outcome: 'SendCancelled' }, events: cancelled.events };
    }
    // What is open and too late to cancel was authorised, also where a merge brought it without its decision.
    const isOpen = openIntent(situation.customer, command.intentId) !== undefined;
    const outcome = isOpen || prior === undefined ? 'authorised' : prior.outcome;
    return { answer: outcome === 'cancelled' ? { kind: 'duplicate' } : { kind: 'too-late', outcome }, events: [] };
  }
  const said = answer(command.intent, command.personal, prior, situation);
  return said.kind === 'decided'
    ? { answer: { kind: 'decided', outcome: said.events[0].type }, events: said.events }
    : { answer: said, events: [] };
};
