import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '#application/ports/clock';
import { SendProvider, type ProviderMessage } from '#application/ports/send-provider';
import type { DeliveryReport } from '#contracts/inbound/delivery-reports';
import type { ProviderOutcome } from '#domain/gate/outcome';
import { instantOf } from '#domain/time';
import { Book, breaches, reportStatuses, type Breach, type Entry } from './book.js';
import { PlatformState } from './platform-state.js';
import { Reporting, type Report } from './reporting.js';
import type { SandboxOptions } from './sandbox-options.js';

/** What the customer did on the platform. `person` is a phone number or the platform's id of a person. */
export interface ToldMessage {
  readonly sender: string;
  readonly person: string;
  readonly at: number;
  readonly text?: string | undefined;
}

/** The words that people stop a chat with, whatever the account has configured. */
const stopWords: ReadonlySet<string> = new Set(['stop', 'unsubscribe', 'stopp', 'arrêt', 'baja', 'parar']);

/**
 * Stands in for the platform: keeps a book of its own of what customers wrote, and judges by the platform's published
 * rules, not by Tidegate's code, so that it can convict the gate (platforms §2a).
 */
export class SandboxProvider extends SendProvider {
  readonly #state = new PlatformState();
  readonly #reporting: Reporting;
  readonly #book: Book;
  readonly #closed = new AbortController();
  readonly #random: () => number;
  readonly #breaches = new Map<Breach, number>();
  #timeouts = 0;

  /**
   * @param file of the book
   * @param publish resolves when the queue has the reports; they are published again until it does
   */
  constructor(
    private readonly options: SandboxOptions,
    file: string,
    private readonly clock: Clock,
    publish: (reports: readonly DeliveryReport[]) => Promise<void>,
  ) {
    super();
    this.#random = drawing(options.seed);
    // Each message on its way listens.
    setMaxListeners(0, this.#closed.signal);
    this.#reporting = new Reporting(options.reportEveryMs, async (reports) => {
      await publish(reports.map((report) => this.#deliveryReport(report)));
      this.#book.append({ kind: 'reported', reports: reports.map(({ id, status }) => [id, status] as const) });
    });
    this.#book = new Book(file, (entry) => this.#enter(entry));
    this.#reporting.start();
  }

  /** How often each breach was counted, by all processes that keep this book. */
  get breaches(): Readonly<Record<Breach, number>> {
    this.#book.refresh();
    return Object.fromEntries(breaches.map((breach) => [breach, this.#breaches.get(breach) ?? 0])) as Record<
      Breach,
      number
    >;
  }

  /** Messages that the platform took. */
  get taken(): number {
    return this.#state.taken;
  }

  /** Notes customers' messages that open windows; a stop word opts out. */
  told(messages: readonly ToldMessage[]): void {
    this.#book.append(
      ...messages.map(({ sender, person, at, text }): Entry => {
        const isStop = stopWords.has(text?.trim().toLowerCase() ?? '');
        return { kind: 'wrote', sender, person, at, ...(isStop ? { stop: true } : {}) };
      }),
    );
  }

  /** Notes what customers consented to elsewhere, for example in a web form. */
  consented(
    consents: readonly { readonly person: string; readonly status: 'in' | 'out'; readonly at: number }[],
  ): void {
    this.#book.append(...consents.map((consent): Entry => ({ kind: 'consented', ...consent })));
  }

  async send(message: ProviderMessage): Promise<ProviderOutcome> {
    const { latencyMs, failureRate, timeoutRate } = this.options;
    const [failure, timeout, read] = [this.#random(), this.#random(), this.#random()];
    if (latencyMs > 0) await pause(latencyMs);
    if (failure < failureRate) return { kind: 'failed', code: '130429', retryable: true };
    const { account, sender, to, correlation } = message;
    const session = message.content.kind === 'session';
    const person = to.phone ?? to.userId ?? '';
    this.#book.refresh();
    if (session && !this.#state.isOpen(sender, person, this.clock.now())) await this.#openedInTime(sender, person);
    const at = this.clock.now();
    if (session && !this.#state.isOpen(sender, person, at)) {
      this.#breach('outside-window', correlation);
      return { kind: 'failed', code: '131047', retryable: false, effect: { kind: 'window-closed' } };
    }
    const stop = this.#state.stopAgainst(sender, person, session);
    if (stop !== undefined && Date.now() - stop.toldAtMs > this.options.graceMs) {
      this.#breach('after-stop', correlation);
      return { kind: 'failed', code: 'opted-out', retryable: false, effect: { kind: 'opted-out', scope: 'all' } };
    }
    const isTimeout = timeout < timeoutRate;
    if (isTimeout && (this.#timeouts += 1) % 2 === 0) return { kind: 'unknown', cause: 'no answer in time' };
    const id = `sandbox.${message.claim}`;
    this.#book.append({
      kind: 'took',
      id,
      at,
      account,
      sender,
      to,
      correlation,
      session,
      read: read < this.options.readRate,
    });
    // Whoever stands first in the book was first, also among processes.
    if (this.#state.takenAs(correlation) !== id) this.#breach('repeated', correlation);
    return isTimeout ? { kind: 'unknown', cause: 'no answer in time' } : { kind: 'accepted', providerMessageId: id };
  }

  /** Publishes the reports that are due; the others come when the book is opened again. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#reporting.stop();
    this.#book.close();
  }

  #enter(entry: Entry): void {
    this.#state.enter(entry);
    if (entry.kind === 'breach') this.#breaches.set(entry.breach, (this.#breaches.get(entry.breach) ?? 0) + 1);
    if (entry.kind === 'took') this.#reporting.expect(entry, reportStatuses.slice(0, entry.read ? 3 : 2));
    if (entry.kind === 'reported') for (const [id, status] of entry.reports) this.#reporting.settle(id, status);
  }

  #breach(breach: Breach, correlation: string): void {
    this.#book.append({ kind: 'breach', breach, correlation, at: this.clock.now() });
  }

  #deliveryReport({ message, id, status }: Report): DeliveryReport {
    const { account, sender, to, correlation } = message;
    const at = instantOf(Math.max(message.at, this.clock.now()));
    return { account, provider: 'sandbox', sender, customer: to, providerMessageId: id, status, at, correlation };
  }

  /** Resolves when the chat's window opened or the grace period is over: whoever tells of it may be a moment late. */
  async #openedInTime(sender: string, person: string): Promise<void> {
    const until = performance.now() + this.options.graceMs;
    while (performance.now() < until && !this.#closed.signal.aborted) {
      await pause(Math.min(20, this.options.graceMs));
      this.#book.refresh();
      if (this.#state.isOpen(sender, person, this.clock.now())) return;
    }
  }
}

/** Numbers in [0, 1) by mulberry32 (Tommy Ettinger, public domain): small, and the same on every machine. */
const drawing = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
};
