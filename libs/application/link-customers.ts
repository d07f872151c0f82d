import { policyAt, type AccountState } from '#domain/account';
import { changesNumber, closes, isFormer, survives, takesOver } from '#domain/gate/merge';
import type { LinkTerms } from '#domain/gate/state';
import { providerTime, type Instant } from '#domain/time';
import type { Change, Customer } from './customer.js';
import type { Customers, CustomerTask } from './customers.js';
import type { Directory } from './directory.js';
import { InfrastructureError } from './errors.js';
import { MAX_APPEND_BYTES, type EventMetadata } from './ports/event-store.js';

/** Who is who, as a provider tells it. Ids of customers, one per alias; at least one on each side. */
export interface LinkCommand {
  readonly account: string;
  /** One living person: the aliases in use from now on. */
  readonly customer: readonly [string, ...string[]];
  /** One person too: the same, or the former aliases. */
  readonly other: readonly [string, ...string[]];
  readonly relation: 'same' | 'changed';
  /** The provider's time, unchecked. */
  readonly claimedAt: number | undefined;
  readonly receivedAt: Instant;
  /** What proves it: `<provider>/<reference>`. */
  readonly because: string;
  readonly metadata: EventMetadata;
}

export type LinkAnswer =
  | 'linked'
  /** Known already, or a later change of the number is. */
  | 'duplicate'
  /** The time is missing or absurd (rules §3). */
  | 'quarantined'
  | 'unknown-account'
  /** It speaks of an alias that its customer gave up: who has it now, nobody knows (ADR 0020). */
  | 'given-up'
  /** What is open on the losing stream does not fit into one event now. */
  | 'too-large';

const ATTEMPTS = 6;
/** The takeover is one event: it must fit before the stream is closed, or it would never be taken over. */
const MAX_TAKEOVER_BYTES = MAX_APPEND_BYTES / 2;

/**
 * Makes one customer of two aliases (rules §11): closes the losing stream; whoever follows the link, as this does at
 * once, lets the survivor take over (ADR 0020).
 */
export class LinkCustomers {
  constructor(
    private readonly customers: Customers,
    private readonly directory: Directory,
  ) {}

  /**
   * Answers in the order of the commands. Links of different persons are made together; one that names a person of
   * another waits for it.
   * @throws InfrastructureError `too-many-conflicts`, `store-unavailable`
   */
  async run(commands: readonly LinkCommand[]): Promise<readonly LinkAnswer[]> {
    const accounts = [...new Set(commands.map(({ account }) => account))];
    await this.directory.refreshAccounts(accounts.filter((account) => this.directory.account(account) === undefined));
    const told = commands.map((command) => this.#linksOf(command));
    let waiting = told.flatMap((links) => (typeof links === 'string' ? [] : links));
    while (waiting.length > 0) {
      const named = new Set<string>();
      const [now, later]: [Link[], Link[]] = [[], []];
      for (const link of waiting) {
        const ids = [link.one, link.other].map((id) => `${link.account}/${id}`);
        (ids.some((id) => named.has(id)) ? later : now).push(link);
        for (const id of ids) named.add(id);
      }
      await this.#make(now);
      waiting = later;
    }
    return told.map((links) => (typeof links === 'string' ? links : answerOf(links)));
  }

  #linksOf(command: LinkCommand): readonly Link[] | LinkAnswer {
    const { account, customer, other, relation, metadata } = command;
    const state = this.directory.account(account);
    if (state === undefined) return 'unknown-account';
    const time = providerTime(command.claimedAt, command.receivedAt);
    if (time.kind === 'absurd') return 'quarantined';
    const terms = termsOf(command, time.at, state);
    const link = (one: string, two: string, next: Link['next']): Link => ({ account, metadata, one, other: two, next });
    // Each side names one person, and only as one person has it changed.
    const sides = [customer, other].flatMap(([first, ...rest]) =>
      rest.map((alias) => link(first, alias, samePerson(first, alias, terms))),
    );
    const [current] = customer;
    const [former] = other;
    const next = relation === 'same' ? samePerson(current, former, terms) : changed(customer, former, terms);
    return [...sides, link(current, former, next)];
  }

  async #make(links: readonly Link[]): Promise<void> {
    let pending = links;
    for (let attempt = 1; pending.length > 0; attempt += 1) {
      const [first] = pending;
      if (attempt > ATTEMPTS) {
        const message = `${pending.length} pairs of aliases of ${first?.account} kept changing while being linked.`;
        throw new InfrastructureError('too-many-conflicts', message);
      }
      const keys = pending.flatMap(({ account, one, other }) =>
        [one, other].map((customer) => ({ account, customer })),
      );
      // To load a closed stream lets its survivor take over: in the next turn there is then nothing left to do.
      const loaded = await this.customers.readOn(await this.customers.load(keys));
      const tasks: CustomerTask[] = [];
      const going = pending.filter((link, index) => {
        const [a, b] = loaded.slice(index * 2);
        if (a === undefined || b === undefined) return false;
        const step = link.next(a, b);
        if (step.kind === 'given-up') link.answer = step.kind;
        else if (step.kind !== 'done') tasks.push(taskOf(link, step, a, b));
        return step.kind === 'close' || step.kind === 'append';
      });
      await this.customers.run(tasks);
      pending = going.filter(({ answer }) => answer !== 'too-large');
    }
  }
}

/** One link to make, and what came of it. */
interface Link {
  readonly account: string;
  readonly metadata: EventMetadata;
  readonly one: string;
  readonly other: string;
  /** What is to be done, given where both lead now. */
  readonly next: (one: Customer, other: Customer) => Step;
  answer?: LinkAnswer;
}

type Step =
  | { readonly kind: 'done' }
  | { readonly kind: 'given-up' }
  | {
      readonly kind: 'append';
      readonly customer: Customer;
      readonly event: NonNullable<ReturnType<typeof changesNumber>>;
    }
  | { readonly kind: 'close'; readonly loser: Customer; readonly survivor: Customer; readonly terms: LinkTerms };

const answerOf = (links: readonly Link[]): LinkAnswer => {
  const answers = links.map(({ answer }) => answer);
  return (['too-large', 'linked'] as const).find((worst) => answers.includes(worst)) ?? answers.at(-1) ?? 'duplicate';
};

const taskOf = (
  link: Link,
  step: Exclude<Step, { kind: 'done' | 'given-up' }>,
  a: Customer,
  b: Customer,
): CustomerTask => {
  const subject = step.kind === 'close' ? step.loser : step.customer;
  const { metadata } = link;
  const before = link.answer;
  return {
    customer: subject,
    decide: (customer): readonly Change[] => {
      if (before === undefined) delete link.answer;
      else link.answer = before;
      // It became another meanwhile, or came to be: what is to be done is another thing then.
      if (customer.stream !== subject.stream) return [];
      const newest = link.next(
        a.stream === customer.stream ? customer : a,
        b.stream === customer.stream ? customer : b,
      );
      if (newest.kind === 'append') {
        link.answer = 'linked';
        return [{ events: [newest.event], metadata }];
      }
      if (newest.kind !== 'close' || newest.loser.stream !== customer.stream) return [];
      if (takeoverBytes(newest) > MAX_TAKEOVER_BYTES) {
        link.answer = 'too-large';
        return [];
      }
      link.answer = 'linked';
      return [{ events: [closes(newest.survivor.customer, newest.terms)], metadata }];
    },
  };
};

/** Both are one living person. */
const samePerson =
  (one: string, other: string, { at, because }: LinkTerms): Link['next'] =>
  (a, b) => {
    if (a.stream === b.stream) return { kind: 'done' };
    if (isFormer(a.state, one) || isFormer(b.state, other)) return { kind: 'given-up' };
    const [survivor, loser] = survives(a, b) ? [a, b] : [b, a];
    return { kind: 'close', loser, survivor, terms: { at, because } };
  };

/** The person gave up the former alias for the current ones. */
const changed =
  (current: LinkCommand['customer'], former: string, terms: LinkTerms): Link['next'] =>
  (now, before) => {
    if (now.stream === before.stream) {
      const event = changesNumber(now, current, terms);
      return event === undefined ? { kind: 'done' } : { kind: 'append', customer: now, event };
    }
    if (isFormer(now.state, current[0]) || isFormer(before.state, former)) return { kind: 'given-up' };
    return survives(now, before)
      ? { kind: 'close', loser: before, survivor: now, terms: { ...terms, gaveUp: 'this' } }
      : { kind: 'close', loser: now, survivor: before, terms: { ...terms, gaveUp: 'survivor' } };
  };

const termsOf = ({ because }: LinkCommand, at: Instant, account: AccountState): LinkTerms => ({
  at,
  because,
  keepsConsent: policyAt(account, at).changedNumberKeepsConsent ? true : undefined,
});

const takeoverBytes = ({ loser, survivor, terms }: Extract<Step, { readonly kind: 'close' }>): number =>
  Buffer.byteLength(JSON.stringify(takesOver(loser, survivor, [terms])));
