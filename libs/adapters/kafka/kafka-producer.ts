import { type Kafka, type Producer, type TopicMessages } from 'kafkajs';
import { InfrastructureError } from '#application/errors';
import { MAX_MESSAGE_BYTES, MessageProducer, type OutgoingMessage } from '#application/ports/message-queue';
import { chunksOf, sizeOf } from './chunks.js';
import { protocolErrorOf, retry, unavailable } from './kafka-client.js';
import type { KafkaSettings } from './kafka-url.js';
import { keyPartitioner } from './partitioner.js';
import { speedUpProducing } from './produce-request.js';

export type ProducerClient = Pick<Producer, 'connect' | 'sendBatch' | 'disconnect'>;

export const idempotentProducer = (kafka: Kafka): ProducerClient => {
  speedUpProducing();
  return kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: keyPartitioner,
    retry,
  });
};

interface Call {
  readonly messages: readonly OutgoingMessage[];
  resolve(): void;
  reject(error: unknown): void;
}

/** The broker no longer knows what this producer sent before: another one starts anew. */
const forgotten: readonly string[] = [
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_ID_MAPPING',
];

/**
 * Publishes by an idempotent kafkajs producer, one request at a time: what is called for meanwhile goes together into
 * the next request, in the order of the calls.
 */
export class KafkaProducer extends MessageProducer {
  private client: Promise<ProducerClient> | undefined;
  private waiting: Call[] = [];
  private running: Promise<void> | undefined;
  private isClosed = false;

  constructor(
    private readonly createClient: () => ProducerClient,
    private readonly settings: KafkaSettings,
  ) {
    super();
  }

  async connect(): Promise<void> {
    await this.connected();
  }

  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.isClosed) throw unavailable(this.settings, 'the producer is closed.');
    const tooLarge = messages.find((message) => sizeOf(message) > MAX_MESSAGE_BYTES);
    if (tooLarge) throw tooLargeError(tooLarge);
    if (messages.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      this.waiting.push({ messages, resolve, reject });
      this.running ??= this.run();
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.running;
    await this.discard();
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) await this.publish(this.waiting.splice(0));
    // Right here, not when the promise settles: a call between the two would wait for ever.
    this.running = undefined;
  }

  /** Settles each call: as soon as its last message is acknowledged, or with the failure that ended it. */
  private async publish(calls: readonly Call[]): Promise<void> {
    let end = 0;
    const ends = calls.map(({ messages }) => (end += messages.length));
    let acknowledged = 0;
    let settled = 0;
    try {
      for (const chunk of chunksOf(calls.flatMap(({ messages }) => messages))) {
        await this.publishChunk(chunk);
        acknowledged += chunk.length;
        for (; (ends[settled] ?? Infinity) <= acknowledged; settled += 1) calls[settled]?.resolve();
      }
    } catch (error) {
      for (const call of calls.slice(settled)) call.reject(error);
    }
  }

  private async publishChunk(chunk: readonly OutgoingMessage[]): Promise<void> {
    const topicMessages = byTopic(chunk);
    for (let isRepeated = false; ; isRepeated = true) {
      const client = await this.connected();
      try {
        await client.sendBatch({ acks: -1, topicMessages });
        return;
      } catch (error) {
        // kafkajs takes the sequence numbers of a failed request back, though the broker may have taken its messages.
        // Under the same producer id the next messages would pass for repeats of them, acknowledged and dropped.
        await this.discard();
        const type = protocolErrorOf(error);
        if (forgotten.includes(type) && !isRepeated) continue;
        if (type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE') throw this.refused(chunk, error);
        throw unavailable(this.settings, error);
      }
    }
  }

  private connected(): Promise<ProducerClient> {
    return (this.client ??= this.open().catch((error: unknown) => {
      this.client = undefined;
      throw unavailable(this.settings, error);
    }));
  }

  private async open(): Promise<ProducerClient> {
    const client = this.createClient();
    try {
      await client.connect();
      return client;
    } catch (error) {
      await disconnect(client);
      throw error;
    }
  }

  private async discard(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    await client?.then(disconnect, () => undefined);
  }

  private refused([message, ...others]: readonly OutgoingMessage[], cause: unknown): InfrastructureError {
    if (message && others.length === 0) return tooLargeError(message, cause);
    return unavailable(
      this.settings,
      new Error('a topic takes less than 1 MiB per batch: raise its max.message.bytes to 1048588.', { cause }),
    );
  }
}

function byTopic(messages: readonly OutgoingMessage[]): TopicMessages[] {
  const topics = new Map<string, TopicMessages>();
  for (const { topic, key, value, headers } of messages) {
    const entry = topics.get(topic);
    if (entry) entry.messages.push({ key, value, headers });
    else topics.set(topic, { topic, messages: [{ key, value, headers }] });
  }
  return [...topics.values()];
}

function tooLargeError(message: OutgoingMessage, cause?: unknown): InfrastructureError {
  return new InfrastructureError(
    'message-too-large',
    `A message to ${message.topic} has ${sizeOf(message)} bytes, ${MAX_MESSAGE_BYTES} can be sent: shorten it.`,
    { cause },
  );
}

// Nothing depends on how the end of a connection went.
const disconnect = (client: ProducerClient): Promise<void> => client.disconnect().catch(() => undefined);
