import type { MessageConsumer, MessageQueue, ReceivedMessage } from '#application/ports/message-queue';
import { topicName, type Topic } from '#contracts/topics';

/** A CloudEvent as any client reads it. */
export interface Event {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const eventOf = ({ value }: ReceivedMessage): Event => {
  const event: unknown = JSON.parse(value ?? 'null');
  if (isRecord(event) && typeof event['id'] === 'string' && typeof event['type'] === 'string') {
    const { id, type, data } = event;
    if (isRecord(data)) return { id, type, data };
  }
  throw new Error(`Not a CloudEvent: ${value}`);
};

/** Reads topics from their start, as a consumer outside of Tidegate would. */
export class QueueReader {
  readonly #consumer: MessageConsumer;
  readonly events: Event[] = [];

  constructor(
    queue: MessageQueue,
    private readonly topics: readonly Topic[],
  ) {
    this.#consumer = queue.consumer({ group: 'outside', batchSize: 2_000, from: 'earliest' });
  }

  async start(): Promise<void> {
    await this.#consumer.start(this.topics.map(topicName), async ({ messages }) => {
      this.events.push(...messages.map(eventOf));
    });
  }

  async stop(): Promise<void> {
    await this.#consumer.stop();
  }
}
