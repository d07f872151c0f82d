import { deadLetterMessage, type Reason } from '#contracts/outbound/dead-letters';
import { readMessage, type Reading } from '#contracts/read-message';
import type { Parsed } from '#contracts/inbound/kinds';
import type { Fault } from '#contracts/inbound/schemas';
import type { ReadTopic } from '#contracts/topics';
import type { EventMetadata } from '#application/ports/event-store';
import type { MessageBatch, MessageProducer, OutgoingMessage, ReceivedMessage } from '#application/ports/message-queue';
import type { Clock } from '#application/ports/clock';
import type { Telemetry } from '#application/ports/telemetry';

export type Understood<T extends ReadTopic> = Extract<Parsed<T>, { readonly kind: 'valid' }>;

/** A message that was understood, with the message it came in. */
export interface Taken<T extends ReadTopic> {
  readonly message: ReceivedMessage;
  readonly parsed: Understood<T>;
}

const isUnderstood = <T extends ReadTopic>(reading: Reading<T>): reading is Understood<T> => reading.kind === 'valid';

/** Reads batches and puts aside what cannot be worked on, with the reason; the batch goes on (case 37). */
export class Intake {
  readonly #dead: OutgoingMessage[] = [];

  constructor(
    private readonly source: string,
    private readonly clock: Clock,
    private readonly telemetry: Telemetry,
  ) {}

  /** @param refused gets the messages that the contract does not allow, beside their dead letters */
  take<T extends ReadTopic>(
    topic: T,
    batch: MessageBatch,
    refused: (message: ReceivedMessage, fault: Fault) => void = () => undefined,
  ): readonly Taken<T>[] {
    return batch.messages.flatMap((message): Taken<T>[] => {
      const parsed = readMessage(topic, message);
      if (isUnderstood(parsed)) return [{ message, parsed }];
      if (parsed.kind === 'invalid') {
        const { field, message: fault, remedy } = parsed;
        this.reject(message, { code: 'message-invalid', field, message: fault, remedy });
        refused(message, parsed);
      }
      return [];
    });
  }

  reject(message: ReceivedMessage, reason: Reason): void {
    this.#dead.push(deadLetterMessage(message, reason, { source: this.source, at: this.clock.now() }));
    this.telemetry.deadLettered(message.topic, reason.code, 1);
  }

  /** Before the batch counts as finished: what was put aside is stored, with whatever else has to be published. */
  async finish(producer: MessageProducer, others: readonly OutgoingMessage[] = []): Promise<void> {
    if (this.#dead.length + others.length > 0) await producer.send([...this.#dead, ...others]);
  }
}

export const metadataOf = ({
  id,
  traceparent,
}: {
  readonly id: string;
  readonly traceparent: string | undefined;
}): EventMetadata => ({
  correlationId: id,
  causationId: id,
  traceparent,
});
