import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import {
  type ConsumerOptions,
  type MessageConsumer,
  type MessageProducer,
  MessageQueue,
} from '#application/ports/message-queue';
import { createClient, type KafkaClientOptions, protocolErrorOf, unavailable } from './kafka-client.js';
import { KafkaConsumer } from './kafka-consumer.js';
import { idempotentProducer, KafkaProducer } from './kafka-producer.js';
import { type KafkaSettings, parseKafkaUrl } from './kafka-url.js';

/** A message queue on Kafka, by kafkajs. For the URL see `parseKafkaUrl`. */
export class KafkaQueue extends MessageQueue {
  private readonly settings: KafkaSettings;
  private readonly producers = new Set<KafkaProducer>();
  private readonly consumers = new Set<KafkaConsumer>();

  /** @throws InfrastructureError `config-invalid` */
  constructor(
    url: string,
    private readonly options: KafkaClientOptions,
  ) {
    super();
    this.settings = parseKafkaUrl(url);
  }

  async producer(): Promise<MessageProducer> {
    const kafka = createClient(this.settings, this.options);
    const producer = new KafkaProducer(() => idempotentProducer(kafka), this.settings);
    this.producers.add(producer);
    await producer.connect();
    return producer;
  }

  consumer(options: ConsumerOptions): MessageConsumer {
    const admin = {
      createTopics: (topics: readonly string[]) => this.createTopics(topics),
      deleteGroup: (group: string) => this.deleteGroup(group),
    };
    // Patient: a member that comes back within its session keeps its id, and the group need not wait for its end.
    const kafka = createClient(this.settings, this.options, 15);
    const consumer = new KafkaConsumer(kafka, this.settings, options, admin, this.options.log);
    this.consumers.add(consumer);
    return consumer;
  }

  async createTopics(
    topics: readonly string[],
    { compacted = false }: { readonly compacted?: boolean } = {},
  ): Promise<void> {
    const configEntries = compacted ? [{ name: 'cleanup.policy', value: 'compact' }] : [];
    const { partitions: numPartitions, replicas: replicationFactor } = this.settings;
    await this.administrate(async (admin) => {
      const present = new Set(await admin.listTopics());
      const missing = topics.filter((topic) => !present.has(topic));
      if (missing.length === 0) return;
      await admin.createTopics({
        topics: missing.map((topic) => ({ topic, numPartitions, replicationFactor, configEntries })),
        waitForLeaders: false,
      });
      await ledBySomebody(admin, missing);
    });
  }

  async ping(): Promise<void> {
    await this.administrate((admin) => admin.describeCluster());
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.consumers, (consumer) => consumer.stop()));
    await Promise.all(Array.from(this.producers, (producer) => producer.close()));
  }

  private async deleteGroup(group: string): Promise<void> {
    try {
      await this.administrate((admin) => admin.deleteGroups([group]));
    } catch (error) {
      this.options.log('info', 'A group was left to be forgotten by Kafka', { group, error });
    }
  }

  /** Connects anew each time: such work is rare, and an idle connection would have to be looked after. */
  private async administrate(work: (admin: Admin) => Promise<unknown>): Promise<void> {
    const admin = createClient(this.settings, this.options).admin();
    try {
      await admin.connect();
      await work(admin);
    } catch (error) {
      throw unavailable(this.settings, error);
    } finally {
      await admin.disconnect();
    }
  }
}

const leadersWithinMs = 15_000;

/** kafkajs's own `waitForLeaders` gives up when the broker that it asks has not heard of the new topic yet. */
async function ledBySomebody(admin: Admin, topics: readonly string[]): Promise<void> {
  for (const deadline = Date.now() + leadersWithinMs; ; await sleep(100)) {
    try {
      const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] });
      if (found.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)))
        return;
    } catch (error) {
      if (protocolErrorOf(error) !== 'UNKNOWN_TOPIC_OR_PARTITION' || Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline) throw new Error(`the topics ${topics.join(', ')} have no leader yet.`);
  }
}
