import type { Instant } from '#domain/time';

export type Headers = { readonly [name: string]: string };

/**
 * What a message may take: bytes of UTF-8 of its key, value, header names and header values together. Below the 1 MiB
 * that Kafka takes per batch unless configured otherwise.
 */
export const MAX_MESSAGE_BYTES = 1_000_000;

export interface OutgoingMessage {
  readonly topic: string;
  /** Messages with the same key keep their order. */
  readonly key: string;
  /** Null for a tombstone. */
  readonly value: string | null;
  readonly headers: Headers;
}

/** Publishes to the message queue. */
export abstract class MessageProducer {
  /**
   * Resolves when the queue has durably acknowledged all of them; messages of one key keep their order, also those of
   * calls that did not wait for each other.
   * After a rejection some may have been published: consumers expect repeats.
   * @throws InfrastructureError `queue-unavailable`; `message-too-large`, having published nothing
   */
  abstract send(messages: readonly OutgoingMessage[]): Promise<void>;

  abstract close(): Promise<void>;
}

export interface ReceivedMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  /** Null for a tombstone. */
  readonly value: string | null;
  readonly headers: Headers;
  /** When the queue took it. */
  readonly at: Instant;
}

/**
 * What an `@EventPattern(topic)` handler gets as payload: consecutive messages of one partition.
 * A partition's next batch comes only after this one; partitions run concurrently.
 *
 * The handler resolves: all messages are finished, and the offset behind the last is committed, soon or when the
 * consumer stops: a crash in between brings some again.
 * It rejects: the messages it named `finished` up to the lowest unfinished one are committed, the rest is delivered
 * again after a growing pause; nothing is skipped.
 */
export interface MessageBatch {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly ReceivedMessage[];
  /** Aborts when the partition was taken away or the process stops: stop early, what is unfinished comes again. */
  readonly signal: AbortSignal;
  finished(message: ReceivedMessage): void;
}

/** One member of a consumer group. Several processes with the same group share the partitions. */
export abstract class MessageConsumer {
  /**
   * Joins the group and delivers batches until `stop`. Starts at the earliest message when the group has no offset.
   * Creates missing topics. Resolves when the member has joined.
   */
  abstract start(topics: readonly string[], handle: (batch: MessageBatch) => Promise<void>): Promise<void>;
  /** Lets running batches end (or aborts them at the deadline), commits and leaves the group. */
  abstract stop(): Promise<void>;
  /** Settles only when the consumer is dead for good: the process has to exit and be started again. */
  abstract readonly dead: Promise<Error>;
}

/** Opens the two ends of one message queue. */
export abstract class MessageQueue {
  abstract producer(): Promise<MessageProducer>;
  abstract consumer(options: ConsumerOptions): MessageConsumer;
  /** Creates topics that do not exist yet. `compacted`: of each key the last message is kept for ever, of others what is old goes. */
  abstract createTopics(topics: readonly string[], options?: { readonly compacted?: boolean }): Promise<void>;
  /** @throws InfrastructureError `queue-unavailable` */
  abstract ping(): Promise<void>;
  /** Closes what it opened. */
  abstract close(): Promise<void>;
}

export interface ConsumerOptions {
  readonly group: string;
  /** Messages per batch at most. */
  readonly batchSize: number;
  /** `earliest` keeps no offsets and reads everything from the start each time, as every member alone. Default `group`. */
  readonly from?: 'group' | 'earliest';
}
