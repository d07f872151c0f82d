import { hash } from 'node:crypto';
import { InfrastructureError } from '#application/errors';
import { GroupCommit } from '#application/group-commit';
import type { Clock } from '#application/ports/clock';
import { MAX_MESSAGE_BYTES, MessageProducer, type OutgoingMessage } from '#application/ports/message-queue';
import type { Database } from './database.js';
import { unavailableAs } from './failures.js';
import { lines } from './lines.js';
import type { Topics } from './topics.js';

export const MESSAGES_CHANNEL = 'tidegate_messages';
/** Of what is written in one statement: PGlite keeps the process busy meanwhile. */
const MAX_GROUP_BYTES = MAX_MESSAGE_BYTES;

interface Placed {
  readonly topic: string;
  readonly partition: number;
  readonly body: string;
}

/** Which partition a key belongs to is part of the stored data: changing this breaks the order of keys. */
export const partitionOf = (key: string, partitions: number): number =>
  Number.parseInt(hash('sha1', key).slice(0, 8), 16) % partitions;

export class EmbeddedProducer extends MessageProducer {
  readonly #groups = new GroupCommit<Placed, true>((group) => this.#write(group), {
    weight: MAX_GROUP_BYTES,
    weigh: ({ body }) => body.length,
  });

  #placing: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly topics: Topics,
  ) {
    super();
  }

  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    for (const message of messages) checkSize(message);
    // One call after the other, so that none that needs no new topic overtakes one that does.
    const placed = this.#placing.then(() => this.#place(messages));
    this.#placing = placed.catch(() => {});
    await unavailableAs('queue-unavailable', this.#groups.add(await placed));
  }

  async close(): Promise<void> {
    await this.#groups.idle();
  }

  async #place(messages: readonly OutgoingMessage[]): Promise<readonly Placed[]> {
    const partitions = new Map<string, number>();
    for (const topic of new Set(messages.map(({ topic }) => topic)))
      partitions.set(topic, await this.topics.partitionsOf(topic));
    return messages.map(({ topic, key, value, headers }) => ({
      topic,
      partition: partitionOf(key, partitions.get(topic) ?? 1),
      body: JSON.stringify({ key, value, headers }),
    }));
  }

  async #write(group: readonly Placed[]): Promise<readonly true[]> {
    await this.database.query('select tidegate_queue.enqueue($1, $2, $3, $4)', [
      lines(group.map(({ topic }) => topic)),
      lines(group.map(({ partition }) => partition)),
      lines(group.map(({ body }) => body)),
      this.clock.now(),
    ]);
    for (const topic of new Set(group.map(({ topic }) => topic))) this.database.notify(MESSAGES_CHANNEL, topic);
    return group.map(() => true);
  }
}

const bytesOf = ({ key, value, headers }: OutgoingMessage): number => {
  let bytes = Buffer.byteLength(key) + Buffer.byteLength(value ?? '');
  for (const name in headers) bytes += Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? '');
  return bytes;
};

const checkSize = (message: OutgoingMessage): void => {
  const bytes = bytesOf(message);
  if (bytes > MAX_MESSAGE_BYTES)
    throw new InfrastructureError(
      'message-too-large',
      `A message for ${message.topic} weighs ${bytes} bytes, and the queue takes at most ${MAX_MESSAGE_BYTES}.`,
    );
};
