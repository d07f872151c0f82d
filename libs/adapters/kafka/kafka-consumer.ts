import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { InfrastructureError } from '#application/errors';
import { type ConsumerOptions, type MessageBatch, MessageConsumer } from '#application/ports/message-queue';
import { type KafkaLog, retry, unavailable } from './kafka-client.js';
import type { KafkaSettings } from './kafka-url.js';
import { type Assignment, deliver } from './partition-delivery.js';

/** How long kafkajs waits for the batches of one fetch before it goes on without the slow ones. */
const patienceMs = 1_000;
/** As many as a member has, as a rule; what exceeds it waits for its turn. */
const concurrently = 64;
/** How long the broker holds a fetch that finds nothing. A partition that rejoins the fetch waits for the last one. */
const fetchWaitMs = 250;
/** What a broker takes per batch by default (message.max.bytes): a larger one would have to wait until it comes first. */
const fetchBytesPerPartition = 1_048_588;
/**
 * As Kafka's own consumer, so that some 50 partitions come with each fetch. A broker fills a fetch in the order of the
 * partitions, and kafkajs always asks in the same: with its 10 MB, a backlog of the first ten would starve the others.
 */
const fetchBytes = 50 * 1024 * 1024;
/** After a rejection: doubled each time. */
const firstPauseMs = 100;
const longestPauseMs = 30_000;
/** For batches that were aborted to end and to be committed. */
const abortGraceMs = 1_000;
/** While Kafka cannot be reached, kafkajs does not stop trying before it stops. */
const leaveTimeoutMs = 3_000;

interface Running {
  readonly abort: AbortController;
  /** When the handler has returned and what it finished is committed. Never rejects. */
  readonly ended: Promise<void>;
}

/** What the consumer needs of the queue that opened it. */
export interface GroupAdmin {
  createTopics(topics: readonly string[]): Promise<void>;
  deleteGroup(group: string): Promise<void>;
}

/**
 * A member of a consumer group, by kafkajs.
 *
 * kafkajs fetches again only when all batches of the last fetch are done, and beats the group's heart only between
 * them. So a partition is paused while its batch runs, and kafkajs waits a moment only: quick batches keep pace with
 * the fetches and finish before a rebalance, slow ones go on beside them, and hold up neither heartbeats nor others.
 *
 * `earliest` is a group with a name of its own, deleted at the end: kafkajs has no consumer without a group. It commits
 * as any other, so that a rebalance does not begin at the start again. A killed process leaves it to Kafka, which
 * forgets groups without members (offsets.retention.minutes).
 */
export class KafkaConsumer extends MessageConsumer {
  readonly dead: Promise<Error>;
  private readonly group: string;
  private readonly consumer: Consumer;
  private readonly running = new Map<string, Running>();
  private readonly failures = new Map<string, number>();
  private assignment: Assignment = { isLost: true };
  private handle: (batch: MessageBatch) => Promise<void> = async () => undefined;
  private die: (error: Error) => void = () => undefined;
  private watch: NodeJS.Timeout | undefined;
  private silentTicks = 0;
  private stopped: Promise<void> | undefined;

  constructor(
    kafka: Kafka,
    private readonly settings: KafkaSettings,
    private readonly options: ConsumerOptions,
    private readonly admin: GroupAdmin,
    private readonly log: KafkaLog,
  ) {
    super();
    this.dead = new Promise((resolve) => (this.die = resolve));
    this.group = options.from === 'earliest' ? `${options.group}.${randomUUID()}` : options.group;
    const { sessionTimeoutMs } = settings;
    this.consumer = kafka.consumer({
      groupId: this.group,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: 2 * sessionTimeoutMs,
      heartbeatInterval: sessionTimeoutMs / 10,
      maxWaitTimeInMs: fetchWaitMs,
      maxBytesPerPartition: fetchBytesPerPartition,
      maxBytes: fetchBytes,
      allowAutoTopicCreation: false,
      // A crash while stopping would otherwise start the consumer again.
      retry: { ...retry, restartOnFailure: async () => !this.stopped },
    });
  }

  async start(topics: readonly string[], handle: (batch: MessageBatch) => Promise<void>): Promise<void> {
    this.handle = handle;
    await this.admin.createTopics(topics);
    const joined = this.follow();
    try {
      await this.consumer.connect();
      await this.consumer.subscribe({ topics: [...topics], fromBeginning: true });
      await this.consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: concurrently,
        eachBatch: (payload) => this.eachBatch(payload),
      });
    } catch (error) {
      throw unavailable(this.settings, error);
    }
    const death = await Promise.race([joined, this.dead]);
    if (death) throw death;
  }

  stop(): Promise<void> {
    return (this.stopped ??= this.leave());
  }

  private async leave(): Promise<void> {
    clearInterval(this.watch);
    await this.batchesEnded(this.settings.stopTimeoutMs);
    this.abortAll();
    await this.batchesEnded(abortGraceMs);
    this.assignment.isLost = true;
    await before(this.disconnect(), leaveTimeoutMs);
    if (this.options.from === 'earliest') await this.admin.deleteGroup(this.group);
  }

  private async disconnect(): Promise<void> {
    try {
      await this.consumer.disconnect();
    } catch (error) {
      this.log('info', 'A member left its group without a word', { group: this.group, error });
    }
  }

  /** Keeps assignment and life in step with what kafkajs tells. Resolves when the member has joined. */
  private follow(): Promise<void> {
    const { GROUP_JOIN, HEARTBEAT, REBALANCING, CRASH } = this.consumer.events;
    this.consumer.on(HEARTBEAT, () => (this.silentTicks = 0));
    this.consumer.on(REBALANCING, () => this.lose());
    this.consumer.on(CRASH, ({ payload: { error, restart } }) => {
      this.lose();
      if (!restart && !this.stopped) this.end(unavailable(this.settings, error));
    });
    // kafkajs can stop consuming without a word (tulios/kafkajs#659). Ticks, not time: a blocked process is not silence.
    const ticks = 10;
    this.watch = setInterval(() => {
      this.silentTicks += 1;
      if (this.silentTicks > ticks) this.end(unavailable(this.settings, `silent for ${this.settings.deadAfterMs} ms.`));
    }, this.settings.deadAfterMs / ticks).unref();
    return new Promise((resolve) => {
      this.consumer.on(GROUP_JOIN, () => {
        this.silentTicks = 0;
        // After metadata went stale kafkajs joins again without REBALANCING.
        this.lose();
        this.assignment = { isLost: false };
        resolve();
      });
    });
  }

  private end(error: InfrastructureError): void {
    clearInterval(this.watch);
    this.lose();
    this.die(error);
    void this.stop();
  }

  private lose(): void {
    this.assignment.isLost = true;
    this.abortAll();
  }

  private abortAll(): void {
    for (const { abort } of this.running.values()) abort.abort();
  }

  private async batchesEnded(withinMs: number): Promise<void> {
    const ended = Promise.all(Array.from(this.running.values(), (running) => running.ended));
    await before(ended, withinMs);
  }

  /** Never rejects: to kafkajs a TypeError would be the end of this consumer, and any other error a reason to rejoin. */
  private async eachBatch(payload: EachBatchPayload): Promise<void> {
    const { topic, partition } = payload.batch;
    const place = `${topic}/${partition}`;
    payload.pause();
    // A batch of a former generation still runs: when it has ended, this one is fetched again.
    if (this.stopped || this.running.has(place)) return;

    const abort = new AbortController();
    const ended = this.run(payload, abort.signal);
    this.running.set(place, { abort, ended });
    await before(ended, patienceMs);
  }

  /** Lets the partition be fetched again: at once, or after a pause if its batch failed. */
  private async run(payload: EachBatchPayload, signal: AbortSignal): Promise<void> {
    const { topic, partition } = payload.batch;
    const place = `${topic}/${partition}`;
    const resume = (): void => this.resume(topic, partition);
    const { assignment, handle, log } = this;
    const { batchSize } = this.options;
    const isStopping = (): boolean => this.stopped !== undefined;
    try {
      await deliver(payload, { batchSize, assignment, signal, log, isStopping, handle });
      this.failures.delete(place);
      resume();
    } catch (error) {
      const failures = (this.failures.get(place) ?? 0) + 1;
      this.failures.set(place, failures);
      const pauseMs = Math.min(firstPauseMs * 2 ** (failures - 1), longestPauseMs);
      log('warn', 'A batch failed and will be delivered again', { topic, partition, failures, pauseMs, error });
      void sleep(pauseMs, undefined, { signal, ref: false }).then(resume, resume);
    }
  }

  private resume(topic: string, partition: number): void {
    this.running.delete(`${topic}/${partition}`);
    try {
      this.consumer.resume([{ topic, partitions: [partition] }]);
    } catch {
      // Stopped or about to start again: nothing is paused then.
    }
  }
}

/** Waits for `work`, but no longer. */
async function before(work: Promise<unknown>, withinMs: number): Promise<void> {
  const timer = new AbortController();
  const late = sleep(withinMs, undefined, { signal: timer.signal, ref: false }).catch(() => undefined);
  await Promise.race([work, late]);
  timer.abort();
}
