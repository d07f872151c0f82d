import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  ConsumerOptions,
  MessageBatch,
  MessageConsumer,
  MessageProducer,
  MessageQueue,
  OutgoingMessage,
  ReceivedMessage,
} from '#application/ports/message-queue';

export interface QueueHarness {
  /** Of each topic that `createTopics` makes: at least 2. */
  readonly partitions: number;
  /** A further client of the same queue, as from another process. */
  queue(): Promise<MessageQueue>;
  /**
   * Ends a client as if its process had died: from now on it neither commits nor renews nor leaves anything, whatever
   * its handlers still do. `close` of such a client has to work.
   */
  crash(queue: MessageQueue): Promise<void>;
  close(): Promise<void>;
}

/** What the parts of the contract work with: the harness of the suite and the scene of the running test. */
export interface Stage {
  readonly harness: QueueHarness;
  readonly scene: Scene;
}

export interface Joining extends Partial<ConsumerOptions> {
  readonly topics: readonly string[];
  readonly handle?: (batch: MessageBatch) => Promise<void> | void;
}

/** A member of a consumer group that keeps what it was given. */
export class Member {
  readonly batches: MessageBatch[] = [];
  readonly messages: ReceivedMessage[] = [];
  isDead = false;
  private stopped: Promise<void> | undefined;

  constructor(private readonly consumer: MessageConsumer) {
    void consumer.dead.then(() => (this.isDead = true));
  }

  async start({ topics, handle }: Joining): Promise<void> {
    await this.consumer.start(topics, async (batch) => {
      this.batches.push(batch);
      this.messages.push(...batch.messages);
      await handle?.(batch);
    });
  }

  get values(): (string | null)[] {
    return this.messages.map(({ value }) => value);
  }

  async received(count: number): Promise<void> {
    await until(
      () => this.messages.length >= count,
      `${count} messages`,
      () => `${this.messages.length} came`,
    );
  }

  stop(): Promise<void> {
    return (this.stopped ??= this.consumer.stop());
  }
}

export interface Latch {
  readonly opened: Promise<void>;
  open(): void;
}

/** What one test opens, with names of its own, closed in the end however the test went. */
export class Scene {
  readonly topic = `contract.${randomUUID()}`;
  readonly group = `contract.${randomUUID()}`;
  private readonly queues: MessageQueue[] = [];
  private readonly producers: MessageProducer[] = [];
  private readonly members: Member[] = [];
  private readonly latches: Latch[] = [];

  constructor(private readonly harness: QueueHarness) {}

  async queue(): Promise<MessageQueue> {
    const queue = await this.harness.queue();
    this.queues.push(queue);
    return queue;
  }

  async producer(queue?: MessageQueue): Promise<MessageProducer> {
    const producer = await (queue ?? (await this.queue())).producer();
    this.producers.push(producer);
    return producer;
  }

  /** A producer to the scene's topic. */
  async producerOfTopic(): Promise<MessageProducer> {
    const queue = await this.queue();
    await queue.createTopics([this.topic]);
    return this.producer(queue);
  }

  /** Joins the scene's group on its topic, by a client of its own, if nothing else is said. */
  async join(joining: Partial<Joining> = {}, queue?: MessageQueue): Promise<Member> {
    const client = queue ?? (await this.queue());
    const { topics = [this.topic], group = this.group, batchSize = 100, handle, from } = joining;
    const member = new Member(client.consumer({ group, batchSize, ...(from && { from }) }));
    this.members.push(member);
    await member.start({ topics, ...(handle && { handle }) });
    return member;
  }

  latch(): Latch {
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const latch = { opened, open };
    this.latches.push(latch);
    return latch;
  }

  message(key: string, value: string | null = key): OutgoingMessage {
    return { topic: this.topic, key, value, headers: {} };
  }

  /** `count` messages of each key, numbered per key from `first`, all keys in turn. */
  rounds(keys: readonly string[], count: number, first = 0): OutgoingMessage[] {
    return Array.from({ length: count }, (_, round) =>
      keys.map((key) => this.message(key, `${key}:${first + round}`)),
    ).flat();
  }

  async close(): Promise<void> {
    for (const latch of this.latches) latch.open();
    await Promise.all(this.members.map((member) => member.stop()));
    await Promise.all(this.producers.map((producer) => producer.close()));
    await Promise.all(this.queues.map((queue) => queue.close()));
  }
}

/** Enough keys that each of a few partitions gets some. */
export const manyKeys: readonly string[] = Array.from({ length: 64 }, (_, index) => `key-${index}`);

export async function until(condition: () => boolean, what: string, seen?: () => string): Promise<void> {
  const deadline = performance.now() + 45_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for ${what}. ${seen?.() ?? ''}`);
    await sleep(5);
  }
}
