import type { Attempt, Breach, Entry, ProviderName, Refusal, Report, TemplateStatus, Update } from './book.js';
import { chance, digest } from './chance.js';
import type { SimulatorOptions } from './options.js';

/** A message that the gate submits. */
export interface Submission {
  readonly provider: ProviderName;
  readonly account: string;
  readonly sender: string;
  readonly to: { readonly phone?: string | undefined; readonly userId?: string | undefined };
  readonly correlation: string;
  readonly template?: { readonly name: string; readonly language: string } | undefined;
}

const WINDOW_MS = 24 * 3_600_000;
const PAIR_INTERVAL_MS = 6_000;
const PAIR_BURST = 45;
/** Messages that left in time may arrive a moment closer together. */
const PAIR_SLACK_MS = 1_000;

interface Stop {
  readonly at: number;
  /** When the gate had taken the news in. */
  knownAt?: number | undefined;
  confirmed: boolean;
}

interface Template {
  readonly status: TemplateStatus;
  readonly category: string;
  knownAt?: number | undefined;
}

/**
 * The platform as its published rules have it (platforms §2): what customers did, what it took, what a gate must not do.
 * It shares no code with Tidegate, so that it can convict it. All that it knows is folded from its book.
 */
export class Platform {
  /** What the gate has not taken in yet, by id, in the order it came about. */
  readonly pending = new Map<string, Update>();
  readonly attempts: Attempt[] = [];
  #aheadMs = 0;
  readonly #openers = new Map<string, number>();
  readonly #stops = new Map<string, Stop>();
  readonly #marketingStops = new Map<string, Stop>();
  readonly #templates = new Map<string, Template>();
  readonly #paidUntil = new Map<string, number>();
  readonly #tries = new Map<string, number>();
  readonly #taken = new Set<string>();
  readonly #phones = new Map<string, string>();
  readonly #knowing = new Map<string, Stop | Template>();

  constructor(
    private readonly options: SimulatorOptions,
    /** The machine's time in epoch milliseconds. */
    private readonly machine: () => number = Date.now,
  ) {
    for (const [account, { templates = [] }] of Object.entries(options.accounts)) {
      for (const { name, language, category, status = 'APPROVED' } of templates)
        this.#templates.set(key(account, name, language), { status, category, knownAt: Number.NEGATIVE_INFINITY });
    }
  }

  get aheadMs(): number {
    return this.#aheadMs;
  }

  now(): number {
    return this.machine() + this.#aheadMs;
  }

  /** The customer's id for this business, the same for all its senders (platforms §2g). */
  userIdOf(account: string, phone: string): string {
    return `XX.${BigInt(`0x${digest(this.options.seed, 'user', account, phone)}`)}`;
  }

  /** Phone number in bare digits where it is known, else the user id. */
  personOf(account: string, { phone, userId = '' }: Submission['to']): string {
    return phone?.replace(/^\+/u, '') ?? this.#phones.get(key(account, userId)) ?? userId;
  }

  enter(entry: Entry): void {
    switch (entry.kind) {
      case 'clock':
        this.#aheadMs = entry.aheadMs;
        return;
      case 'told':
        this.#enterTold(entry);
        return;
      case 'acked':
        for (const id of entry.ids) {
          this.pending.delete(id);
          const known = this.#knowing.get(id);
          if (known !== undefined) known.knownAt = entry.at;
          this.#knowing.delete(id);
        }
        return;
      case 'consented':
        this.#stops.delete(key(entry.account, entry.person));
        return;
      case 'attempt':
        this.#enterAttempt(entry);
    }
  }

  /** What becomes of the submission; it becomes so once the attempt is entered. */
  judge({ template, to, ...submission }: Submission): Attempt {
    const { account, provider, sender, correlation } = submission;
    const at = this.now();
    const person = this.personOf(account, to);
    const nth = this.#tries.get(correlation) ?? 0;
    const drawn = (purpose: string): number => chance(this.options.seed, purpose, correlation, nth);
    const id = digest(this.options.seed, 'message', correlation, nth);
    const base = {
      kind: 'attempt',
      id: provider === 'meta' ? `wamid.${id}` : id.toUpperCase(),
      at,
      ...submission,
      person,
      session: template === undefined,
    } as const;
    if (drawn('failure') < this.options.failureRate) return { ...base, fate: 'refused', refusal: 'overloaded' };
    const silent = drawn('silence') < this.options.silenceRate;
    if (silent && drawn('taken') < 0.5) return { ...base, fate: 'lost' };
    const breaches: Breach[] = this.#taken.has(correlation) ? ['repeated'] : [];
    const stop = this.#stops.get(key(account, person));
    const opener = this.#openers.get(key(provider, account, sender, person));
    const isStopped = stop !== undefined && (template !== undefined || opener === undefined || opener <= stop.at);
    const confirms = isStopped && template === undefined && !stop.confirmed;
    if (isStopped && !confirms && this.#knew(stop, at)) breaches.push('after-stop');
    const refusal =
      template === undefined
        ? this.#refusalOfSession(opener, at, breaches)
        : this.#refusalOfTemplate(key(account, template.name, template.language), key(account, person), at, breaches);
    const limited =
      refusal === undefined ? this.#pairLimit(key(provider, account, sender, person), at, breaches) : refusal;
    return {
      ...base,
      ...(limited === undefined
        ? { fate: 'taken', ...(silent ? { silent } : {}) }
        : { fate: 'refused', refusal: limited }),
      ...(breaches.length === 0 ? {} : { breaches }),
      ...(confirms && limited === undefined ? { confirms } : {}),
    };
  }

  /** What is reported of an attempt later, in this order. */
  reportsOf(attempt: Attempt): readonly Report[] {
    const { id, at, provider, account, sender, person, correlation, fate, refusal } = attempt;
    const report = (status: Report['status'], place: number): Report => ({
      kind: 'report',
      id: `${id}/${status}`,
      at: at + place * this.options.reportEveryMs,
      provider,
      account,
      sender,
      person,
      messageId: id,
      correlation,
      status,
      refusal,
    });
    // Meta refuses in its answer. Sinch takes first and asks the channel then.
    if (fate !== 'taken')
      return provider === 'sinch' && fate === 'refused' && refusal !== 'overloaded' ? [report('failed', 1)] : [];
    const isRead = chance(this.options.seed, 'read', id) < this.options.readRate;
    return (['sent', 'delivered', ...(isRead ? (['read'] as const) : [])] as const).map((status, place) =>
      report(status, place + 1),
    );
  }

  #enterTold({ update }: Extract<Entry, { kind: 'told' }>): void {
    if (this.options.webhooks !== undefined) this.pending.set(update.id, update);
    const { account, at } = update;
    switch (update.kind) {
      case 'wrote': {
        const { provider, sender, person, type, stop } = update;
        this.#phones.set(key(account, this.userIdOf(account, person)), person);
        const chat = key(provider, account, sender, person);
        if (type !== 'reaction') this.#openers.set(chat, Math.max(at, this.#openers.get(chat) ?? at));
        const known = this.#stops.get(key(account, person));
        if (stop === true && (known === undefined || known.at < at))
          this.#learns(this.#stops, key(account, person), { at, confirmed: false }, update.id);
        return;
      }
      case 'preferred': {
        const person = key(account, update.person);
        if (update.value === 'resume') this.#marketingStops.delete(person);
        else this.#learns(this.#marketingStops, person, { at, confirmed: true }, update.id);
        return;
      }
      case 'template': {
        const { name, language, status, category } = update;
        this.#learns(this.#templates, key(account, name, language), { status, category }, update.id);
      }
    }
  }

  #learns<T extends Stop | Template>(map: Map<string, T>, name: string, value: T, update: string): void {
    map.set(name, value);
    this.#knowing.set(update, value);
  }

  #enterAttempt(attempt: Attempt): void {
    const { provider, account, sender, person, correlation, fate, confirms, at } = attempt;
    this.attempts.push(attempt);
    this.#tries.set(correlation, (this.#tries.get(correlation) ?? 0) + 1);
    if (this.options.webhooks !== undefined) {
      for (const report of this.reportsOf(attempt)) this.pending.set(report.id, report);
    }
    if (fate !== 'taken') return;
    this.#taken.add(correlation);
    const stop = this.#stops.get(key(account, person));
    if (confirms === true && stop !== undefined) stop.confirmed = true;
    const pair = key(provider, account, sender, person);
    this.#paidUntil.set(pair, Math.max(at, this.#paidUntil.get(pair) ?? at) + PAIR_INTERVAL_MS);
  }

  /** Whether the gate had been told, and had time to act on it. */
  #knew({ knownAt }: Stop | Template, at: number): boolean {
    return knownAt !== undefined && at > knownAt + this.options.graceMs;
  }

  #refusalOfSession(opener: number | undefined, at: number, breaches: Breach[]): Refusal | undefined {
    if (opener !== undefined && at < opener + WINDOW_MS) return undefined;
    breaches.push('outside-window');
    return 'window-closed';
  }

  #refusalOfTemplate(name: string, person: string, at: number, breaches: Breach[]): Refusal | undefined {
    const template = this.#templates.get(name);
    if (template === undefined) return 'template-unknown';
    const stop = this.#marketingStops.get(person);
    if (template.category === 'marketing' && stop !== undefined) {
      if (this.#knew(stop, at)) breaches.push('after-stop');
      return 'opted-out';
    }
    if (template.status === 'APPROVED') return undefined;
    if (this.#knew(template, at)) breaches.push('template-unavailable');
    if (template.status === 'PAUSED') return 'template-paused';
    return template.status === 'DISABLED' ? 'template-disabled' : 'template-unknown';
  }

  #pairLimit(pair: string, at: number, breaches: Breach[]): Refusal | undefined {
    const paidUntil = this.#paidUntil.get(pair) ?? at;
    if (paidUntil - (PAIR_BURST - 1) * PAIR_INTERVAL_MS - PAIR_SLACK_MS <= at) return undefined;
    breaches.push('pair-limit');
    return 'pair-limit';
  }
}

const key = (...parts: readonly string[]): string => JSON.stringify(parts);
