import type { ReceivedMessage } from '#application/ports/message-queue';

/** Which messages of a batch are finished, in whatever order that happens. */
export class FinishedMessages {
  private readonly finished = new Set<ReceivedMessage>();

  constructor(private readonly messages: readonly ReceivedMessage[]) {}

  add(message: ReceivedMessage): void {
    this.finished.add(message);
  }

  /** The message before the lowest unfinished one: up to it, all may be committed. Offsets can have gaps. */
  get last(): ReceivedMessage | undefined {
    const unfinished = this.messages.findIndex((message) => !this.finished.has(message));
    return unfinished === -1 ? this.messages.at(-1) : this.messages[unfinished - 1];
  }
}
