import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch, EachBatchPayload } from 'kafkajs';
import type { MessageBatch, ReceivedMessage } from '#application/ports/message-queue';
import { FinishedMessages } from './finished-messages.js';
import { type KafkaLog, protocolErrorOf } from './kafka-client.js';
import { receivedMessage } from './received-message.js';

/** The partitions that a member has in one generation of its group. A rebalance takes all of them away at once. */
export interface Assignment {
  isLost: boolean;
}

/** What kafkajs fetched of one partition. */
export interface Fetched extends Pick<EachBatchPayload, 'resolveOffset' | 'commitOffsetsIfNecessary'> {
  readonly batch: Pick<Batch, 'topic' | 'partition' | 'messages'>;
}

export interface Delivering {
  readonly batchSize: number;
  readonly assignment: Assignment;
  readonly signal: AbortSignal;
  readonly log: KafkaLog;
  /** No further batch when the consumer stops. */
  isStopping(): boolean;
  handle(batch: MessageBatch): Promise<void>;
}

/**
 * Hands what was fetched of one partition to the handler, batch by batch, and commits what is finished.
 * Ends early when aborted or stopping. Rejects with the handler's error.
 */
export async function deliver(fetched: Fetched, delivering: Delivering): Promise<void> {
  const { topic, partition, messages } = fetched.batch;
  const { batchSize, assignment, signal, isStopping } = delivering;
  for (let start = 0; start < messages.length; start += batchSize) {
    if (signal.aborted || assignment.isLost || isStopping()) return;
    const batch = messages.slice(start, start + batchSize).map((message) => receivedMessage(topic, partition, message));
    const finished = new FinishedMessages(batch);
    let failure: { readonly error: unknown } | undefined;
    try {
      await delivering.handle({ topic, partition, messages: batch, signal, finished: (one) => finished.add(one) });
      for (const message of batch) finished.add(message);
    } catch (error) {
      failure = { error };
    }
    // Too late: the partition may be another member's by now, and may have moved on.
    if (assignment.isLost) return;
    if (finished.last) await commit(fetched, finished.last, delivering);
    if (failure) throw failure.error;
  }
}

/** The answers to a member of a former generation: its partitions belong to others. */
const lost: readonly string[] = [
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'FENCED_INSTANCE_ID',
];

const attempts = 5;

/**
 * Moves the place of the next fetch and the group's offset behind a message. A commit that fails for good is not worth
 * an error: the next one covers it, and without a next one some messages come twice.
 */
async function commit(fetched: Fetched, last: ReceivedMessage, delivering: Delivering): Promise<void> {
  const { topic, partition, offset } = last;
  const { assignment, log } = delivering;
  fetched.resolveOffset(String(offset));
  // Not the consumer's own commitOffsets: that one does nothing, without a word, once the consumer is about to stop.
  const behind = { topics: [{ topic, partitions: [{ partition, offset: String(offset + 1) }] }] };
  for (let attempt = 1; !assignment.isLost; attempt += 1) {
    try {
      return await fetched.commitOffsetsIfNecessary(behind);
    } catch (error) {
      assignment.isLost ||= lost.includes(protocolErrorOf(error));
      if (assignment.isLost || attempt === attempts) {
        const level = assignment.isLost ? 'info' : 'warn';
        return log(level, 'An offset was not committed', { topic, partition, offset: offset + 1, error });
      }
    }
    await sleep(100 * 2 ** attempt);
  }
}
