import type { EventStore, Position, RecordedEvent } from './ports/event-store.js';
import type { MessageProducer, OutgoingMessage } from './ports/message-queue.js';
import type { ProjectionStore } from './ports/read-model.js';

export const PUBLISHER = 'publisher';

type Checkpoints = Pick<ProjectionStore, 'checkpoint' | 'moveCheckpoint'>;

/**
 * Turns decisions in the log into messages: a subscription with a checkpoint of its own, never a dual write
 * (rules §7, engineering §4). After a crash the last batches are published again, under the same ids.
 */
export class Publish {
  constructor(
    private readonly store: EventStore,
    private readonly checkpoints: Checkpoints,
    private readonly producer: MessageProducer,
    private readonly messagesOf: (recorded: RecordedEvent) => readonly OutgoingMessage[],
    private readonly published: (events: readonly RecordedEvent[]) => void = () => undefined,
  ) {}

  /** Follows the log from the stored checkpoint until aborted. @throws InfrastructureError `checkpoint-taken` */
  async follow(signal: AbortSignal, batchSize = 1_000): Promise<void> {
    const after = await this.checkpoints.checkpoint(PUBLISHER);
    const checkpoint = new TrailingCheckpoint(this.checkpoints, after);
    const until = AbortSignal.any([signal, checkpoint.failed]);
    const options = { name: PUBLISHER, after, categories: ['customer'], batchSize, signal: until } as const;
    try {
      for await (const { events } of this.store.subscribe(options)) {
        const last = events.at(-1);
        if (last === undefined) continue;
        const messages = events.flatMap(this.messagesOf);
        if (messages.length > 0) await this.producer.send(messages);
        this.published(events);
        checkpoint.move(last.position);
      }
    } finally {
      await checkpoint.settled();
    }
  }
}

/**
 * Moves beside the work, behind what is done, as often as the store can: who waits for a message need not wait for a
 * checkpoint on disk, and one write takes along all that was done since the last.
 */
class TrailingCheckpoint {
  readonly #failed = new AbortController();
  #wanted: Position | undefined;
  #moving: Promise<void> | undefined;

  constructor(
    private readonly checkpoints: Checkpoints,
    private stored: Position | undefined,
  ) {}

  /** Aborts when it cannot be moved. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  move(to: Position): void {
    this.#wanted = to;
    this.#moving ??= this.#move();
  }

  /** When it is where it was moved to last. @throws what it could not be moved for */
  async settled(): Promise<void> {
    await this.#moving;
    this.failed.throwIfAborted();
  }

  async #move(): Promise<void> {
    try {
      for (let to = this.#wanted; to !== undefined; to = this.#wanted) {
        this.#wanted = undefined;
        await this.checkpoints.moveCheckpoint(PUBLISHER, this.stored, to);
        this.stored = to;
      }
      this.#moving = undefined;
    } catch (error) {
      // Stays settled: nothing is moved any more.
      this.#failed.abort(error);
    }
  }
}
