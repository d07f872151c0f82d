import { InfrastructureError } from '#application/errors';
import { MessageConsumer, type MessageBatch, type ReceivedMessage } from '#application/ports/message-queue';
import { instantOf } from '#domain/time';
import type { Database } from './database.js';
import { MESSAGES_CHANNEL } from './embedded-producer.js';
import { isUnavailable, unavailableAs } from './failures.js';
import { lines } from './lines.js';
import type { Claim, Membership } from './membership.js';
import type { Topics } from './topics.js';
import { pause, pauseMs, Wakeup } from './wakeup.js';

export interface DeliveryOptions {
  /** A member without a sign of life for so long has lost its partitions. */
  readonly leaseMs: number;
  /** What a batch gets to come to its end, once aborted because another member is to have its partition. */
  readonly handOverMs: number;
  /** How long `stop` lets running batches go on before it aborts them. */
  readonly stopMs: number;
  /** Between attempts at messages that could not be handled: doubling from the first to the longest. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

/** A batch that holds so many is handed over, however few messages it has: a process reads all its partitions at once. */
const BATCH_BYTES = 2_000_000;
/** A notice may get lost: members look by themselves so often. */
const POLL_MS = 1_000;
/** What batches aborted by `stop` get to come to their end. */
const ABORTED_MS = 1_000;

type Handle = (batch: MessageBatch) => Promise<void>;

/** A claimed partition, and where its reading stands. */
class Held {
  readonly abort = new AbortController();
  next: number;
  /** Attempts in a row that got no further. */
  failures = 0;
  notBefore = 0;
  /** Another member is to have it: it is released when its batch has ended, and at this time at the latest. */
  releaseAt = Infinity;

  constructor(readonly claim: Claim) {
    this.next = claim.offset;
  }
}

const keyOf = ({ topic, partition }: Claim): string => `${topic}/${partition}`;

/** One loop renews the lease, reads what is new and starts a batch per partition; the batches run beside it. */
export class EmbeddedConsumer extends MessageConsumer {
  readonly dead: Promise<Error>;
  #die: (error: Error) => void = () => {};
  readonly #wakeup = new Wakeup();
  readonly #ended = new AbortController();
  readonly #held = new Map<string, Held>();
  /** By partition, those of lost partitions too: there are never two at a time. */
  readonly #batches = new Map<string, Promise<void>>();
  #renewAt = 0;
  #lease: NodeJS.Timeout | undefined;
  #isStopping = false;
  #started: Promise<() => Promise<void>> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly topics: Topics,
    private readonly membershipFor: (topics: readonly string[]) => Membership,
    private readonly batchSize: number,
    private readonly options: DeliveryOptions,
  ) {
    super();
    this.dead = new Promise((resolve) => (this.#die = resolve));
  }

  async start(topics: readonly string[], handle: Handle): Promise<void> {
    this.#started = this.#start(topics, handle);
    await this.#started;
  }

  stop(): Promise<void> {
    this.#isStopping = true;
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Returns what ends it. */
  async #start(topics: readonly string[], handle: Handle): Promise<() => Promise<void>> {
    await this.topics.create(topics);
    const membership = this.membershipFor(topics);
    await unavailableAs('queue-unavailable', this.#renew(membership));
    const unlisten = [
      this.database.listen(MESSAGES_CHANNEL, (topic) => {
        if (topic === undefined || topics.includes(topic)) this.#wakeup.knock();
      }),
      membership.onChange(() => {
        this.#renewAt = 0;
        this.#wakeup.knock();
      }),
    ];
    const loop = this.#run(membership, handle);
    return async () => {
      await loop;
      for (const end of unlisten) end();
      // Who cannot say so is found out when the lease is over.
      await membership.leave().catch(() => {});
    };
  }

  async #stop(): Promise<void> {
    const end = await this.#started?.catch(() => undefined);
    const batches = Promise.all(this.#batches.values());
    await Promise.race([batches, pause(this.options.stopMs, this.#ended.signal)]);
    for (const { abort } of this.#held.values()) abort.abort();
    await Promise.race([batches, pause(ABORTED_MS, this.#ended.signal)]);
    this.#ended.abort();
    await end?.();
    this.#loseAll();
  }

  async #run(membership: Membership, handle: Handle): Promise<void> {
    for (let failures = 0; !this.#ended.signal.aborted;) {
      this.#wakeup.answer();
      try {
        if (performance.now() >= this.#renewAt) await this.#renew(membership);
        await this.#release(membership);
        const lookedAt = performance.now();
        if (!this.#isStopping) await this.#deliver(lookedAt, membership, handle);
        failures = 0;
        await this.#wakeup.wait(this.#idleMs(lookedAt), this.#ended.signal);
      } catch (error) {
        if (!isUnavailable(error)) return this.#fail(error);
        await pause(pauseMs(failures, 100, 5_000), this.#ended.signal);
        failures += 1;
      }
    }
  }

  /** Brings what is held in line with what the group says. */
  async #renew(membership: Membership): Promise<void> {
    const from = performance.now();
    const { claims, surplus } = await membership.renew();
    this.#renewAt = from + membership.leaseMs / 5;
    this.#loseAllAt(from + membership.leaseMs);
    const current = new Map(claims.map((claim) => [keyOf(claim), claim]));
    for (const [key, held] of this.#held) if (current.get(key)?.epoch !== held.claim.epoch) this.#lose(held);
    for (const [key, claim] of current) if (!this.#held.has(key)) this.#held.set(key, new Held(claim));
    for (const claim of surplus) {
      const held = this.#held.get(keyOf(claim));
      if (held === undefined || held.releaseAt < Infinity) continue;
      held.releaseAt = performance.now() + this.options.handOverMs;
      held.abort.abort();
    }
  }

  /** Only between renewals, so that the answer to one never speaks of what was released meanwhile. */
  async #release(membership: Membership): Promise<void> {
    const due = [...this.#held].filter(
      ([key, held]) => held.releaseAt < Infinity && (!this.#batches.has(key) || performance.now() >= held.releaseAt),
    );
    if (due.length === 0) return;
    await membership.release(due.map(([, { claim }]) => claim));
    for (const [, held] of due) this.#lose(held);
  }

  async #deliver(now: number, membership: Membership, handle: Handle): Promise<void> {
    const idle = [...this.#held].filter(
      ([key, { abort, notBefore }]) => !this.#batches.has(key) && !abort.signal.aborted && notBefore <= now,
    );
    if (idle.length === 0) return;
    const found = await this.#read(idle.map(([, held]) => held));
    idle.forEach(([key, held], index) => {
      const messages = found[index] ?? [];
      if (messages.length === 0 || held.abort.signal.aborted || this.#isStopping) return;
      const batch = this.#process(held, messages, membership, handle)
        .catch((error: unknown) => this.#fail(error))
        .finally(() => {
          this.#batches.delete(key);
          this.#wakeup.knock();
        });
      this.#batches.set(key, batch);
    });
  }

  async #process(
    held: Held,
    messages: readonly ReceivedMessage[],
    membership: Membership,
    handle: Handle,
  ): Promise<void> {
    const { topic, partition } = held.claim;
    const finished = new Set<number>();
    const behind = (messages.at(-1)?.offset ?? held.next) + 1;
    let offset = behind;
    try {
      await handle({
        topic,
        partition,
        messages,
        signal: held.abort.signal,
        finished: (message) => void finished.add(message.offset),
      });
    } catch {
      offset = messages.find((message) => !finished.has(message.offset))?.offset ?? behind;
    }
    if (offset > held.next) {
      if (!(await this.#commit(held, offset, membership))) return;
      held.next = offset;
      held.failures = 0;
    }
    if (offset === behind) return;
    const { firstPauseMs, longestPauseMs } = this.options;
    held.notBefore = performance.now() + pauseMs(held.failures, firstPauseMs, longestPauseMs);
    held.failures += 1;
  }

  /** Tries until it is known whether the claim still holds. */
  async #commit(held: Held, offset: number, membership: Membership): Promise<boolean> {
    for (let failures = 0; this.#held.get(keyOf(held.claim)) === held; failures += 1) {
      try {
        const committed = await membership.commit(held.claim, offset);
        if (!committed) this.#lose(held);
        return committed;
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        await pause(pauseMs(failures, 100, 5_000), this.#ended.signal);
      }
    }
    return false;
  }

  /** What comes next in each partition, in the order of the partitions. */
  async #read(partitions: readonly Held[]): Promise<readonly (readonly ReceivedMessage[])[]> {
    const [row] = await this.database.query<{ messages: string | null }>(
      'select tidegate_queue.messages_after($1, $2, $3, $4, $5) as messages',
      [
        lines(partitions.map(({ claim }) => claim.topic)),
        lines(partitions.map(({ claim }) => claim.partition)),
        lines(partitions.map(({ next }) => next)),
        this.batchSize,
        BATCH_BYTES,
      ],
    );
    const found: ReceivedMessage[][] = partitions.map(() => []);
    for (const [number, offset, at, body] of storedMessages(row?.messages ?? '[]')) {
      const claim = partitions[number - 1]?.claim;
      if (claim === undefined) continue;
      const { topic, partition } = claim;
      found[number - 1]?.push({ topic, partition, offset, at: instantOf(at), ...decoded(body) });
    }
    return found;
  }

  /** Until the next thing is due; what became due since the last look is so at once. */
  #idleMs(lookedAt: number): number {
    let until = Math.min(this.#renewAt, lookedAt + POLL_MS);
    for (const [key, { notBefore, releaseAt }] of this.#held) {
      until = Math.min(until, releaseAt);
      if (!this.#batches.has(key) && notBefore > lookedAt) until = Math.min(until, notBefore);
    }
    return Math.max(0, until - performance.now());
  }

  #lose(held: Held): void {
    held.abort.abort();
    const key = keyOf(held.claim);
    if (this.#held.get(key) === held) this.#held.delete(key);
  }

  #loseAllAt(time: number): void {
    clearTimeout(this.#lease);
    if (!Number.isFinite(time)) return;
    this.#lease = setTimeout(() => this.#loseAll(), time - performance.now());
  }

  #loseAll(): void {
    clearTimeout(this.#lease);
    for (const held of this.#held.values()) this.#lose(held);
  }

  #fail(error: unknown): void {
    this.#loseAll();
    this.#ended.abort();
    this.#die(error instanceof Error ? error : new Error(String(error)));
  }
}

const isHeaders = (value: unknown): value is Readonly<Record<string, string>> =>
  typeof value === 'object' && value !== null && Object.values(value).every((header) => typeof header === 'string');

/** As `messages_after` writes them. */
type StoredMessage = readonly [number: number, offset: number, at: number, body: unknown];

const storedMessages = (json: string): readonly StoredMessage[] => JSON.parse(json);

const decoded = (message: unknown): Pick<ReceivedMessage, 'key' | 'value' | 'headers'> => {
  if (
    typeof message === 'object' &&
    message !== null &&
    'key' in message &&
    'value' in message &&
    'headers' in message
  ) {
    const { key, value, headers } = message;
    if (typeof key === 'string' && (typeof value === 'string' || value === null) && isHeaders(headers))
      return { key, value, headers };
  }
  throw new InfrastructureError('store-corrupt', 'A message of the queue is not what was stored.');
};
