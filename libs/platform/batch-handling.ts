import { isInfrastructureError, reactionTo, type ErrorCode, type Reaction } from '#application/errors';
import type { Clock } from '#application/ports/clock';
import type { MessageBatch, MessageProducer, ReceivedMessage } from '#application/ports/message-queue';
import type { Parking } from '#application/ports/parking';
import type { Telemetry } from '#application/ports/telemetry';
import { deadLetterMessage } from '#contracts/outbound/dead-letters';

export type Handle = (batch: MessageBatch) => Promise<void>;

export interface BatchHandlingOptions {
  readonly group: string;
  readonly parking: Parking;
  readonly producer: Pick<MessageProducer, 'send'>;
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, 'deadLettered' | 'parked'>;
  /** Something is wrong that no redelivery can heal: the process has to exit. */
  readonly fail: (error: unknown) => void;
  /** A bug was met; the message and what follows it under its key is parked. */
  readonly met: (error: unknown, message: ReceivedMessage) => void;
}

const RETRIED_AT_ONCE = 500;

/**
 * What becomes of a batch whose handling fails (architecture §5). Time heals it: it is delivered again. A message is at
 * fault: it becomes a dead letter. The code is at fault: the message is parked, and so are all that follow under its
 * key, in order. In each case the other messages of the batch go on.
 */
export class BatchHandling {
  constructor(private readonly options: BatchHandlingOptions) {}

  /** Resolves when every message is handled, a dead letter, or parked. Rejects to have the rest delivered again. */
  async run(batch: MessageBatch, handle: Handle): Promise<void> {
    const { group, parking } = this.options;
    const keys = [...new Set(batch.messages.map(({ key }) => key))];
    const parked = await parking.parkedKeys(group, batch.topic, keys);
    const behind = batch.messages.filter(({ key }) => parked.has(key));
    await this.#park(behind, 'Follows a parked message of its key.');
    for (const message of behind) batch.finished(message);
    const free = behind.length === 0 ? batch.messages : batch.messages.filter(({ key }) => !parked.has(key));
    if (free.length === 0) return;
    try {
      await handle({ ...batch, messages: free });
    } catch (error) {
      this.#rethrow(error);
      // Somebody in the batch is at fault: alone, each shows who.
      for (const own of byKey(free)) await this.#handleKey(own, batch, handle);
    }
  }

  /**
   * Tries parked messages again, each key in order up to the first that still fails. A bug is healed by other code, so
   * once after each start is enough; now and then it was no bug after all. Resolves with how many were handled.
   * What is parked meanwhile, behind them, stays for the next time.
   */
  async retry(topic: string, signal: AbortSignal, handle: Handle): Promise<number> {
    const { group, parking } = this.options;
    const failing = new Set<string>();
    let handled = 0;
    let after: ReceivedMessage | undefined;
    for (;;) {
      const parked = await parking.parked(group, topic, RETRIED_AT_ONCE, after);
      for (const { message } of parked) {
        if (signal.aborted) return handled;
        after = message;
        if (failing.has(message.key)) continue;
        try {
          const { partition } = message;
          await handle({ topic, partition, messages: [message], signal, finished: () => undefined });
        } catch (error) {
          this.#rethrow(error);
          const code = faultOf(error);
          if (code === undefined) {
            failing.add(message.key);
            continue;
          }
          await this.#deadLetter(message, code, error);
        }
        await parking.release(group, [message]);
        handled += 1;
      }
      if (parked.length < RETRIED_AT_ONCE) return handled;
    }
  }

  /** Messages of one key, one after the other. */
  async #handleKey(own: readonly ReceivedMessage[], batch: MessageBatch, handle: Handle): Promise<void> {
    for (const [index, message] of own.entries()) {
      if (batch.signal.aborted) throw new Error('The batch was taken away.');
      try {
        await handle({ ...batch, messages: [message] });
      } catch (error) {
        this.#rethrow(error);
        const code = faultOf(error);
        if (code === undefined) {
          this.options.met(error, message);
          const rest = own.slice(index);
          await this.#park(rest, error instanceof Error ? (error.stack ?? error.message) : String(error));
          for (const one of rest) batch.finished(one);
          return;
        }
        await this.#deadLetter(message, code, error);
      }
      batch.finished(message);
    }
  }

  async #park(messages: readonly ReceivedMessage[], error: string): Promise<void> {
    const { group, parking, clock, telemetry } = this.options;
    const [first] = messages;
    if (first === undefined) return;
    const parkedAt = clock.now();
    await parking.park(
      group,
      messages.map((message) => ({ message, error, parkedAt })),
    );
    telemetry.parked(first.topic, messages.length);
  }

  async #deadLetter(message: ReceivedMessage, code: ErrorCode, error: unknown): Promise<void> {
    const { group, producer, clock, telemetry } = this.options;
    const reason = { code, message: error instanceof Error ? error.message : String(error) };
    await producer.send([deadLetterMessage(message, reason, { source: `/${group}`, at: clock.now() })]);
    telemetry.deadLettered(message.topic, code, 1);
  }

  /** What neither a dead letter nor parking can answer. */
  #rethrow(error: unknown): void {
    const reaction = reactionOf(error);
    if (reaction === 'exit') this.options.fail(error);
    if (reaction === 'retry' || reaction === 'exit') throw error;
  }
}

/** Undefined for a bug. */
const reactionOf = (error: unknown): Reaction | undefined =>
  isInfrastructureError(error) ? reactionTo[error.code] : undefined;

/** The code of an error for which the message is to blame. */
const faultOf = (error: unknown): ErrorCode | undefined =>
  isInfrastructureError(error) && reactionTo[error.code] === 'dead-letter' ? error.code : undefined;

const byKey = (messages: readonly ReceivedMessage[]): readonly (readonly ReceivedMessage[])[] => {
  const groups = new Map<string, ReceivedMessage[]>();
  for (const message of messages) {
    const group = groups.get(message.key);
    if (group === undefined) groups.set(message.key, [message]);
    else group.push(message);
  }
  return [...groups.values()];
};
