import type { ProviderOutcome } from '#domain/gate/outcome';
import { PAIR_BURST, PAIR_INTERVAL_MS } from '#domain/gate/pair-limit';
import { instantOf, MINUTE_MS, plus, SECOND_MS, type Instant } from '#domain/time';

/** Who writes to whom. */
export interface Sending {
  readonly account: string;
  readonly sender: string;
  readonly customer: string;
  /** Until when the messages of this pair are paid for, as the customer's stream has it. */
  readonly paid?: Instant | undefined;
}

export interface Paced<T> {
  /** To be sent now, in this order: accounts take turns, and one customer's messages keep their order. */
  readonly go: readonly T[];
  /** `notBefore`: when the message could go at the earliest, if only those before it in the list go. */
  readonly later: readonly { readonly item: T; readonly notBefore: Instant }[];
}

/** The platform's limits (platforms §2d, §2e, rules §7). */
export interface PlatformLimits {
  /** Messages of one sender in any second; infinite: as many as there are. */
  perSecond(sender: Omit<Sending, 'customer'>): number;
  /** One message in this time from one sender to one customer, */
  readonly pairIntervalMs: number;
  /** except that so many may go at once, which are made up for later (pair-limit.ts). */
  readonly pairBurst: number;
  /** For how long an account is left in peace after the platform halted it: somebody must act. */
  readonly haltMs: number;
}

export const platformLimits: PlatformLimits = {
  perSecond: () => 80,
  pairIntervalMs: PAIR_INTERVAL_MS,
  pairBurst: PAIR_BURST,
  haltMs: 15 * MINUTE_MS,
};

const PAIR_BACK_OFF_BASE = 4;
const SENDER_BACK_OFF_BASE = 2;
const LONGEST_BACK_OFF_MS = 60 * MINUTE_MS;
/** So long the others wait for the answer to a trial. */
const TRIAL_MS = MINUTE_MS;
/** A share of a sender's throughput may go at once; the rest is spread evenly. */
const SENDER_BURST_SHARE = 10;
/** Fewer meters than these are not worth a look for idle ones. */
const FIRST_SWEEP_AT = 1_024;

/** Evenly one per interval, but so many at once. */
interface Rate {
  /** Whole microseconds, so that sums are exact. */
  readonly intervalUs: number;
  readonly burst: number;
}

const MS_US = 1_000;
const unlimited: Rate = { intervalUs: 0, burst: 1 };

/** A burst and the evenly spread rest of a second are together at most `perSecond`. */
const rateOf = (perSecond: number): Rate => {
  const burst = Math.max(1, Math.floor(perSecond / SENDER_BURST_SHARE));
  return { intervalUs: Math.ceil((SECOND_MS * MS_US) / (perSecond - burst + 1)), burst };
};

/** All that is remembered of one sender, pair or account: the generic cell rate algorithm needs one instant. */
interface Meter {
  /** When the last of the messages that went would have been due, had they been spread evenly; epoch microseconds. */
  paidUntilUs: number;
  /** Nothing goes before. */
  blockedUntil: number;
  /** Consecutive refusals by the platform. */
  strikes: number;
  /** Was blocked: the next message goes alone, to learn whether that is over. */
  trial?: 'due' | 'running' | undefined;
}

/**
 * Keeps the platform's limits before the call (rules §7): says what may go now, and when the rest may. Without a clock
 * and without I/O; what it remembers does not survive a restart, after which the platform's refusals teach it anew; a
 * pair's own rate stands in the customer's stream as well (ADR 0022).
 * A sender that several processes share needs `perSecond` divided by their number; pairs stay with one process, since
 * commands are keyed by customer.
 */
export class Pacing {
  readonly #meters = new Map<string, Meter>();
  #sweepAt = FIRST_SWEEP_AT;
  /** The account that had the last turn. */
  #served = '';

  constructor(private readonly limits: PlatformLimits = platformLimits) {}

  /** How many senders, pairs and accounts are remembered. */
  get remembered(): number {
    return this.#meters.size;
  }

  /** Counts what it lets go as sent, at most `room` of it. */
  admit<T extends Sending>(items: readonly T[], now: Instant, room = Number.POSITIVE_INFINITY): Paced<T> {
    this.#forgetIdle(now);
    const go: T[] = [];
    const later: { readonly item: T; readonly notBefore: Instant }[] = [];
    const waiting = new Map<string, number>();
    const goes = (item: T): boolean => {
      const meters = this.#metersOf(item);
      if (item.paid !== undefined) this.#learn(item, item.paid, now);
      const freeAt = Math.max(...meters.map(({ key, rate }) => this.#freeAt(key, rate, waiting.get(key) ?? 0, now)));
      if (freeAt <= now && go.length < room) {
        for (const { key, rate } of meters) this.#pay(key, rate, now);
        go.push(item);
        this.#served = item.account;
        return true;
      }
      later.push({ item, notBefore: instantOf(Math.max(now, freeAt)) });
      for (const { key, rate } of meters) {
        if (this.#freeAt(key, rate, 0, now) > now) waiting.set(key, (waiting.get(key) ?? 0) + 1);
      }
      return false;
    };
    let turns = inTurns(items, this.#served);
    while (turns.length > 0) {
      turns = turns.filter((queue) => {
        for (const item of queue) if (goes(item)) return true;
        return false;
      });
    }
    return { go, later };
  }

  /** Learns from what the provider said of a message that went. */
  noted(sending: Sending, outcome: ProviderOutcome, now: Instant): void {
    const { account, sender, pair } = keysOf(sending);
    if (outcome.kind === 'accepted') for (const key of [account, sender, pair]) this.#succeeded(key);
    if (outcome.kind !== 'failed') return;
    switch (outcome.effect?.kind) {
      case 'pair-limited':
        return this.#strike(pair, PAIR_BACK_OFF_BASE, now);
      case 'throughput-limited':
        return this.#strike(sender, SENDER_BACK_OFF_BASE, now);
      case 'sender-blocked':
        return this.#block(sender, plus(now, outcome.effect.forMs), 'due');
      case 'account-halted':
        if (outcome.effect.extent === 'account') this.#block(account, plus(now, this.limits.haltMs), 'due');
        return undefined;
      default:
        return undefined;
    }
  }

  /** What went before this process began, or from another one. */
  #learn(item: Sending, paid: Instant, now: Instant): void {
    const meter = paid > now ? this.#meter(keysOf(item).pair) : undefined;
    if (meter !== undefined) meter.paidUntilUs = Math.max(meter.paidUntilUs, paid * MS_US);
  }

  #metersOf(item: Sending): readonly { readonly key: string; readonly rate: Rate }[] {
    const { account, sender, pair } = keysOf(item);
    const perSecond = this.limits.perSecond(item);
    return [
      { key: account, rate: unlimited },
      { key: sender, rate: Number.isFinite(perSecond) ? rateOf(perSecond) : unlimited },
      { key: pair, rate: { intervalUs: this.limits.pairIntervalMs * MS_US, burst: this.limits.pairBurst } },
    ];
  }

  /** When the next one may go, behind so many others that wait. */
  #freeAt(key: string, { intervalUs, burst }: Rate, ahead: number, now: Instant): number {
    const meter = this.#meters.get(key);
    if (meter === undefined) return Number.NEGATIVE_INFINITY;
    // More than a burst cannot be owed: then the clock was set back.
    const owedUs = Math.min(meter.paidUntilUs, now * MS_US + burst * intervalUs);
    const paidUs = owedUs - (burst - 1) * intervalUs;
    return Math.ceil((Math.max(meter.blockedUntil * MS_US, paidUs) + ahead * intervalUs) / MS_US);
  }

  #pay(key: string, { intervalUs }: Rate, now: Instant): void {
    const meter = this.#meter(key);
    meter.paidUntilUs = Math.max(meter.paidUntilUs, now * MS_US) + intervalUs;
    if (meter.trial !== undefined) this.#block(key, plus(now, TRIAL_MS), 'running');
  }

  #succeeded(key: string): void {
    const meter = this.#meters.get(key);
    if (meter === undefined) return;
    meter.strikes = 0;
    // An answer from before the block says nothing about it.
    if (meter.trial !== 'running') return;
    meter.trial = undefined;
    meter.blockedUntil = Number.NEGATIVE_INFINITY;
  }

  /** Once for all that were on their way when the platform began to refuse. */
  #strike(key: string, base: number, now: Instant): void {
    const meter = this.#meter(key);
    if (meter.blockedUntil > now) return;
    meter.strikes += 1;
    this.#block(key, plus(now, Math.min(LONGEST_BACK_OFF_MS, base ** meter.strikes * SECOND_MS)), meter.trial);
  }

  #block(key: string, until: Instant, trial: Meter['trial']): void {
    const meter = this.#meter(key);
    meter.blockedUntil = Math.max(meter.blockedUntil, until);
    meter.trial = trial;
  }

  #meter(key: string): Meter {
    const known = this.#meters.get(key);
    if (known !== undefined) return known;
    const fresh = { paidUntilUs: Number.NEGATIVE_INFINITY, blockedUntil: Number.NEGATIVE_INFINITY, strikes: 0 };
    this.#meters.set(key, fresh);
    return fresh;
  }

  /** What stands as if nothing had ever gone is not remembered; each look pays for itself by as many new meters. */
  #forgetIdle(now: Instant): void {
    if (this.#meters.size < this.#sweepAt) return;
    for (const [key, { paidUntilUs, blockedUntil, strikes, trial }] of this.#meters) {
      // Whoever was refused must behave for as long as the longest pause before it is forgotten.
      const rememberedUntil =
        strikes === 0 && trial === undefined
          ? Math.max(paidUntilUs / MS_US, blockedUntil)
          : blockedUntil + LONGEST_BACK_OFF_MS;
      if (rememberedUntil <= now) this.#meters.delete(key);
    }
    this.#sweepAt = Math.max(FIRST_SWEEP_AT, 2 * this.#meters.size);
  }
}

/** One queue per account, beginning with the account after that which had the last turn. */
const inTurns = <T extends Sending>(items: readonly T[], served: string): IterableIterator<T>[] => {
  const queues = new Map<string, T[]>();
  for (const item of items) {
    const queue = queues.get(item.account);
    if (queue === undefined) queues.set(item.account, [item]);
    else queue.push(item);
  }
  const sorted = [...queues].sort(([a], [b]) => (a < b ? -1 : 1));
  const next = sorted.findIndex(([account]) => account > served);
  return [...sorted.slice(Math.max(0, next)), ...sorted.slice(0, Math.max(0, next))].map(([, queue]) => queue.values());
};

const keysOf = ({ account, sender, customer }: Sending) => ({
  account,
  sender: JSON.stringify([account, sender]),
  pair: JSON.stringify([account, sender, customer]),
});
