import { setTimeout as sleep } from 'node:timers/promises';
import type { EachBatchPayload } from 'kafkajs';
import { type KafkaLog, protocolErrorOf } from './kafka-client.js';

/** The partitions that a member has in one generation of its group. A rebalance takes all of them away at once. */
export interface Assignment {
  isLost: boolean;
}

/**
 * How kafkajs moves a group's offsets. Not by the consumer's own commitOffsets: that one does nothing, without a word,
 * once the consumer is about to stop.
 */
export type CommitOffsets = EachBatchPayload['commitOffsetsIfNecessary'];

/** The answers to a member of a former generation: its partitions belong to others. */
const lost: readonly string[] = [
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'FENCED_INSTANCE_ID',
];

const attempts = 5;
/** The broker writes each commit to a log: under load there would be hundreds a second, of no use but after a crash. */
const everyMs = 200;

/**
 * Moves the offsets of a group behind what is finished: one request at a time and few a second, which take along what any
 * partition has finished meanwhile. A commit that fails for good is not worth an error: the next one covers it, and
 * without a next one some messages come twice.
 */
export class OffsetCommits {
  #behind = new Map<string, { readonly topic: string; readonly partition: number; readonly offset: string }>();
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(
    readonly assignment: Assignment,
    private readonly commit: CommitOffsets,
    private readonly log: KafkaLog,
  ) {}

  /** At once, if there was no commit for a while. @param offset of the message to go on with after a restart */
  move(topic: string, partition: number, offset: number): void {
    this.#behind.set(`${topic}/${partition}`, { topic, partition, offset: String(offset) });
    if (this.#timer === undefined) this.#timer = this.#commit();
  }

  /** Commits what is finished until now. Never rejects. */
  settled(): Promise<void> {
    return (this.#last = this.#last.then(() => this.#commitAll()));
  }

  #commit(): NodeJS.Timeout {
    void this.settled();
    return setTimeout(() => {
      this.#timer = this.#behind.size > 0 ? this.#commit() : undefined;
    }, everyMs).unref();
  }

  async #commitAll(): Promise<void> {
    const { assignment, commit, log } = this;
    const topics = [...this.#behind.values()].map(({ topic, ...behind }) => ({ topic, partitions: [behind] }));
    this.#behind.clear();
    // Too late for the others: a partition may be another member's by now, and may have moved on.
    for (let attempt = 1; topics.length > 0 && !assignment.isLost; attempt += 1) {
      try {
        return await commit({ topics });
      } catch (error) {
        assignment.isLost ||= lost.includes(protocolErrorOf(error));
        if (assignment.isLost || attempt === attempts)
          return log(assignment.isLost ? 'info' : 'warn', 'Offsets were not committed', { topics, error });
      }
      await sleep(100 * 2 ** attempt);
    }
  }
}
