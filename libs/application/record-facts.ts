import { initialAccount } from '#domain/account';
import { record, type Report } from '#domain/gate/record';
import type { CustomerFact } from '#domain/gate/events';
import { isFormer } from '#domain/gate/merge';
import { factIds, type Customer } from './customer.js';
import type { Customers, CustomerTask } from './customers.js';
import type { Directory } from './directory.js';
import type { EventMetadata } from './ports/event-store.js';
import type { CustomerKey, ReadModel } from './ports/read-model.js';
import type { Alarm } from './ports/telemetry.js';
import { customerStream } from './streams.js';

/** One message about a customer, valid in itself. */
export interface FactCommand extends CustomerKey {
  readonly report: Report;
  readonly metadata: EventMetadata;
}

export type FactAnswer =
  | { readonly kind: 'recorded'; readonly alarms: readonly Alarm[] }
  | { readonly kind: 'duplicate' }
  /** The time is missing or absurd (rules §3). */
  | { readonly kind: 'quarantined'; readonly field: string }
  /** An opt-in by an alias that the customer gave up, and a policy that does not carry it over (ADR 0020). */
  | { readonly kind: 'given-up' }
  | { readonly kind: 'unknown-account' };

const PER_APPEND = 200;

interface Fact {
  readonly command: FactCommand;
  readonly events: readonly CustomerFact[];
  readonly index: number;
}

/** Records what came in about customers: once, classified by the policy in force at its own time (rules §3, §4). */
export class RecordFacts {
  constructor(
    private readonly customers: Customers,
    private readonly directory: Directory,
    private readonly readModel: Pick<ReadModel, 'knownFacts'>,
  ) {}

  /** Answers in the order of the commands. */
  async run(commands: readonly FactCommand[]): Promise<readonly FactAnswer[]> {
    const unknown = new Set(
      commands.map(({ account }) => account).filter((account) => this.directory.account(account) === undefined),
    );
    if (unknown.size > 0) await this.directory.refreshAccounts([...unknown]);
    const answers: FactAnswer[] = [];
    const groups = new Map<
      string,
      {
        readonly key: CustomerKey;
        readonly facts: Fact[];
      }
    >();
    commands.forEach((command, index) => {
      const account = this.directory.account(command.account);
      if (account === undefined) {
        answers[index] = { kind: 'unknown-account' };
        return;
      }
      const recorded = record(command.report, account);
      if (recorded.kind === 'quarantined') {
        answers[index] = recorded;
        return;
      }
      const alarms: readonly Alarm[] = [
        ...(recorded.alarm === undefined ? [] : [recorded.alarm]),
        ...(recorded.events.some((event) => 'clamped' in event && event.clamped === true)
          ? (['clamped-time'] as const)
          : []),
      ];
      answers[index] = { kind: 'recorded', alarms };
      const stream = customerStream(command.account, command.customer);
      const group = groups.get(stream) ?? { key: command, facts: [] };
      group.facts.push({ command, events: recorded.events, index });
      groups.set(stream, group);
    });
    const all = [...groups.values()];
    for (let from = 0; ; from += PER_APPEND) {
      const round = all.filter(({ facts }) => facts.length > from);
      if (round.length === 0) return answers;
      const customers = await this.customers.load(round.map(({ key }) => key));
      const factsOf = (place: number): readonly Fact[] => round[place]?.facts.slice(from, from + PER_APPEND) ?? [];
      const idsOf = (customer: Customer, place: number): readonly string[] =>
        factsOf(place).flatMap(({ events }) => events.flatMap((event) => factIds(customer, event)));
      // Asked after the load: the read model then knows at least what the loaded rows stand on.
      const known = new Set(await this.readModel.knownFacts(customers.flatMap(idsOf)));
      await this.customers.run(
        customers.map((loaded, place): CustomerTask => ({
          customer: loaded,
          relinked: async (customer) => {
            for (const id of await this.readModel.knownFacts(idsOf(customer, place))) known.add(id);
          },
          decide: (customer) => {
            const { recent, state } = customer;
            const seen = new Set<string>();
            return factsOf(place).flatMap(({ command, events, index }) => {
              const facts = isFormer(state, command.customer) ? this.#ofFormer(command) : events;
              if (facts.length === 0) answers[index] = { kind: 'given-up' };
              const news = facts.filter((event) => {
                const ids = factIds(customer, event);
                const isNew = !ids.some((id) => seen.has(id) || recent.hasFact(id) || known.has(id));
                for (const id of ids) seen.add(id);
                return isNew;
              });
              if (news.length === 0 && facts.length > 0) answers[index] = { kind: 'duplicate' };
              return news.length === 0 ? [] : [{ events: news, metadata: command.metadata }];
            });
          },
        })),
      );
    }
  }

  /** Classified again: what comes by an alias that was given up opens nothing. */
  #ofFormer({ account, report }: FactCommand): readonly CustomerFact[] {
    const recorded = record(report, this.directory.account(account) ?? initialAccount(account), true);
    return recorded.kind === 'facts' ? recorded.events : [];
  }
}
