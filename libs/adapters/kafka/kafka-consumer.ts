import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { InfrastructureError } from '#application/errors';
import { type ConsumerOptions, type MessageBatch, MessageConsumer } from '#application/ports/message-queue';
import { type KafkaLog, retry, unavailable } from './kafka-client.js';
import type { KafkaSettings } from './kafka-url.js';
import { type Assignment, OffsetCommits } from './offset-commits.js';
import { type Feed, PartitionReader } from './partition-reader.js';

/** Before the next fetch, where what came last has to wait: a fetch of many messages costs hardly more than one of few. */
const gatherMs = 20;
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
/** For batches that were aborted to end and to be committed. */
const abortGraceMs = 1_000;
/** While Kafka cannot be reached, kafkajs does not stop trying before it stops. */
const leaveTimeoutMs = 3_000;

/** What the consumer needs of the queue that opened it. */
export interface GroupAdmin {
  createTopics(topics: readonly string[]): Promise<void>;
  deleteGroup(group: string): Promise<void>;
}

/**
 * A member of a consumer group, by kafkajs.
 *
 * kafkajs fetches again only when all batches of the last fetch are done, and beats the group's heart only between
 * them. So for kafkajs a batch is done when its partition's reader has it: a slow one holds up neither fetches nor
 * heartbeats nor others, and the next one is here when it ends (ADR 29). A rebalance does not wait for what runs.
 *
 * `earliest` is a group with a name of its own, deleted at the end: kafkajs has no consumer without a group. It commits
 * as any other, so that a rebalance does not begin at the start again. A killed process leaves it to Kafka, which
 * forgets groups without members (offsets.retention.minutes).
 */
export class KafkaConsumer extends MessageConsumer {
  readonly dead: Promise<Error>;
  private readonly group: string;
  private readonly consumer: Consumer;
  private readonly readers = new Map<string, PartitionReader>();
  private assignment: Assignment = { isLost: true };
  private commits: OffsetCommits | undefined;
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
    for (const reader of this.readers.values()) reader.abort();
  }

  private async batchesEnded(withinMs: number): Promise<void> {
    const ended = Promise.all(Array.from(this.readers.values(), (reader) => reader.ended()));
    await before(
      ended.then(() => this.commits?.settled()),
      withinMs,
    );
  }

  /** Never rejects: to kafkajs a TypeError would be the end of this consumer, and any other error a reason to rejoin. */
  private async eachBatch(payload: EachBatchPayload): Promise<void> {
    const { messages } = payload.batch;
    const last = messages.at(-1);
    if (last === undefined || payload.isStale()) return;
    const taken = this.readerOf(payload).add(messages);
    if (taken === 'refused') return;
    payload.resolveOffset(last.offset);
    if (taken === 'waiting') await sleep(gatherMs, undefined, { ref: false });
  }

  private readerOf(payload: EachBatchPayload): PartitionReader {
    const { topic, partition } = payload.batch;
    const place = `${topic}/${partition}`;
    const known = this.readers.get(place);
    if (known !== undefined && known.assignment === this.assignment) return known;
    const { assignment, handle, log } = this;
    if (this.commits?.assignment !== assignment)
      this.commits = new OffsetCommits(assignment, payload.commitOffsetsIfNecessary, log);
    const reader = new PartitionReader(
      {
        topic,
        partition,
        batchSize: this.options.batchSize,
        assignment,
        commits: this.commits,
        feed: this.feedOf(topic, partition),
        log,
        isStopping: () => this.stopped !== undefined,
        handle,
      },
      known?.ended(),
    );
    this.readers.set(place, reader);
    return reader;
  }

  /** Once the consumer is stopped or about to start again, nothing is paused, and it begins at the committed offsets. */
  private feedOf(topic: string, partition: number): Feed {
    const { consumer } = this;
    const whileRunning = (act: () => void) => (): void => {
      try {
        act();
      } catch {
        // kafkajs has no group to act on.
      }
    };
    return {
      pause: whileRunning(() => consumer.pause([{ topic, partitions: [partition] }])),
      resume: whileRunning(() => consumer.resume([{ topic, partitions: [partition] }])),
      seek: (offset) => whileRunning(() => consumer.seek({ topic, partition, offset: String(offset) }))(),
    };
  }
}

/** Waits for `work`, but no longer. */
async function before(work: Promise<unknown>, withinMs: number): Promise<void> {
  const timer = new AbortController();
  const late = sleep(withinMs, undefined, { signal: timer.signal, ref: false }).catch(() => undefined);
  await Promise.race([work, late]);
  timer.abort();
}
