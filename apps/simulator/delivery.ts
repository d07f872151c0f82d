import { setTimeout as pause } from 'node:timers/promises';
import type { ProviderName, Update } from './book.js';
import { chance, digest } from './chance.js';
import { metaBody, metaRequest } from './meta-webhooks.js';
import type { SimulatorOptions } from './options.js';
import { sinchBody, sinchRequest } from './sinch-webhooks.js';

const TICK_MS = 20;
/** POSTs to one account's webhook at the same time: they overtake each other, as the providers' do. */
const CONNECTIONS = 8;
const POST_DEADLINE_MS = 10_000;
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 10_000;

interface Due {
  readonly update: Update;
  readonly tries: number;
  /** Sent although it was taken in: a duplicate. */
  readonly again?: true;
}

interface Target {
  readonly provider: ProviderName;
  readonly account: string;
  readonly ready: Due[];
  posting: number;
}

export interface PlatformView {
  now(): number;
  userIdOf(account: string, phone: string): string;
}

/**
 * Sends the webhooks: at least once each, late, twice and out of order as the options say, and the same ones for the
 * same seed. Keeps nothing: what was not taken in is pending in the platform's book, and is queued again on start.
 */
export class Delivery {
  readonly #slots = new Map<number, Due[]>();
  readonly #targets = new Map<string, Target>();
  readonly #closed = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: SimulatorOptions,
    private readonly platform: PlatformView,
    private readonly acked: (ids: readonly string[]) => void,
  ) {}

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#closed.abort();
    await this.#running;
  }

  enqueue(update: Update, afterMs: number): void {
    const drawn = (purpose: string): number => chance(this.options.seed, purpose, update.id);
    const { lateRate, lateMs, shuffleMs } = this.options;
    const lateBy = drawn('late') < lateRate ? lateMs : 0;
    this.#queue({ update, tries: 0 }, afterMs + lateBy + shuffleMs * drawn('shuffle'));
  }

  #queue(due: Due, afterMs: number): void {
    const slot = Math.ceil((performance.now() + afterMs) / TICK_MS);
    const dues = this.#slots.get(slot);
    if (dues === undefined) this.#slots.set(slot, [due]);
    else dues.push(due);
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      const now = Math.floor(performance.now() / TICK_MS);
      for (const slot of [...this.#slots.keys()].sort((a, b) => a - b)) {
        if (slot > now) break;
        for (const due of this.#slots.get(slot) ?? []) this.#targetOf(due.update).ready.push(due);
        this.#slots.delete(slot);
      }
      for (const target of this.#targets.values()) this.#post(target);
      await pause(TICK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #targetOf({ provider, account }: Update): Target {
    const name = `${provider}/${account}`;
    const known = this.#targets.get(name);
    if (known !== undefined) return known;
    const target: Target = { provider, account, ready: [], posting: 0 };
    this.#targets.set(name, target);
    return target;
  }

  #post(target: Target): void {
    while (target.posting < CONNECTIONS && target.ready.length > 0 && !this.#closed.signal.aborted) {
      const dues = target.ready.splice(0, target.provider === 'meta' ? this.options.batch : 1);
      target.posting += 1;
      void this.#deliver(target, dues);
    }
  }

  async #deliver(target: Target, dues: readonly Due[]): Promise<void> {
    const isTaken = await this.#isTaken(target, dues);
    target.posting -= 1;
    if (this.#closed.signal.aborted) return;
    if (isTaken) this.#taken(dues);
    else {
      for (const { tries, ...due } of dues)
        this.#queue({ ...due, tries: tries + 1 }, Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** tries));
    }
    this.#post(target);
  }

  #taken(dues: readonly Due[]): void {
    const first = dues.filter(({ again }) => again !== true).map(({ update }) => update);
    if (first.length > 0) this.acked(first.map(({ id }) => id));
    for (const update of first) {
      const drawn = (purpose: string): number => chance(this.options.seed, purpose, update.id);
      if (drawn('twice') < this.options.duplicateRate)
        this.#queue({ update, tries: 0, again: true }, this.options.lateMs * drawn('again'));
    }
  }

  async #isTaken({ provider, account }: Target, dues: readonly Due[]): Promise<boolean> {
    const request = this.#requestOf(provider, account, dues);
    if (request === undefined) return true;
    try {
      const response = await fetch(`${this.options.webhooks}/${provider}/${account}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...request.headers },
        body: request.body,
        signal: AbortSignal.any([this.#closed.signal, AbortSignal.timeout(POST_DEADLINE_MS)]),
      });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }

  #requestOf(
    provider: ProviderName,
    account: string,
    dues: readonly Due[],
  ): { readonly body: string; readonly headers: object } | undefined {
    const { sinch, meta } = this.options.accounts[account] ?? {};
    const now = this.platform.now();
    const userIdOf = this.platform.userIdOf.bind(this.platform);
    if (provider === 'meta') {
      if (meta === undefined) return undefined;
      const updates = dues.map(({ update }) => update);
      return metaRequest(metaBody(account, updates, now, { ...meta, userIdOf }), meta.appSecret);
    }
    const [first] = dues;
    if (sinch === undefined || first === undefined) return undefined;
    const body = sinchBody(first.update, now, { ...sinch, userIdOf });
    if (body === undefined) return undefined;
    const nonce = digest(this.options.seed, 'nonce', first.update.id, first.tries, String(first.again));
    return sinchRequest(body, sinch.webhookSecret, nonce, now);
  }
}
