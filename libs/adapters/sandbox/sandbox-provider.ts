import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '#application/ports/clock';
import { SendProvider, type ProviderMessage } from '#application/ports/send-provider';
import type { DeliveryReport } from '#contracts/inbound/delivery-reports';
import type { ProviderOutcome } from '#domain/gate/permit';
import type { Instant } from '#domain/time';

export interface SandboxOptions {
  /** The same seed draws the same failures, for calls in the same order. */
  readonly seed: number;
  /** Milliseconds that a call takes. */
  readonly latencyMs: number;
  /** Share of the calls, 0 to 1, that fail definitely and may be repeated. */
  readonly failureRate: number;
  /** Share of the calls, 0 to 1, that get no answer; every other one of them was accepted all the same. */
  readonly timeoutRate: number;
  /** Share of the delivered messages, 0 to 1, that are read. */
  readonly readRate: number;
  /** Milliseconds for which a message waits for the customer's: whoever tells of it may be a moment late. */
  readonly graceMs: number;
  /** Milliseconds between two reports on one message. */
  readonly reportEveryMs: number;
  /** Texts that opt out; compared without case and surrounding space. */
  readonly stopWords: readonly string[];
}

/** What the customer did on the platform. */
export interface ToldMessage {
  readonly sender: string;
  readonly phone: string;
  readonly at: Instant;
  readonly text?: string | undefined;
}

/** What a gate must never let happen, counted. */
export interface Breaches {
  /** Session messages outside the window. */
  readonly outsideWindow: number;
  /** Messages after an opt-out, but for one confirmation of it. */
  readonly afterStop: number;
  /** Messages whose correlation had been accepted before. */
  readonly repeated: number;
}

interface Chat {
  lastAt: number;
  stoppedAt: number;
  confirmed: boolean;
}

const WINDOW_MS = 24 * 3_600_000;
/** Chats and accepted messages that are remembered, the most recent ones: memory stays bounded. */
const REMEMBERED = 1_000_000;

/**
 * Stands in for the platform: keeps a book of its own of what customers wrote, and judges by the platform's published
 * rules, not by Tidegate's code, so that it can convict the gate (platforms §2b).
 */
export class SandboxProvider extends SendProvider {
  readonly #chats = new Map<string, Chat>();
  readonly #accepted = new Map<string, string>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #closed = new AbortController();
  readonly #random: () => number;
  #breaches: Breaches = { outsideWindow: 0, afterStop: 0, repeated: 0 };
  #sent = 0;
  #timeouts = 0;

  constructor(
    private readonly options: SandboxOptions,
    private readonly clock: Clock,
    private readonly report: (report: DeliveryReport) => void,
  ) {
    super();
    this.#random = drawing(options.seed);
    // Each message on its way listens.
    setMaxListeners(0, this.#closed.signal);
  }

  get breaches(): Breaches {
    return this.#breaches;
  }

  /** Messages that the platform took. */
  get sent(): number {
    return this.#sent;
  }

  /** Notes a customer's message that opens a window; a stop word opts out of everything from this sender. */
  told({ sender, phone, at, text }: ToldMessage): void {
    const key = chatKey(sender, phone);
    const known = this.#chats.get(key);
    const chat = known ?? { lastAt: Number.NEGATIVE_INFINITY, stoppedAt: Number.NEGATIVE_INFINITY, confirmed: false };
    chat.lastAt = Math.max(chat.lastAt, at);
    const word = text?.trim().toLowerCase();
    if (at > chat.stoppedAt && this.options.stopWords.some((stop) => stop.toLowerCase() === word)) {
      chat.stoppedAt = at;
      chat.confirmed = false;
    }
    remember(this.#chats, key, chat);
    for (const wake of this.#waiting.get(key) ?? []) wake();
  }

  /** Notes that the customer agreed to be written to again. */
  optedIn(sender: string, phone: string): void {
    const chat = this.#chats.get(chatKey(sender, phone));
    if (chat !== undefined) chat.stoppedAt = Number.NEGATIVE_INFINITY;
  }

  async send(message: ProviderMessage): Promise<ProviderOutcome> {
    const { latencyMs, failureRate, timeoutRate } = this.options;
    const [failure, timeout] = [this.#random(), this.#random()];
    if (latencyMs > 0) await pause(latencyMs);
    const isSession = message.content.kind === 'session';
    const key = chatKey(message.sender, message.to.phone ?? message.to.userId ?? '');
    if (isSession && !this.#isOpen(key)) await this.#openedInTime(key);
    // From here to the note that it was accepted nothing waits: two calls cannot both be the first.
    const previous = this.#accepted.get(message.correlation);
    if (previous !== undefined) this.#breaches = { ...this.#breaches, repeated: this.#breaches.repeated + 1 };
    if (failure < failureRate) return { kind: 'failed', code: '130429', retryable: true };
    if (isSession && !this.#isOpen(key)) {
      this.#breaches = { ...this.#breaches, outsideWindow: this.#breaches.outsideWindow + 1 };
      return { kind: 'failed', code: '131047', retryable: false, effect: { kind: 'window-closed' } };
    }
    const chat = this.#chats.get(key);
    if (chat !== undefined && isStopped(chat, isSession)) {
      if (!isSession || chat.confirmed) {
        this.#breaches = { ...this.#breaches, afterStop: this.#breaches.afterStop + 1 };
        return { kind: 'failed', code: 'opted-out', retryable: false, effect: { kind: 'opted-out', scope: 'all' } };
      }
    }
    const isTimeout = timeout < timeoutRate;
    if (isTimeout && (this.#timeouts += 1) % 2 === 0) return { kind: 'unknown', cause: 'no answer in time' };
    if (chat !== undefined && isStopped(chat, isSession)) chat.confirmed = true;
    this.#sent += 1;
    const providerMessageId = `sandbox.${this.options.seed}.${this.#sent}`;
    remember(this.#accepted, message.correlation, providerMessageId);
    void this.#reportOn(message, providerMessageId);
    return isTimeout ? { kind: 'unknown', cause: 'no answer in time' } : { kind: 'accepted', providerMessageId };
  }

  /** Ends the reports that are still to come. */
  close(): void {
    this.#closed.abort();
  }

  #isOpen(key: string): boolean {
    const chat = this.#chats.get(key);
    return chat !== undefined && this.clock.now() < chat.lastAt + WINDOW_MS;
  }

  /** Resolves when the chat's window opened or the grace period is over. */
  async #openedInTime(key: string): Promise<void> {
    const over = new AbortController();
    const wake = (): void => {
      if (this.#isOpen(key)) over.abort();
    };
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting.add(wake));
    await pause(this.options.graceMs, undefined, { signal: over.signal }).catch(() => undefined);
    waiting.delete(wake);
    if (waiting.size === 0) this.#waiting.delete(key);
  }

  async #reportOn({ account, sender, to, correlation }: ProviderMessage, providerMessageId: string): Promise<void> {
    const isRead = this.#random() < this.options.readRate;
    for (const status of ['sent', 'delivered', ...(isRead ? (['read'] as const) : [])] as const) {
      try {
        await pause(this.options.reportEveryMs, undefined, { signal: this.#closed.signal, ref: false });
      } catch {
        return;
      }
      const at = this.clock.now();
      this.report({ account, provider: 'sandbox', sender, customer: to, providerMessageId, status, at, correlation });
    }
  }
}

const chatKey = (sender: string, phone: string): string => `${sender}/${phone.replace(/^\+/u, '')}`;

/** A customer who writes on after an opt-out wants an answer, but no templates. */
const isStopped = (chat: Chat, isSession: boolean): boolean =>
  chat.stoppedAt > Number.NEGATIVE_INFINITY && (!isSession || chat.lastAt <= chat.stoppedAt);

const remember = <V>(map: Map<string, V>, key: string, value: V): void => {
  map.delete(key);
  map.set(key, value);
  if (map.size <= REMEMBERED) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
};

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
