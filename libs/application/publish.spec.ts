import { beforeEach, expect, test } from '@jest/globals';
import { instantOf } from '#domain/time';
import { InfrastructureError } from './errors.js';
import type { EventBatch, RecordedEvent, SubscriptionOptions } from './ports/event-store.js';
import type { OutgoingMessage } from './ports/message-queue.js';
import { Publish } from './publish.js';

const eventAt = (position: number): RecordedEvent => ({
  id: `event ${position}`,
  event: { type: 'SendCancelled', at: instantOf(0), intentId: `i-${position}` },
  metadata: { correlationId: 'test', causationId: 'test' },
  stream: 'customer-a.b',
  revision: position,
  position,
  recordedAt: instantOf(0),
});

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
};

/** A log that gives a batch when it is told to, a queue that takes it, and a checkpoint that moves when it is told to. */
class Stage {
  readonly done: string[] = [];
  readonly abort = new AbortController();
  checkpoint: number | undefined = 10;
  refusal: Error | undefined;
  #give: (batch: EventBatch | undefined) => void = () => undefined;
  #write: () => void = () => undefined;
  readonly follow: Promise<void>;

  constructor() {
    const store = { subscribe: (options: SubscriptionOptions) => this.#batches(options) };
    const checkpoints = {
      checkpoint: async () => this.checkpoint,
      moveCheckpoint: async (_name: string, from: number | undefined, to: number) => {
        this.done.push(`write ${to}`);
        await new Promise<void>((resolve) => (this.#write = resolve));
        if (from !== this.checkpoint) throw new InfrastructureError('checkpoint-taken', 'Another one.');
        this.checkpoint = to;
      },
    };
    const producer = {
      send: async ([first]: readonly OutgoingMessage[]) => {
        if (this.refusal !== undefined) throw this.refusal;
        this.done.push(`send ${first?.key}`);
      },
      close: async () => undefined,
    };
    const messagesOf = ({ id }: RecordedEvent): readonly OutgoingMessage[] => [
      { topic: 't', key: id, value: null, headers: {} },
    ];
    this.follow = new Publish(store as never, checkpoints, producer, messagesOf).follow(this.abort.signal);
    this.follow.catch(() => undefined);
  }

  async *#batches({ after, signal }: SubscriptionOptions): AsyncGenerator<EventBatch> {
    this.done.push(`from ${after}`);
    signal.addEventListener('abort', () => this.#give(undefined));
    for (;;) {
      const batch = await new Promise<EventBatch | undefined>((resolve) => (this.#give = resolve));
      if (batch === undefined) return;
      yield batch;
    }
  }

  async give(position: number): Promise<void> {
    this.#give({ events: [eventAt(position)], caughtUp: true });
    await turns();
  }

  async write(): Promise<void> {
    this.#write();
    await turns();
  }
}

let stage: Stage;
beforeEach(async () => {
  stage = new Stage();
  await turns();
});

test('messages do not wait for the checkpoint, which follows behind them and skips what it was late for', async () => {
  await stage.give(11);
  await stage.give(12);
  await stage.give(13);
  expect(stage.done).toEqual(['from 10', 'send event 11', 'write 11', 'send event 12', 'send event 13']);
  await stage.write();
  expect(stage.checkpoint).toBe(11);
  expect(stage.done.at(-1)).toBe('write 13');
  await stage.write();
  expect(stage.checkpoint).toBe(13);
  await stage.give(14);
  expect(stage.done.slice(-2)).toEqual(['send event 14', 'write 14']);
});

test('it ends when the checkpoint is where it was moved to last', async () => {
  await stage.give(11);
  await stage.give(12);
  let isOver = false;
  void stage.follow.then(() => (isOver = true));
  stage.abort.abort();
  await turns();
  await stage.write();
  expect(isOver).toBe(false);
  await stage.write();
  expect(isOver).toBe(true);
  expect(stage.checkpoint).toBe(12);
});

test('what the queue does not take stays in front of the checkpoint', async () => {
  await stage.give(11);
  stage.refusal = new InfrastructureError('queue-unavailable', 'Gone.');
  await stage.give(12);
  await stage.write();
  await expect(stage.follow).rejects.toBe(stage.refusal);
  expect(stage.checkpoint).toBe(11);
});

test('a checkpoint that another one has moved is the end, also while nothing comes', async () => {
  await stage.give(11);
  stage.checkpoint = 12;
  await stage.write();
  await expect(stage.follow).rejects.toMatchObject({ code: 'checkpoint-taken' });
  expect(stage.checkpoint).toBe(12);
});
