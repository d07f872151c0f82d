import { expect, test } from '@jest/globals';
import { Gathered } from './gathered.js';

const open = (most = 100) => {
  const done: { readonly items: readonly number[]; readonly finish: (error?: Error) => void }[] = [];
  const gathered = new Gathered<number, string>(
    (items) =>
      new Promise((resolve, reject) => {
        const finish = (error?: Error): void => (error === undefined ? resolve(items.map(String)) : reject(error));
        done.push({ items, finish });
      }),
    most,
  );
  return { gathered, done };
};
const turn = (): Promise<void> => new Promise(setImmediate);

test('what is asked for while work is under way goes together, and each gets its own answers', async () => {
  const { gathered, done } = open();
  const first = gathered.run([1, 2]);
  await turn();
  const [second, third, none] = [gathered.run([3]), gathered.run([4, 5]), gathered.run([])];
  await turn();
  expect(done.map(({ items }) => items)).toEqual([[1, 2]]);
  done[0]?.finish();
  expect(await first).toEqual(['1', '2']);
  await turn();
  expect(done[1]?.items).toEqual([3, 4, 5]);
  done[1]?.finish();
  expect(await Promise.all([second, third, none])).toEqual([['3'], ['4', '5'], []]);
});

test('a failure is that of all who took part, and of nobody later', async () => {
  const { gathered, done } = open();
  const both = Promise.allSettled([gathered.run([1]), gathered.run([2])]);
  await turn();
  done[0]?.finish(new Error('down'));
  expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const later = gathered.run([3]);
  await turn();
  done[1]?.finish();
  expect(await later).toEqual(['3']);
});

test('no more go together than may, but for one batch that has more', async () => {
  const { gathered, done } = open(2);
  const all = [gathered.run([1, 2, 3]), gathered.run([4]), gathered.run([5]), gathered.run([6])];
  for (let work = 0; work < 3; work += 1) {
    await turn();
    done[work]?.finish();
  }
  expect((await Promise.all(all)).flat()).toEqual(['1', '2', '3', '4', '5', '6']);
  expect(done.map(({ items }) => items)).toEqual([[1, 2, 3], [4, 5], [6]]);
});
