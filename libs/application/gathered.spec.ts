import { expect, test } from '@jest/globals';
import { InfrastructureError } from './errors.js';
import { gathered } from './gathered.js';

const open = (most = 100, atOnce = 1) => {
  const done: { readonly items: readonly number[]; readonly finish: (error?: Error) => void }[] = [];
  const run = gathered<number, string>(
    (items) =>
      new Promise((resolve, reject) => {
        const finish = (error?: Error): void => (error === undefined ? resolve(items.map(String)) : reject(error));
        done.push({ items, finish });
      }),
    most,
    atOnce,
  );
  return { run, done };
};
const turn = (): Promise<void> => new Promise(setImmediate);

test('what is asked for while work is under way goes together, and each gets its own answers', async () => {
  const { run, done } = open();
  const first = run([1, 2]);
  await turn();
  const [second, third, none] = [run([3]), run([4, 5]), run([])];
  await turn();
  expect(done.map(({ items }) => items)).toEqual([[1, 2]]);
  done[0]?.finish();
  expect(await first).toEqual(['1', '2']);
  await turn();
  expect(done[1]?.items).toEqual([3, 4, 5]);
  done[1]?.finish();
  expect(await Promise.all([second, third, none])).toEqual([['3'], ['4', '5'], []]);
});

test.each([new Error('a bug'), new InfrastructureError('event-too-large', 'Too large.')])(
  '%s is that of the batch at fault alone, and of nobody later',
  async (failure) => {
    const { run, done } = open();
    const all = Promise.allSettled([run([1]), run([2]), run([3])]);
    await turn();
    done[0]?.finish(failure);
    for (const [place, fault] of [undefined, failure, undefined].entries()) {
      await turn();
      done[place + 1]?.finish(fault);
    }
    expect(done.map(({ items }) => items)).toEqual([[1, 2, 3], [1], [2], [3]]);
    expect(await all).toEqual([
      { status: 'fulfilled', value: ['1'] },
      { status: 'rejected', reason: failure },
      { status: 'fulfilled', value: ['3'] },
    ]);
    const later = run([4]);
    await turn();
    done[4]?.finish();
    expect(await later).toEqual(['4']);
  },
);

test.each(['store-unavailable', 'store-corrupt'] as const)(
  '%s is that of all: to ask for each is in vain',
  async (code) => {
    const { run, done } = open();
    const all = Promise.allSettled([run([1]), run([2])]);
    await turn();
    done[0]?.finish(new InfrastructureError(code, 'Away.'));
    expect((await all).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(done).toHaveLength(1);
  },
);

test('no more go together than may, but for one batch that has more', async () => {
  const { run, done } = open(2);
  const all = [run([1, 2, 3]), run([4]), run([5]), run([6])];
  for (let work = 0; work < 3; work += 1) {
    await turn();
    done[work]?.finish();
  }
  expect((await Promise.all(all)).flat()).toEqual(['1', '2', '3', '4', '5', '6']);
  expect(done.map(({ items }) => items)).toEqual([[1, 2, 3], [4, 5], [6]]);
});

test('of two works at once one goes on while the other waits, and what comes meanwhile goes together', async () => {
  const { run, done } = open(100, 2);
  const all = [run([1])];
  await turn();
  all.push(run([2]));
  await turn();
  all.push(run([3]), run([4]));
  await turn();
  expect(done.map(({ items }) => items)).toEqual([[1], [2]]);
  done[1]?.finish();
  await turn();
  expect(done.map(({ items }) => items)).toEqual([[1], [2], [3, 4]]);
  done[0]?.finish();
  done[2]?.finish();
  expect(await Promise.all(all)).toEqual([['1'], ['2'], ['3'], ['4']]);
  // What is asked for in one turn is one work, however many may be under way.
  const together = [run([5]), run([6])];
  await turn();
  expect(done.at(-1)?.items).toEqual([5, 6]);
  done.at(-1)?.finish();
  await Promise.all(together);
});
