import { GroupCommit } from './group-commit.js';

interface Item {
  readonly name: string;
  readonly bytes: number;
}

const item = (name: string, bytes = 1): Item => ({ name, bytes });

describe('group commit', () => {
  const groups: string[][] = [];
  let release: () => void = () => {};
  beforeEach(() => {
    groups.length = 0;
  });
  const writer = (keyOf?: (item: Item) => string) =>
    new GroupCommit<Item, string>(
      async (items) => {
        groups.push(items.map(({ name }) => name));
        await new Promise<void>((resolve) => (release = resolve));
        if (items.some(({ name }) => name === 'bad')) throw new Error('bad group');
        return items.map(({ name }) => `${name}!`);
      },
      { weight: 10, weigh: ({ bytes }) => bytes, ...(keyOf && { keyOf }) },
    );
  const settle = async (): Promise<void> => {
    for (let tick = 0; tick < 10; tick += 1) await Promise.resolve();
  };
  const releaseAll = async (): Promise<void> => {
    for (let round = 0; round < 10; round += 1) {
      await settle();
      release();
    }
    await settle();
  };

  test('what comes while one is written goes together, each answered with its own', async () => {
    const commit = writer();
    const first = commit.add([item('a')]);
    await settle();
    const [second, third] = [commit.add([item('b'), item('c')]), commit.add([item('d')])];
    await releaseAll();
    expect(groups).toEqual([['a'], ['b', 'c', 'd']]);
    expect(await Promise.all([first, second, third])).toEqual([['a!'], ['b!', 'c!'], ['d!']]);
  });

  test('a group is bounded, and what is heavier than that goes alone', async () => {
    const commit = writer();
    const added = commit.add([item('a', 6), item('b', 4), item('c', 1), item('huge', 99), item('d', 1)]);
    await releaseAll();
    expect(groups).toEqual([['a', 'b'], ['c'], ['huge'], ['d']]);
    expect(await added).toHaveLength(5);
  });

  test('items of one key go one after the other', async () => {
    const commit = writer(({ name }) => name);
    const added = [commit.add([item('a'), item('b')]), commit.add([item('a')]), commit.add([item('c')])];
    await releaseAll();
    expect(groups).toEqual([
      ['a', 'b'],
      ['a', 'c'],
    ]);
    await Promise.all(added);
  });

  test('a failed group fails its own callers only, and the next one goes on', async () => {
    const commit = writer();
    const failed = commit.add([item('bad', 10)]);
    const after = commit.add([item('good')]);
    const failure = failed.catch((error: unknown) => error);
    await releaseAll();
    expect(await failure).toMatchObject({ message: 'bad group' });
    expect(await after).toEqual(['good!']);
  });

  test.each(Array.from({ length: 12 }, (_, turns) => turns))(
    'what comes %i turns after the end of the last group is not left lying',
    async (turns) => {
      const commit = writer();
      const first = commit.add([item('a')]);
      await settle();
      release();
      let second: Promise<readonly string[]> | undefined;
      const later = async (): Promise<void> => {
        for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
        second = commit.add([item('b')]);
      };
      await later();
      await releaseAll();
      expect(groups).toEqual([['a'], ['b']]);
      expect(await Promise.all([first, second])).toEqual([['a!'], ['b!']]);
    },
  );

  test('idle waits for what is not written yet', async () => {
    const commit = writer();
    let written = 0;
    void commit.add([item('a', 10)]).then(() => (written += 1));
    void commit.add([item('b', 10)]).then(() => (written += 1));
    const idle = commit.idle().then(() => written);
    await releaseAll();
    expect(await idle).toBe(2);
    expect(await commit.add([])).toEqual([]);
  });
});
