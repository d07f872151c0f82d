import { expect, jest, test } from '@jest/globals';
import { OffsetCommits } from './offset-commits.js';

/** A group that is told offsets, by a request that ends when it is told to. */
class Group {
  readonly requests: string[] = [];
  readonly logged: string[] = [];
  readonly failures: Error[] = [];
  readonly assignment = { isLost: false };
  answer: () => Promise<void> = () => Promise.resolve();
  readonly commits = new OffsetCommits(
    this.assignment,
    async (offsets) => {
      const failure = this.failures.shift();
      if (failure) throw failure;
      this.requests.push(
        (offsets?.topics ?? [])
          .flatMap(({ topic, partitions }) =>
            partitions.map(({ partition, offset }) => `${topic}/${partition}: ${offset}`),
          )
          .join(', '),
      );
      await this.answer();
    },
    (level, message) => this.logged.push(`${level}: ${message}`),
  );
}

test('few requests, one at a time, take along what all partitions have finished, each with its latest', async () => {
  jest.useFakeTimers();
  const group = new Group();
  let answer = (): void => undefined;
  group.answer = () => new Promise((resolve) => (answer = resolve));
  group.commits.move('tide', 0, 3);
  await jest.advanceTimersByTimeAsync(0);
  expect(group.requests).toEqual(['tide/0: 3']);
  answer();
  group.commits.move('tide', 1, 7);
  group.commits.move('tide', 0, 5);
  await jest.advanceTimersByTimeAsync(199);
  expect(group.requests).toHaveLength(1);
  group.commits.move('tide', 0, 6);
  await jest.advanceTimersByTimeAsync(1);
  expect(group.requests.slice(1)).toEqual(['tide/1: 7, tide/0: 6']);
  // The next one waits for the answer to this one.
  group.commits.move('ebb', 0, 1);
  await jest.advanceTimersByTimeAsync(1_000);
  expect(group.requests).toHaveLength(2);
  answer();
  await jest.advanceTimersByTimeAsync(0);
  expect(group.requests.slice(2)).toEqual(['ebb/0: 1']);
  answer();
  await jest.advanceTimersByTimeAsync(1_000);
  expect(group.requests).toHaveLength(3);
  jest.useRealTimers();
});

test('who wants all to be committed does not wait for the time', async () => {
  const group = new Group();
  group.commits.move('tide', 0, 8);
  await group.commits.settled();
  group.commits.move('tide', 0, 9);
  await group.commits.settled();
  expect(group.requests).toEqual(['tide/0: 8', 'tide/0: 9']);
});

test('a commit that did not reach the broker is tried again, and given up in the end', async () => {
  const group = new Group();
  group.failures.push(new Error('Connection closed.'));
  group.commits.move('tide', 3, 12);
  await group.commits.settled();
  expect(group).toMatchObject({ requests: ['tide/3: 12'], logged: [] });
  group.failures.push(...Array.from({ length: 5 }, () => new Error('Connection closed.')));
  group.commits.move('tide', 3, 16);
  await group.commits.settled();
  expect(group).toMatchObject({ requests: ['tide/3: 12'], logged: ['warn: Offsets were not committed'] });
  group.commits.move('tide', 3, 17);
  await group.commits.settled();
  expect(group.requests).toEqual(['tide/3: 12', 'tide/3: 17']);
}, 20_000);

test.each(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS', 'FENCED_INSTANCE_ID'])(
  'a commit refused with %s means that the partitions are lost, and none is tried any more',
  async (type) => {
    const group = new Group();
    group.failures.push(Object.assign(new Error('No.'), { type }));
    group.commits.move('tide', 3, 12);
    await group.commits.settled();
    group.commits.move('tide', 3, 16);
    await group.commits.settled();
    expect(group).toMatchObject({ requests: [], logged: ['info: Offsets were not committed'] });
    expect(group.assignment.isLost).toBe(true);
  },
);
