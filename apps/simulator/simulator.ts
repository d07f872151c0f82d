import { Book, type Attempt, type Category, type InboundType, type ProviderName, type TemplateStatus } from './book.js';
import { digest } from './chance.js';
import { Delivery } from './delivery.js';
import type { SimulatorOptions } from './options.js';
import { Platform, type Submission } from './platform.js';

/** What a customer writes. */
export interface Writing {
  readonly provider: ProviderName;
  readonly account: string;
  readonly sender: string;
  readonly type: InboundType;
  readonly text?: string | undefined;
  readonly hidden?: true | undefined;
  /** Milliseconds for which the provider held it back. */
  readonly agoMs: number;
}

/** The platform with its memory and its webhooks: all that happens goes through its book first. */
export class Simulator {
  readonly #platform: Platform;
  readonly #book: Book;
  readonly #delivery: Delivery;
  #told = 0;

  constructor(readonly options: SimulatorOptions) {
    this.#platform = new Platform(options);
    this.#book = new Book(options.book, (entry) => {
      if (entry.kind === 'told') this.#told += 1;
      this.#platform.enter(entry);
    });
    this.#delivery = new Delivery(options, this.#platform, (ids) =>
      this.#book.append({ kind: 'acked', ids, at: this.now() }),
    );
  }

  start(): void {
    for (const update of this.#platform.pending.values()) this.#delivery.enqueue(update, 0);
    if (this.options.webhooks !== undefined) this.#delivery.start();
  }

  async stop(): Promise<void> {
    await this.#delivery.stop();
    this.#book.close();
  }

  now(): number {
    return this.#platform.now();
  }

  submit(submission: Submission): Attempt {
    const attempt = this.#platform.judge(submission);
    this.#book.append(attempt);
    for (const report of this.#platform.reportsOf(attempt)) this.#enqueue(report, report.at - attempt.at);
    return attempt;
  }

  /** @returns the message's id */
  write(person: string, { provider, account, sender, type, text, hidden, agoMs }: Writing): string {
    const number = digest(this.options.seed, 'inbound', this.#told);
    const id = provider === 'meta' ? `wamid.in.${number}` : number.toUpperCase();
    const at = this.now() - agoMs;
    const word = text?.trim().toLowerCase();
    const stop = this.options.stopWords.some((stop) => stop.toLowerCase() === word) ? true : undefined;
    this.#tell({ kind: 'wrote', id, at, provider, account, sender, person, type, text, hidden, stop });
    return id;
  }

  prefer(person: string, account: string, sender: string, value: 'stop' | 'resume'): void {
    const id = `preference/${this.#told}`;
    this.#tell({ kind: 'preferred', provider: 'meta', id, at: this.now(), account, sender, person, value });
  }

  consent(person: string, account: string): void {
    this.#book.append({ kind: 'consented', account, person, at: this.now() });
  }

  setTemplate(account: string, name: string, language: string, category: Category, status: TemplateStatus): void {
    const id = `template/${this.#told}`;
    this.#tell({ kind: 'template', provider: 'meta', id, at: this.now(), account, name, language, category, status });
  }

  /** Moves the platform's time ahead of the machine's. */
  advance(byMs: number): void {
    this.#book.append({ kind: 'clock', aheadMs: this.#platform.aheadMs + byMs });
  }

  breaches(): readonly object[] {
    return this.#platform.attempts.flatMap(({ id, at, correlation, breaches = [] }) =>
      breaches.map((breach) => ({ breach, correlation, messageId: id, at: new Date(at).toISOString() })),
    );
  }

  /** Attempts in the order of their arrival. */
  messages(): readonly Attempt[] {
    return this.#platform.attempts;
  }

  /** Updates that the gate has not taken in yet. */
  get pending(): number {
    return this.#platform.pending.size;
  }

  summary(): object {
    const { attempts } = this.#platform;
    const of = (fate: Attempt['fate']): number => attempts.filter((attempt) => attempt.fate === fate).length;
    return {
      now: new Date(this.now()).toISOString(),
      attempts: attempts.length,
      taken: of('taken'),
      refused: of('refused'),
      lost: of('lost'),
      breaches: this.breaches().length,
      pending: this.pending,
    };
  }

  #tell(update: Parameters<Delivery['enqueue']>[0] & { readonly kind: 'wrote' | 'preferred' | 'template' }): void {
    this.#book.append({ kind: 'told', update });
    this.#enqueue(update, 0);
  }

  #enqueue(update: Parameters<Delivery['enqueue']>[0], afterMs: number): void {
    if (this.options.webhooks !== undefined) this.#delivery.enqueue(update, afterMs);
  }
}
