import { randomUUID } from 'node:crypto';
import { policyAt } from '#domain/account';
import type { TemplateContent } from '#domain/gate/intent';
import type { CustomerEvent } from '#domain/gate/events';
import { claim, giveUpWaiting, report, settle, type DeliveryReport, type ProviderOutcome } from '#domain/gate/permit';
import type { Situation } from '#domain/gate/context';
import { openIntent, type OpenIntent } from '#domain/gate/state';
import { plus, providerTime, type Instant } from '#domain/time';
import { correlationOf, intentOf } from './correlation.js';
import { factIds, type Change, type Customer } from './customer.js';
import type { Customers } from './customers.js';
import type { Directory } from './directory.js';
import type { Clock } from './ports/clock.js';
import type { EventMetadata } from './ports/event-store.js';
import type { CustomerKey, IntentKey, ReadModel } from './ports/read-model.js';
import type { ProviderContent, ProviderMessage, SendProvider } from './ports/send-provider.js';
import { after, type SituationOf, type Situations } from './situations.js';
import { templateStream } from './streams.js';

/** What became of one command; `not-due`: started, settled, cancelled or held before we came. */
export type SendAnswer = ProviderOutcome['kind'] | 'revoked' | 'not-due';

/** A delivery report, valid in itself. */
export interface DeliveryCommand {
  readonly account: string;
  /** The customer's id, where the report names the recipient: for reports on messages that are not ours. */
  readonly customer?: string | undefined;
  readonly correlation?: string | undefined;
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

/** So much of one customer goes into one append: it stays far below the store's limit. */
const PER_APPEND = 50;

type Owned = Place<IntentKey> & {
  readonly message: ProviderMessage;
  /** A call from then on could meet an attempt that others have given up on. */
  readonly callBefore: Instant;
};
type Called = Owned & { readonly outcome: ProviderOutcome };
type Place<T> = T & { readonly index: number };

/** From send command to outcome (rules §7): re-check, claim, call, settle. */
export class SendMessages {
  constructor(
    private readonly customers: Customers,
    private readonly directory: Directory,
    private readonly situations: Situations,
    private readonly readModel: Pick<ReadModel, 'knownFacts' | 'intentsByProviderMessage'>,
    private readonly provider: SendProvider,
    private readonly clock: Clock,
    /** Customers that are written to at the same time. */
    private readonly concurrency: number,
    /** Random, so that two workers never both believe to own one. */
    private readonly newClaim: () => string = randomUUID,
  ) {}

  /** Answers in the order of the intents. After a rejection some may be claimed: they end as `outcome-unknown`. */
  async run(intents: readonly IntentKey[]): Promise<readonly SendAnswer[]> {
    const answers = intents.map((): SendAnswer => 'not-due');
    const situation = await this.situations.of(intents);
    for (const groups of rounds(intents)) {
      const { customers, owned } = await this.#claim(groups, situation, answers);
      const called = await this.#call(owned);
      await this.#run(customers, called, situation, ({ intentId, index, message, outcome }, now) => {
        answers[index] = outcome.kind;
        return settle(intentId, message.claim, outcome, now);
      });
    }
    return answers;
  }

  /** Gives up on attempts without an outcome, those of processes that died (rules §7). Resolves with how many. */
  async giveUp(intents: readonly IntentKey[]): Promise<number> {
    const situation = await this.situations.of(intents);
    const given = new Set<number>();
    for (const groups of rounds(intents)) {
      await this.#run(await this.#load(groups), groups, situation, ({ intentId, index }, now) => {
        const events = giveUpWaiting(intentId, now);
        if (events.length > 0) given.add(index);
        else given.delete(index);
        return events;
      });
    }
    return given.size;
  }

  /** Records delivery reports in any order and any number of times. Answers in the order of the reports. */
  async report(commands: readonly DeliveryCommand[]): Promise<readonly DeliveryAnswer[]> {
    const answers = commands.map((): DeliveryAnswer => 'unmatched');
    const found = await this.#matched(commands);
    const plausible = commands.flatMap((command, place): (CustomerKey & Reported)[] => {
      const key = found[place];
      const time = providerTime(command.delivery.at, this.clock.now());
      if (time.kind === 'absurd') answers[place] = 'quarantined';
      if (time.kind === 'absurd' || key === undefined) return [];
      const { customer, intentId } = key;
      const delivery = { ...command.delivery, at: time.at };
      return [{ account: command.account, customer, intentId, delivery, metadata: command.metadata, place }];
    });
    const situation = await this.situations.of(plausible);
    for (const groups of rounds(plausible)) {
      const customers = await this.#load(groups);
      // Asked after the load: the read model then knows at least what the loaded rows stand on.
      const idsOf = (customer: Customer, place: number): readonly string[] =>
        (groups[place] ?? []).flatMap((reported) =>
          reportedEvents(reported, situation(customer)).flatMap((event) => factIds(customer, event)),
        );
      const known = new Set(await this.readModel.knownFacts(customers.flatMap(idsOf)));
      await this.#run(
        customers,
        groups,
        situation,
        (reported, now, isKnown) => {
          const news = reportedEvents(reported, now).filter((event) => !isKnown(event, known));
          answers[reported.place] = news.length === 0 ? 'duplicate' : 'recorded';
          return news;
        },
        async (customer, place) => {
          for (const id of await this.readModel.knownFacts(idsOf(customer, place))) known.add(id);
        },
      );
    }
    return answers;
  }

  async #claim(
    groups: readonly (readonly Place<IntentKey>[])[],
    situation: SituationOf,
    answers: SendAnswer[],
  ): Promise<{ readonly customers: readonly Customer[]; readonly owned: readonly (readonly Owned[])[] }> {
    const customers = await this.#load(groups);
    await this.directory.refreshTemplates(templatesOf(customers, groups));
    const claims = groups.map((group) => group.map((key) => ({ ...key, claim: this.newClaim() })));
    const claimed = await this.#run(customers, claims, situation, ({ intentId, claim: own, index }, now) => {
      const said = claim(intentId, own, now);
      answers[index] = said.kind === 'revoked' ? 'revoked' : 'not-due';
      return said.kind === 'not-due' ? [] : said.events;
    });
    // Only the stream knows whose the claim is: a conflict may have been with somebody who was faster.
    const owned = claimed.map((customer, place) =>
      (claims[place] ?? []).flatMap((key): Owned[] => {
        const open = openIntent(customer.state, key.intentId);
        if (open?.status !== 'started' || open.claim !== key.claim) return [];
        const { account, now } = situation(customer);
        // Under the id that goes on, so that what paces or follows the pair sees one person (rules §11).
        const own = { ...key, customer: customer.customer };
        const givenUpAt = plus(open.startedAt, policyAt(account, now).attemptTimeMs);
        const callBefore = givenUpAt < open.validUntil ? givenUpAt : open.validUntil;
        return [{ ...own, message: messageOf(own, open), callBefore }];
      }),
    );
    return { customers: claimed, owned };
  }

  /** One customer's messages one after the other, so that they arrive in order; customers concurrently. */
  async #call(groups: readonly (readonly Owned[])[]): Promise<readonly (readonly Called[])[]> {
    const called = groups.map((): Called[] => []);
    const waiting = groups.entries();
    const work = async (): Promise<void> => {
      for (const [place, group] of waiting) {
        for (const owned of group) called[place]?.push({ ...owned, outcome: await this.#outcome(owned) });
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.concurrency, groups.length) }, work));
    return called;
  }

  async #outcome({ message, callBefore }: Owned): Promise<ProviderOutcome> {
    // Waited too long behind others: definitely not sent, so that it may be tried again.
    if (this.clock.now() >= callBefore) return { kind: 'failed', code: 'not-called', retryable: true };
    try {
      return await this.provider.send(message);
    } catch (error) {
      // A fault of the adapter must not lose the outcomes of the others, nor let this one be sent again.
      return { kind: 'unknown', cause: `the provider's adapter failed: ${String(error)}` };
    }
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

  async #load(groups: readonly (readonly CustomerKey[])[]): Promise<readonly Customer[]> {
    // What changes nothing appends nothing, so only a fresh read can tell that nothing was missed.
    return this.customers.readOn(await this.customers.load(groups.flatMap(([first]) => first ?? [])));
  }

  /** Decides the items of each customer one after the other on the folded state: one append per customer. */
  #run<T extends { readonly intentId?: string | undefined; readonly metadata?: EventMetadata }>(
    customers: readonly Customer[],
    groups: readonly (readonly T[])[],
    situationOf: SituationOf,
    decide: (item: T, now: Situation, isKnown: IsKnown) => readonly CustomerEvent[],
    relinked: (customer: Customer, place: number) => Promise<void> = () => Promise.resolve(),
  ): Promise<readonly Customer[]> {
    return this.customers.run(
      customers.map((loaded, place) => ({
        customer: loaded,
        relinked: (customer) => relinked(customer, place),
        decide: (customer): readonly Change[] => {
          let situation = situationOf(customer);
          const { recent } = customer;
          const before = new Set<string>();
          const isKnown: IsKnown = (event, elsewhere) => {
            const ids = factIds(customer, event);
            if (ids.some((id) => elsewhere.has(id) || recent.factIds.has(id) || before.has(id))) return true;
            for (const id of ids) before.add(id);
            return false;
          };
          return (groups[place] ?? []).flatMap((item) => {
            const events = decide(item, situation, isKnown);
            if (events.length === 0) return [];
            situation = after(situation, events);
            const { intentId = '', metadata = { correlationId: intentId, causationId: intentId } } = item;
            return [{ events, metadata, state: situation.customer }];
          });
        },
      })),
    );
  }
}

/** Whether the event is stored, comes earlier in the same append, or is among the ids that are known `elsewhere`. */
type IsKnown = (event: CustomerEvent, elsewhere: ReadonlySet<string>) => boolean;

interface Reported {
  readonly intentId?: string | undefined;
  readonly delivery: Omit<DeliveryReport, 'intentId'>;
  readonly metadata: EventMetadata;
  /** Among the commands. */
  readonly place: number;
}

const reportedEvents = ({ intentId, delivery }: Reported, situation: Situation): readonly CustomerEvent[] =>
  report({ ...delivery, intentId: intentId ?? acceptedAs(delivery.providerMessageId, situation) }, situation);

/** The read model may not know yet by what id the provider accepted a message; the customer's own state does. */
const acceptedAs = (providerMessageId: string, { customer }: Situation): string | undefined => {
  for (const open of Object.values(customer.intents)) {
    if (open.status === 'accepted' && open.providerMessageId === providerMessageId) return open.intent.intentId;
  }
  return undefined;
};

/** By customer, at most `PER_APPEND` of each in one round. */
const rounds = <T extends CustomerKey>(items: readonly T[]): readonly (readonly (readonly Place<T>[])[])[] => {
  const groups = new Map<string, Place<T>[]>();
  items.forEach((item, index) => {
    const key = `${item.account}/${item.customer}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [{ ...item, index }]);
    else group.push({ ...item, index });
  });
  const all: (readonly Place<T>[])[][] = [];
  for (const group of groups.values()) {
    for (let from = 0; from < group.length; from += PER_APPEND) {
      (all[from / PER_APPEND] ??= []).push(group.slice(from, from + PER_APPEND));
    }
  }
  return all;
};

/** Each once, however many of a campaign's customers are in the batch. */
const templatesOf = (customers: readonly Customer[], groups: readonly (readonly IntentKey[])[]) => {
  const templates = new Map<string, { readonly account: string; readonly name: string; readonly language: string }>();
  customers.forEach(({ account, state }, place) => {
    for (const { intentId } of groups[place] ?? []) {
      const intent = openIntent(state, intentId)?.intent;
      for (const content of [intent?.content, intent?.fallback]) {
        if (content?.kind !== 'template') continue;
        const { name, language } = content;
        templates.set(templateStream(account, name, language), { account, name, language });
      }
    }
  });
  return [...templates.values()];
};

type Started = Extract<OpenIntent, { status: 'started' | 'outcome-unknown' }>;

const messageOf = (key: IntentKey, { intent, personal, content, claim, validUntil }: Started): ProviderMessage => {
  const { account, customer, intentId } = key;
  return {
    account,
    customer,
    intentId,
    claim,
    correlation: correlationOf(key),
    sender: intent.sender,
    to: personal.to,
    content:
      content === 'fallback' && intent.fallback !== undefined
        ? filled(intent.fallback, personal.fallbackParameters)
        : intent.content.kind === 'template'
          ? filled(intent.content, personal.parameters)
          : { ...intent.content, text: personal.text, mediaUrl: personal.mediaUrl, body: personal.body },
    validUntil,
  };
};

const filled = (
  { kind, name, language }: TemplateContent,
  parameters: { readonly [name: string]: string } = {},
): ProviderContent => ({ kind, name, language, parameters });
