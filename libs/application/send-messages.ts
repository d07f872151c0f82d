import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { policyAt } from '#domain/account';
import type { Situation } from '#domain/gate/context';
import { giveUpWaiting, settle, type Failure, type ProviderOutcome } from '#domain/gate/outcome';
import { claim } from '#domain/gate/permit';
import { openIntent, type OpenIntent } from '#domain/gate/state';
import { instantOf, plus, type Instant } from '#domain/time';
import { decideByCustomer, loadFresh, rounds, type Placed } from './by-customer.js';
import type { Customer } from './customer.js';
import { CallsUnderWay } from './calls-under-way.js';
import type { Customers } from './customers.js';
import type { Directory } from './directory.js';
import type { Pacing, Sending } from './pacing.js';
import type { Clock } from './ports/clock.js';
import type { IntentKey } from './ports/read-model.js';
import type { ProviderAnswer, ProviderMessage, SendProvider } from './ports/send-provider.js';
import { messageOf, type Started } from './provider-message.js';
import type { SituationOf, Situations } from './situations.js';
import { templateStream } from './streams.js';
import { refusedTemplateOf, type TemplateRefusals } from './template-refusals.js';
import type { WaitingSends } from './waiting-sends.js';

/**
 * What became of one command; `paced`: it keeps its permit and waits for its turn; `not-due`: started, settled, cancelled
 * or held before we came.
 */
export type SendAnswer = ProviderOutcome['kind'] | 'revoked' | 'paced' | 'not-due';

export interface SendMessagesOptions {
  readonly customers: Customers;
  readonly directory: Directory;
  readonly situations: Situations;
  readonly provider: SendProvider;
  readonly pacing: Pacing;
  readonly waiting: WaitingSends;
  readonly templates: TemplateRefusals;
  readonly clock: Clock;
  /** Customers that are written to at the same time, by all runs together. */
  readonly concurrency: number;
  /** Told of each definite failure, with what it means beyond the message. */
  readonly failed?: (sending: Sending, failure: Failure) => void;
  /** Told by which other names the provider knows whom it wrote to. Never rejects, and is not waited for. */
  readonly identified?: (message: ProviderMessage, alsoKnownAs: ProviderMessage['to']) => void;
  /** Random, so that two workers never both believe to own one. */
  readonly newClaim?: () => string;
}

/** So many of those that waited go at once. */
const AT_ONCE = 500;
/** Outcomes that come in so short a time are stored together. */
const SETTLE_EVERY_MS = 20;
/** What is not answered by then is waited for elsewhere, */
const SLOW_MS = 1_000;
/** and the customer's next message is looked at again after this. */
const BUSY_MS = 250;
/** Customers whose messages are claimed in one append. */
const CLAIMED_AT_ONCE = 64;

type Due = Placed<IntentKey> & { readonly open: Extract<OpenIntent, { status: 'authorised' }> };
type Owned = Placed<IntentKey> & {
  readonly message: ProviderMessage;
  readonly open: Started;
  /** A call from then on could meet an attempt that others have given up on. */
  readonly callBefore: Instant;
};
type Called = Owned & { readonly outcome: ProviderAnswer };
type Groups<T> = readonly (readonly T[])[];

/** From send command to outcome (rules §7): pace, re-check, claim, call, settle. */
export class SendMessages {
  readonly #newClaim: () => string;
  readonly #calls: CallsUnderWay;

  constructor(private readonly options: SendMessagesOptions) {
    this.#newClaim = options.newClaim ?? randomUUID;
    this.#calls = new CallsUnderWay(options.concurrency);
  }

  /**
   * Answers in the order of the intents. After a rejection some may be claimed: they end as `outcome-unknown`.
   * A slow provider holds up nobody else: its answers may come after this has resolved, and a fault in storing them is
   * what a later run rejects with.
   */
  run(intents: readonly IntentKey[]): Promise<readonly SendAnswer[]> {
    return this.#run(intents, true);
  }

  /** Those whose turn has come. Resolves with true when there may be more. */
  async runWaiting(): Promise<boolean> {
    const due = this.options.waiting.take(this.options.clock.now(), AT_ONCE);
    if (due.length > 0) await this.#run(due, false);
    return due.length === AT_ONCE;
  }

  /** Resolves when no call is under way any more; to await before the store is closed. */
  async idle(): Promise<void> {
    await this.#calls.idle();
  }

  /** Gives up on attempts without an outcome, those of processes that died (rules §7). Resolves with how many. */
  async giveUp(intents: readonly IntentKey[]): Promise<number> {
    const { customers, situations } = this.options;
    const situation = await situations.of(intents);
    const given = new Set<number>();
    for (const groups of rounds(intents)) {
      const loaded = await loadFresh(customers, groups);
      await decideByCustomer(customers, loaded, groups, situation, ({ intentId, index }, now) => {
        const events = giveUpWaiting(intentId, now);
        if (events.length > 0) given.add(index);
        else given.delete(index);
        return events;
      });
    }
    return given.size;
  }

  async #run(intents: readonly IntentKey[], isNews: boolean): Promise<readonly SendAnswer[]> {
    const answers = intents.map((): SendAnswer => 'not-due');
    const { customers, directory, situations } = this.options;
    const situation = await situations.of(intents);
    for (const groups of rounds(intents)) {
      const loaded = await loadFresh(customers, groups);
      const going = this.#admitted(loaded, groups, answers, isNews);
      await directory.refreshTemplates(templatesOf(going.loaded, going.groups));
      const calls: Promise<void>[] = [];
      for (let from = 0; from < going.loaded.length;) {
        const to = from + Math.min(await this.#calls.room(), going.loaded.length - from, CLAIMED_AT_ONCE);
        const [some, theirs] = [going.loaded.slice(from, to), going.groups.slice(from, to)];
        from = to;
        const give = this.#calls.take(some.map(({ stream }) => stream));
        try {
          const { claimed, owned } = await this.#claim(some, theirs, situation, answers);
          calls.push(this.#calls.add(this.#callAndSettle(claimed, owned, situation, answers), give));
        } catch (error) {
          give();
          throw error;
        }
      }
      await Promise.race([Promise.all(calls), pause(SLOW_MS)]);
      this.#calls.rethrow();
    }
    return answers;
  }

  /** Of each customer what may go now; the customers in the order in which accounts take turns. */
  #admitted(
    loaded: readonly Customer[],
    groups: Groups<Placed<IntentKey>>,
    answers: SendAnswer[],
    isNews: boolean,
  ): { readonly loaded: readonly Customer[]; readonly groups: Groups<Placed<IntentKey>> } {
    const { pacing, waiting, clock } = this.options;
    const now = clock.now();
    const going = new Map<Customer, Placed<IntentKey>[]>();
    const goes = (customer: Customer, key: Placed<IntentKey>): void => {
      const group = going.get(customer);
      if (group === undefined) going.set(customer, [key]);
      else group.push(key);
    };
    const due: (Due & Sending & { readonly of: Customer })[] = [];
    loaded.forEach((customer, place) => {
      for (const given of groups[place] ?? []) {
        // Under the id that goes on, so that what paces or follows the pair sees one person (rules §11).
        const key = { ...given, customer: customer.customer };
        const open = openIntent(customer.state, key.intentId);
        // A permit that lapsed is not called: it is not paced either (rules §7).
        if (open?.status === 'authorised' && now >= open.validUntil) goes(customer, key);
        else if (open?.status === 'authorised') {
          const { sender } = open.intent;
          const pair = { account: key.account, customer: key.customer, sender };
          // What comes again while it waits keeps its place; what is new stands behind those that wait.
          const own = waiting.turnOf(key);
          const others = isNews && own === undefined ? waiting.behind(pair) : undefined;
          const paid = customer.state.paid?.[sender];
          const isBusy = this.#calls.isBusy(customer.stream);
          if (isBusy) this.#wait(key, open, plus(now, BUSY_MS));
          else if (others !== undefined) this.#wait(key, open, others);
          else if (own === undefined && open.retryAt !== undefined && open.retryAt > now)
            this.#wait(key, open, open.retryAt);
          else if (own === undefined || own <= now) due.push({ ...key, open, sender, paid, of: customer });
          if (isBusy || others !== undefined || (own !== undefined && own > now && own !== open.retryAt))
            answers[key.index] = 'paced';
        }
      }
    });
    const { go, later } = pacing.admit(
      due.toSorted((a, b) => a.index - b.index),
      now,
    );
    for (const { of, ...key } of go) goes(of, key);
    for (const { item, notBefore } of later) {
      answers[item.index] = 'paced';
      this.#wait(item, item.open, notBefore);
    }
    return { loaded: [...going.keys()], groups: [...going.values()] };
  }

  /** It is looked at again when its turn comes, and when its permit lapses at the latest. */
  #wait({ account, customer, intentId }: IntentKey, open: Due['open'], notBefore: Instant): void {
    const { sender } = open.intent;
    const at = instantOf(Math.min(notBefore, open.validUntil));
    this.options.waiting.add({ account, customer, intentId, sender, notBefore: at });
  }

  async #claim(
    loaded: readonly Customer[],
    groups: Groups<Placed<IntentKey>>,
    situation: SituationOf,
    answers: SendAnswer[],
  ): Promise<{ readonly claimed: readonly Customer[]; readonly owned: Groups<Owned> }> {
    const claims = groups.map((group) => group.map((key) => ({ ...key, claim: this.#newClaim() })));
    const paced = new Map<number, Instant>();
    const { customers } = this.options;
    const claimed = await decideByCustomer(customers, loaded, claims, situation, (key, now) => {
      const said = claim(key.intentId, key.claim, now);
      answers[key.index] = said.kind === 'claimed' ? 'not-due' : said.kind;
      if (said.kind === 'paced') paced.set(key.index, said.notBefore);
      else paced.delete(key.index);
      return 'events' in said ? said.events : [];
    });
    // Only the stream knows whose the claim is: a conflict may have been with somebody who was faster.
    const owned = claimed.map((customer, place) =>
      (claims[place] ?? []).flatMap((key): Owned[] => {
        const open = openIntent(customer.state, key.intentId);
        const notBefore = paced.get(key.index);
        if (notBefore !== undefined && open?.status === 'authorised') this.#wait(key, open, notBefore);
        if (open?.status !== 'started' || open.claim !== key.claim) return [];
        const { account, now } = situation(customer);
        const own = { ...key, customer: customer.customer };
        const givenUpAt = plus(open.startedAt, policyAt(account, now).attemptTimeMs);
        const callBefore = givenUpAt < open.validUntil ? givenUpAt : open.validUntil;
        return [{ ...own, open, message: messageOf(own, open), callBefore }];
      }),
    );
    return { claimed, owned };
  }

  /**
   * One customer's messages one after the other, so that they arrive in order; customers concurrently. What is known is
   * stored while others are still on their way: a crash leaves few unknown, and a slow answer delays no other.
   */
  async #callAndSettle(
    claimed: readonly Customer[],
    owned: Groups<Owned>,
    situation: SituationOf,
    answers: SendAnswer[],
  ): Promise<void> {
    const newest = [...claimed];
    const called = new Map<number, Called[]>();
    const calling = new AbortController();
    const { signal } = calling;
    let news = newsOf();
    const call = async (group: readonly Owned[], place: number): Promise<void> => {
      for (const one of group) {
        if (signal.aborted) return;
        const outcome = await this.#outcome(one);
        const known = called.get(place);
        if (known === undefined) called.set(place, [{ ...one, outcome }]);
        else known.push({ ...one, outcome });
        news.tell();
      }
    };
    const calls = Promise.all(owned.map(call)).finally(() => calling.abort());
    try {
      while (!signal.aborted || called.size > 0) {
        if (!signal.aborted) await Promise.race([calls, news.told.then(() => pause(SETTLE_EVERY_MS))]);
        news = newsOf();
        const batch = [...called];
        called.clear();
        if (batch.length > 0) await this.#settle(newest, batch, situation, answers);
      }
    } finally {
      // What cannot be settled must not be called either.
      calling.abort();
      await calls;
    }
  }

  /** Replaces the customers that it settles by what they are then. */
  async #settle(
    newest: Customer[],
    batch: readonly (readonly [number, readonly Called[]])[],
    situation: SituationOf,
    answers: SendAnswer[],
  ): Promise<void> {
    const { customers, templates, pacing, clock } = this.options;
    const all = batch.flatMap(([, called]) => called);
    const now = clock.now();
    for (const { account, customer, open, message, outcome } of all) {
      const sending = { account, customer, sender: open.intent.sender };
      pacing.noted(sending, outcome, now);
      if (outcome.kind === 'failed') this.options.failed?.(sending, outcome);
      if (outcome.alsoKnownAs !== undefined) this.options.identified?.(message, outcome.alsoKnownAs);
    }
    await templates.learn(
      all.flatMap(({ account, open, outcome }) =>
        refusedTemplateOf(account, open, outcome.kind === 'failed' ? outcome : undefined, now),
      ),
    );
    const settled = await decideByCustomer(
      customers,
      batch.flatMap(([place]) => newest[place] ?? []),
      batch.map(([, called]) => called),
      situation,
      ({ intentId, index, message, outcome }, at: Situation) => {
        answers[index] = outcome.kind;
        return settle(intentId, message.claim, outcome, at);
      },
    );
    batch.forEach(([place, called], index) => {
      const customer = settled[index];
      if (customer === undefined) return;
      newest[place] = customer;
      for (const key of called) {
        const open = openIntent(customer.state, key.intentId);
        if (open?.status === 'authorised' && open.retryAt !== undefined) this.#wait(key, open, open.retryAt);
      }
    });
  }

  async #outcome({ message, callBefore }: Owned): Promise<ProviderAnswer> {
    // Waited too long behind others: definitely not sent, so that it may be tried again.
    if (this.options.clock.now() >= callBefore) return { kind: 'failed', code: 'not-called', retryable: true };
    try {
      return await this.options.provider.send(message);
    } catch (error) {
      // A fault of the adapter must not lose the outcomes of the others, nor let this one be sent again.
      return { kind: 'unknown', cause: `the provider's adapter failed: ${String(error)}` };
    }
  }
}

/** That there is an outcome: until then nothing is looked for. */
const newsOf = (): { readonly told: Promise<void>; readonly tell: () => void } => {
  let tell = (): void => undefined;
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  return { told, tell };
};

/** Each once, however many of a campaign's customers are in the batch. */
const templatesOf = (customers: readonly Customer[], groups: Groups<IntentKey>) => {
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
