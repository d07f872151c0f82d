import type { Situation } from '#domain/gate/context';
import type { CustomerEvent } from '#domain/gate/events';
import { report, type DeliveryReport, type Failure } from '#domain/gate/outcome';
import { openIntent } from '#domain/gate/state';
import { providerTime } from '#domain/time';
import { decideByCustomer, loadFresh, rounds } from './by-customer.js';
import { intentOf } from './correlation.js';
import { factIds, type Customer } from './customer.js';
import type { Customers } from './customers.js';
import type { Sending } from './pacing.js';
import type { Clock } from './ports/clock.js';
import type { EventMetadata } from './ports/event-store.js';
import type { CustomerKey, ReadModel } from './ports/read-model.js';
import type { Situations } from './situations.js';
import { refusedTemplateOf, type TemplateRefusals } from './template-refusals.js';

/** A delivery report, valid in itself. */
export interface DeliveryCommand {
  readonly account: string;
  /** The customer's id, where the report names the recipient: for reports on messages that are not ours. */
  readonly customer?: string | undefined;
  readonly correlation?: string | undefined;
  readonly sender?: string | undefined;
  readonly delivery: Omit<DeliveryReport, 'intentId'>;
  readonly metadata: EventMetadata;
}

export type DeliveryAnswer =
  | 'recorded'
  | 'duplicate'
  /** The time is absurd (rules §3). */
  | 'quarantined'
  /** Leads to no intent and no customer. */
  | 'unmatched';

/** Records what providers report later of messages that went (rules §7). */
export class RecordReports {
  constructor(
    private readonly customers: Customers,
    private readonly situations: Situations,
    private readonly readModel: Pick<ReadModel, 'knownFacts' | 'intentsByProviderMessage'>,
    private readonly templates: TemplateRefusals,
    private readonly clock: Clock,
    /** Told of each failure once, with what it means beyond the message. */
    private readonly failed: (sending: Sending, failure: Failure | undefined) => void = () => undefined,
  ) {}

  /** Records delivery reports in any order and any number of times. Answers in the order of the reports. */
  async run(commands: readonly DeliveryCommand[]): Promise<readonly DeliveryAnswer[]> {
    const answers = commands.map((): DeliveryAnswer => 'unmatched');
    const senders: (string | undefined)[] = [];
    const found = await this.#matched(commands);
    const plausible = commands.flatMap((command, place): Reported[] => {
      const key = found[place];
      const time = providerTime(command.delivery.at, this.clock.now());
      if (time.kind === 'absurd') answers[place] = 'quarantined';
      if (time.kind === 'absurd' || key === undefined) return [];
      const { customer, intentId } = key;
      const delivery = { ...command.delivery, at: time.at };
      const { account, sender, metadata } = command;
      return [{ account, customer, sender, intentId, delivery, metadata, place }];
    });
    const situation = await this.situations.of(plausible);
    for (const groups of rounds(plausible)) {
      const customers = await loadFresh(this.customers, groups);
      await this.#learnTemplates(customers, groups);
      // Asked after the load: the read model then knows at least what the loaded rows stand on.
      const idsOf = (customer: Customer, place: number): readonly string[] =>
        (groups[place] ?? []).flatMap((reported) =>
          reportedEvents(reported, situation(customer)).flatMap((event) => factIds(customer, event)),
        );
      const known = new Set(await this.readModel.knownFacts(customers.flatMap(idsOf)));
      await decideByCustomer(
        this.customers,
        customers,
        groups,
        situation,
        (reported, now, isKnown) => {
          const news = reportedEvents(reported, now).filter((event) => !isKnown(event, known));
          answers[reported.place] = news.length === 0 ? 'duplicate' : 'recorded';
          senders[reported.place] = senderOf(reported, now) ?? reported.sender;
          return news;
        },
        async (customer, place) => {
          for (const id of await this.readModel.knownFacts(idsOf(customer, place))) known.add(id);
        },
      );
    }
    for (const { place, account, customer, delivery } of plausible) {
      const sender = senders[place];
      if (answers[place] !== 'recorded' || delivery.status !== 'failed' || sender === undefined) continue;
      this.failed({ account, customer, sender }, delivery.failure);
    }
    return answers;
  }

  /** Before the intents are decided once more: on templates as the provider has them. */
  async #learnTemplates(customers: readonly Customer[], groups: readonly (readonly Reported[])[]): Promise<void> {
    await this.templates.learn(
      customers.flatMap(({ account, state }, place) =>
        (groups[place] ?? []).flatMap(({ intentId, delivery: { status, at, failure, providerMessageId } }) => {
          const known = intentId ?? acceptedAs(providerMessageId, { customer: state });
          const open = known === undefined ? undefined : openIntent(state, known);
          return status === 'failed' ? refusedTemplateOf(account, open, failure, at) : [];
        }),
      ),
    );
  }

  /** Where each report leads: by our correlation, else by the provider's id, else only to the customer. */
  async #matched(
    commands: readonly DeliveryCommand[],
  ): Promise<readonly ((CustomerKey & { readonly intentId?: string | undefined }) | undefined)[]> {
    const correlated = commands.map(({ account, correlation }) => {
      const key = correlation === undefined ? undefined : intentOf(correlation);
      return key?.account === account ? key : undefined;
    });
    const idsOf = new Map<string, string[]>();
    commands.forEach(({ account, delivery }, index) => {
      if (correlated[index] !== undefined) return;
      const ids = idsOf.get(account);
      if (ids === undefined) idsOf.set(account, [delivery.providerMessageId]);
      else ids.push(delivery.providerMessageId);
    });
    const byMessage = new Map(
      await Promise.all(
        [...idsOf].map(
          async ([account, ids]) => [account, await this.readModel.intentsByProviderMessage(account, ids)] as const,
        ),
      ),
    );
    return commands.map(
      ({ account, customer, delivery }, index) =>
        correlated[index] ??
        byMessage.get(account)?.get(delivery.providerMessageId) ??
        (customer === undefined ? undefined : { account, customer }),
    );
  }
}

interface Reported extends CustomerKey {
  readonly sender?: string | undefined;
  readonly intentId?: string | undefined;
  readonly delivery: Omit<DeliveryReport, 'intentId'>;
  readonly metadata: EventMetadata;
  /** Among the commands. */
  readonly place: number;
}

const reportedEvents = ({ intentId, delivery }: Reported, situation: Situation): readonly CustomerEvent[] =>
  report({ ...delivery, intentId: intentId ?? acceptedAs(delivery.providerMessageId, situation) }, situation);

/** The read model may not know yet by what id the provider accepted a message; the customer's own state does. */
const acceptedAs = (providerMessageId: string, { customer }: Pick<Situation, 'customer'>): string | undefined => {
  for (const open of Object.values(customer.intents)) {
    if (open.status === 'accepted' && open.providerMessageId === providerMessageId) return open.intent.intentId;
  }
  return undefined;
};

const senderOf = ({ intentId, delivery }: Reported, situation: Situation): string | undefined => {
  const known = intentId ?? acceptedAs(delivery.providerMessageId, situation);
  return known === undefined ? undefined : openIntent(situation.customer, known)?.intent.sender;
};
