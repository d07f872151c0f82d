import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { KafkaMessage } from 'kafkajs';
import type { MessageBatch } from '#application/ports/message-queue';
import { type Feed, PartitionReader, type Reading } from './partition-reader.js';

const messageAt = (offset: number, value = ''): KafkaMessage => ({
  key: null,
  value: Buffer.from(value),
  timestamp: '0',
  attributes: 0,
  offset: String(offset),
  headers: {},
});
/** Five messages of a partition, with a gap. */
const five = [10, 11, 14, 15, 16].map((offset) => messageAt(offset));

/** A partition and what became of it. */
class Stage implements Feed {
  readonly handled: number[][] = [];
  readonly moved: number[] = [];
  readonly logged: string[] = [];
  readonly told: string[] = [];
  readonly assignment = { isLost: false };
  isStopping = false;
  handle: (batch: MessageBatch) => Promise<void> | void = () => undefined;

  pause(): void {
    this.told.push('pause');
  }
  resume(): void {
    this.told.push('resume');
  }
  seek(offset: number): void {
    this.told.push(`seek ${offset}`);
  }

  reader(options: Partial<Reading> = {}, former?: Promise<void>): PartitionReader {
    const { assignment } = this;
    return new PartitionReader(
      {
        topic: 'tide',
        partition: 3,
        batchSize: 2,
        assignment,
        feed: this,
        commits: { move: (_topic, _partition, offset) => void this.moved.push(offset) },
        log: (level, message) => this.logged.push(`${level}: ${message}`),
        isStopping: () => this.isStopping,
        handle: async (batch) => {
          this.handled.push(batch.messages.map(({ offset }) => offset));
          await this.handle(batch);
        },
        ...options,
      },
      former,
    );
  }
}

/** A batch that runs until it is told to end. */
const held = () => {
  let end = (): void => undefined;
  const batch = new Promise<void>((resolve) => (end = resolve));
  return { batch, end: () => end() };
};

let stage: Stage;
beforeEach(() => {
  jest.useFakeTimers();
  stage = new Stage();
});
afterEach(() => void jest.useRealTimers());

test('batch after batch is handled, and its offset moves behind it', async () => {
  const reader = stage.reader();
  stage.handle = () => expect(stage.moved).toHaveLength(stage.handled.length - 1);
  expect(reader.add(five)).toBe('in-work');
  await reader.ended();
  expect(stage.handled).toEqual([[10, 11], [14, 15], [16]]);
  expect(stage.moved).toEqual([12, 16, 17]);
});

test('what is fetched meanwhile waits for one batch at a time, and goes together', async () => {
  const reader = stage.reader();
  const first = held();
  stage.handle = () => (stage.handled.length === 1 ? first.batch : undefined);
  expect(reader.add(five.slice(0, 1))).toBe('in-work');
  await jest.advanceTimersByTimeAsync(0);
  expect(reader.add(five.slice(1, 2))).toBe('waiting');
  expect(reader.add(five.slice(2, 3))).toBe('waiting');
  expect(stage.handled).toEqual([[10]]);
  first.end();
  await reader.ended();
  expect(stage.handled).toEqual([[10], [11, 14]]);
});

test('more than the next batch is not fetched before there is room', async () => {
  const reader = stage.reader();
  reader.add(five.slice(0, 2));
  expect(stage.told).toEqual([]);
  reader.add(five.slice(2));
  expect(stage.told).toEqual(['pause']);
  stage.handle = () => void stage.told.push(`handle ${stage.handled.at(-1)?.join(' ')}`);
  await reader.ended();
  expect(stage.told).toEqual(['pause', 'handle 10 11', 'resume', 'handle 14 15', 'handle 16']);
});

test('nor more than a megabyte', async () => {
  const reader = stage.reader({ batchSize: 10 });
  reader.add([messageAt(1, '.'.repeat(1024 * 1024))]);
  expect(stage.told).toEqual([]);
  reader.add([messageAt(2, '.')]);
  expect(stage.told).toEqual(['pause']);
  await reader.ended();
  expect(stage.told).toEqual(['pause', 'resume']);
});

test('a rejection moves behind what was finished, and all else is fetched again after a pause', async () => {
  const reader = stage.reader();
  stage.handle = ({ messages: [first], finished }) => {
    if (first?.offset !== 14) return;
    finished(first);
    throw new TypeError('No such thing.');
  };
  reader.add(five);
  await reader.ended();
  expect(stage.handled).toEqual([
    [10, 11],
    [14, 15],
  ]);
  expect(stage.moved).toEqual([12, 15]);
  expect(stage.logged).toEqual(['warn: A batch failed and will be delivered again']);
  expect(stage.told).toEqual(['pause', 'resume', 'pause', 'seek 15']);
  expect(reader.add(five.slice(4))).toBe('refused');
  await jest.advanceTimersByTimeAsync(99);
  expect(stage.told.at(-1)).toBe('seek 15');
  await jest.advanceTimersByTimeAsync(1);
  expect(stage.told.at(-1)).toBe('resume');
  expect(reader.add(five.slice(3))).toBe('in-work');
  await reader.ended();
  expect(stage.handled.at(-1)).toEqual([15, 16]);
});

test('a rejection with nothing finished moves nothing; each pause is longer, until a batch succeeds', async () => {
  const reader = stage.reader();
  const pauses: number[] = [];
  const attempt = async (): Promise<void> => {
    reader.add(five.slice(0, 2));
    await reader.ended();
    let pauseMs = 0;
    for (; stage.told.at(-1) !== 'resume' && pauseMs < 60_000; pauseMs += 100) await jest.advanceTimersByTimeAsync(100);
    pauses.push(pauseMs);
  };
  stage.handle = ({ messages: [, second], finished }) => {
    if (second) finished(second);
    throw new Error('No.');
  };
  for (let attempts = 0; attempts < 11; attempts += 1) await attempt();
  expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
  expect(stage.moved).toEqual([]);
  expect(stage.told.filter((word) => word.startsWith('seek'))).toEqual(pauses.map(() => 'seek 10'));
  const failing = stage.handle;
  stage.handle = () => undefined;
  reader.add(five.slice(0, 1));
  await reader.ended();
  stage.handle = failing;
  await attempt();
  expect(pauses.at(-1)).toBe(100);
});

test.each(['resolves', 'rejects'])('a partition that was lost meanwhile is left alone: the handler %s', async (how) => {
  const reader = stage.reader();
  stage.handle = ({ messages, finished }) => {
    messages.forEach(finished);
    stage.assignment.isLost = true;
    if (how === 'rejects') throw new Error('Aborted.');
  };
  reader.add(five);
  await reader.ended();
  expect(stage).toMatchObject({ handled: [[10, 11]], moved: [], logged: [] });
  expect(reader.add(five)).toBe('refused');
});

test('an abort and a stop end it after the running batch, whose offset moves', async () => {
  const reader = stage.reader();
  const running = held();
  stage.handle = () => running.batch;
  reader.add(five);
  await jest.advanceTimersByTimeAsync(0);
  reader.abort();
  running.end();
  await reader.ended();
  expect(stage).toMatchObject({ handled: [[10, 11]], moved: [12] });

  const stopped = new Stage();
  const other = stopped.reader();
  stopped.handle = () => void (stopped.isStopping = stopped.handled.length === 2);
  other.add(five);
  await other.ended();
  expect(stopped).toMatchObject({
    handled: [
      [10, 11],
      [14, 15],
    ],
    moved: [12, 16],
  });
});

test('an aborted reader leaves no partition paused, neither full nor at rest', async () => {
  const reader = stage.reader();
  const running = held();
  stage.handle = () => running.batch;
  reader.add(five);
  await jest.advanceTimersByTimeAsync(0);
  reader.add(five);
  expect(stage.told.at(-1)).toBe('pause');
  reader.abort();
  expect(stage.told.at(-1)).toBe('resume');

  const resting = new Stage();
  const other = resting.reader();
  resting.handle = () => {
    throw new Error('No.');
  };
  other.add(five.slice(0, 1));
  await other.ended();
  expect(resting.told).toEqual(['pause', 'seek 10']);
  other.abort();
  await jest.advanceTimersByTimeAsync(1_000);
  expect(resting.told).toEqual(['pause', 'seek 10', 'resume']);
});

test('a reader begins when the last one of its partition has ended', async () => {
  const former = held();
  const reader = stage.reader({}, former.batch);
  reader.add(five.slice(0, 1));
  await jest.advanceTimersByTimeAsync(10);
  expect(stage.handled).toEqual([]);
  former.end();
  await reader.ended();
  expect(stage.handled).toEqual([[10]]);
});
