import type { KafkaMessage } from 'kafkajs';
import type { MessageBatch } from '#application/ports/message-queue';
import { FinishedMessages } from './finished-messages.js';
import type { KafkaLog } from './kafka-client.js';
import type { Assignment, OffsetCommits } from './offset-commits.js';
import { receivedMessage } from './received-message.js';

/** What waits above that is fetched later. */
const roomBytes = 1024 * 1024;
/** After a rejection: doubled each time. */
const firstPauseMs = 100;
const longestPauseMs = 30_000;

/** Which part of its partition a reader is given. */
export interface Feed {
  pause(): void;
  resume(): void;
  /** Gives again all from this offset on, instead of what would come next. */
  seek(offset: number): void;
}

export interface Reading {
  readonly topic: string;
  readonly partition: number;
  /** Messages per batch at most. */
  readonly batchSize: number;
  readonly assignment: Assignment;
  readonly commits: Pick<OffsetCommits, 'move'>;
  readonly feed: Feed;
  readonly log: KafkaLog;
  /** No further batch when the consumer stops. */
  isStopping(): boolean;
  handle(batch: MessageBatch): Promise<void>;
}

/**
 * Hands what was fetched of one partition to the handler, batch by batch, while more is fetched: at most one batch and a
 * fetch wait here. After the handler's error all from the first unfinished message on is fetched again, after a pause
 * that grows.
 */
export class PartitionReader {
  readonly #abort = new AbortController();
  #waiting: KafkaMessage[] = [];
  #bytes = 0;
  #isPaused = false;
  #isResting = false;
  #failures = 0;
  #work: Promise<void> | undefined;

  /** @param former the work of the partition's last reader: one batch at a time, whatever generation it is of */
  constructor(
    private readonly reading: Reading,
    private readonly former: Promise<void> = Promise.resolve(),
  ) {}

  get assignment(): Assignment {
    return this.reading.assignment;
  }

  /** Takes what was fetched: it goes on at once, or has to wait; what is refused is to be fetched again. */
  add(messages: readonly KafkaMessage[]): 'in-work' | 'waiting' | 'refused' {
    if (this.#isResting || this.#isOver()) return 'refused';
    for (const message of messages) {
      this.#waiting.push(message);
      this.#bytes += bytesOf(message);
    }
    const isBusy = this.#work !== undefined;
    this.#work ??= this.#run();
    if (!this.#isPaused && this.#isFull()) {
      this.#isPaused = true;
      this.reading.feed.pause();
    }
    return isBusy ? 'waiting' : 'in-work';
  }

  /** When the running batch has ended. Never rejects. */
  async ended(): Promise<void> {
    await this.former;
    await this.#work;
  }

  /** The partition is another reader's from now on: it is not to stay paused (kafkajs keeps that across generations). */
  abort(): void {
    this.#abort.abort();
    this.#goOn();
  }

  #isOver(): boolean {
    return this.#abort.signal.aborted || this.reading.assignment.isLost || this.reading.isStopping();
  }

  #isFull(): boolean {
    return this.#waiting.length > this.reading.batchSize || this.#bytes > roomBytes;
  }

  async #run(): Promise<void> {
    await this.former;
    while (this.#waiting.length > 0 && !this.#isOver() && !this.#isResting) await this.#next();
    this.#work = undefined;
  }

  async #next(): Promise<void> {
    const { topic, partition, assignment, commits, handle } = this.reading;
    const batch = this.#take().map((message) => receivedMessage(topic, partition, message));
    const finished = new FinishedMessages(batch);
    let failure: { readonly error: unknown } | undefined;
    try {
      const { signal } = this.#abort;
      await handle({ topic, partition, messages: batch, signal, finished: (message) => finished.add(message) });
      for (const message of batch) finished.add(message);
    } catch (error) {
      failure = { error };
    }
    // Too late: the partition may be another member's by now, and may have moved on.
    if (assignment.isLost) return;
    const { last } = finished;
    if (last !== undefined) commits.move(topic, partition, last.offset + 1);
    if (failure === undefined) this.#failures = 0;
    else this.#rest(last === undefined ? (batch[0]?.offset ?? 0) : last.offset + 1, failure.error);
  }

  #take(): readonly KafkaMessage[] {
    const batch = this.#waiting.splice(0, this.reading.batchSize);
    for (const message of batch) this.#bytes -= bytesOf(message);
    if (!this.#isFull()) this.#goOn();
    return batch;
  }

  #goOn(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#isResting = false;
    this.reading.feed.resume();
  }

  #rest(from: number, error: unknown): void {
    const { topic, partition, feed, log } = this.reading;
    this.#failures += 1;
    const failures = this.#failures;
    const pauseMs = Math.min(firstPauseMs * 2 ** (failures - 1), longestPauseMs);
    log('warn', 'A batch failed and will be delivered again', { topic, partition, failures, pauseMs, error });
    this.#isResting = true;
    this.#isPaused = true;
    this.#waiting = [];
    this.#bytes = 0;
    feed.pause();
    feed.seek(from);
    setTimeout(() => this.#goOn(), pauseMs).unref();
  }
}

const bytesOf = ({ key, value }: KafkaMessage): number => (key?.length ?? 0) + (value?.length ?? 0);
