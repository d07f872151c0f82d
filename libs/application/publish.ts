import type { EventStore, RecordedEvent } from './ports/event-store.js';
import type { MessageProducer, OutgoingMessage } from './ports/message-queue.js';
import type { ProjectionStore } from './ports/read-model.js';

export const PUBLISHER = 'publisher';

/**
 * Turns decisions in the log into messages: a subscription with a checkpoint of its own, never a dual write
 * (rules §7, engineering §4). After a crash the last batch is published again, under the same ids.
 */
export class Publish {
  constructor(
    private readonly store: EventStore,
    private readonly checkpoints: Pick<ProjectionStore, 'checkpoint' | 'moveCheckpoint'>,
    private readonly producer: MessageProducer,
    private readonly messagesOf: (recorded: RecordedEvent) => readonly OutgoingMessage[],
    private readonly published: (events: readonly RecordedEvent[]) => void = () => undefined,
  ) {}

  /** Follows the log from the stored checkpoint until aborted. @throws InfrastructureError `checkpoint-taken` */
  async follow(signal: AbortSignal, batchSize = 1_000): Promise<void> {
    let checkpoint = await this.checkpoints.checkpoint(PUBLISHER);
    const options = { name: PUBLISHER, after: checkpoint, categories: ['customer'], batchSize, signal } as const;
    for await (const { events } of this.store.subscribe(options)) {
      const last = events.at(-1);
      if (last === undefined) continue;
      const messages = events.flatMap(this.messagesOf);
      if (messages.length > 0) await this.producer.send(messages);
      await this.checkpoints.moveCheckpoint(PUBLISHER, checkpoint, last.position);
      checkpoint = last.position;
      this.published(events);
    }
  }
}
