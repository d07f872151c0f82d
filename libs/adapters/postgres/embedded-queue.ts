import { InfrastructureError } from '#application/errors';
import type { Clock } from '#application/ports/clock';
import { MessageQueue, type ConsumerOptions } from '#application/ports/message-queue';
import type { Database } from './database.js';
import { EmbeddedConsumer, type DeliveryOptions } from './embedded-consumer.js';
import { EmbeddedProducer } from './embedded-producer.js';
import { unavailableAs } from './failures.js';
import { GroupMembership, LoneMembership } from './membership.js';
import { QueueRetention } from './queue-retention.js';
import { Topics } from './topics.js';

export interface QueueOptions extends DeliveryOptions {
  /** Partitions of the topics that this process makes. */
  readonly partitions: number;
  /** A message is kept for so long, and longer while a group has not finished it. */
  readonly retentionMs: number;
  /** A group that nobody was a member of for so long no longer keeps messages from being removed. */
  readonly idleGroupMs: number;
}

const DAY = 24 * 60 * 60_000;

const defaults: QueueOptions = {
  partitions: 8,
  retentionMs: 7 * DAY,
  idleGroupMs: 30 * DAY,
  leaseMs: 15_000,
  handOverMs: 5_000,
  stopMs: 10_000,
  firstPauseMs: 100,
  longestPauseMs: 30_000,
};

/** A durable queue of topics, partitions and group offsets in Postgres or PGlite: Kafka's model without Kafka. */
export class EmbeddedQueue extends MessageQueue {
  readonly #options: QueueOptions;
  readonly #topics: Topics;
  readonly #retention: QueueRetention;
  readonly #producers: EmbeddedProducer[] = [];
  readonly #consumers: EmbeddedConsumer[] = [];
  #closed = false;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    options: Partial<QueueOptions> = {},
  ) {
    super();
    this.#options = { ...defaults, ...options };
    this.#topics = new Topics(database, this.#options.partitions);
    this.#retention = new QueueRetention(database, clock, this.#options);
  }

  async producer(): Promise<EmbeddedProducer> {
    this.#checkOpen();
    const producer = new EmbeddedProducer(this.database, this.clock, this.#topics);
    this.#producers.push(producer);
    return await Promise.resolve(producer);
  }

  consumer({ group, batchSize, from = 'group' }: ConsumerOptions): EmbeddedConsumer {
    this.#checkOpen();
    const membership = (topics: readonly string[]) =>
      from === 'earliest'
        ? new LoneMembership(this.database, topics)
        : new GroupMembership(this.database, group, topics, this.#options.leaseMs);
    const consumer = new EmbeddedConsumer(this.database, this.#topics, membership, batchSize, this.#options);
    this.#consumers.push(consumer);
    return consumer;
  }

  async createTopics(
    topics: readonly string[],
    { compacted = false }: { readonly compacted?: boolean } = {},
  ): Promise<void> {
    await this.#topics.create(topics);
    if (compacted) await this.#topics.compact(topics);
  }

  async ping(): Promise<void> {
    await unavailableAs('queue-unavailable', this.database.query('select 1'));
  }

  /** Stops the consumers and lets the producers end; the database is closed by who opened it. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([
      ...this.#consumers.map((consumer) => consumer.stop()),
      ...this.#producers.map((producer) => producer.close()),
      this.#retention.stop(),
    ]);
  }

  #checkOpen(): void {
    if (this.#closed) throw new InfrastructureError('queue-unavailable', 'The queue was closed.');
  }
}
