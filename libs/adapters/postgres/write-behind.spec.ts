import { describe, expect, test } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { WriteBehind, type Gathered } from './write-behind.js';

/** Names, of which none can be in a part twice. */
class Names implements Gathered<number, string> {
  to = 0;
  readonly names: string[] = [];
  constructor(readonly from: number | undefined) {}
  get weight(): number {
    return this.names.length;
  }
  canTake(name: string): boolean {
    return !this.names.includes(name);
  }
  take(to: number, name: string): void {
    this.to = to;
    this.names.push(name);
  }
}

/** Writes that end when the test says so. */
class Table {
  readonly begun: string[] = [];
  readonly #ends: ((error?: Error) => void)[] = [];
  readonly behind = new WriteBehind<number, string, Names>(
    (from) => new Names(from),
    ({ from, to, names }) => {
      this.begun.push(`${from ?? 'start'}..${to}: ${names.join(' ')}`);
      return new Promise((resolve, reject) => {
        this.#ends.push((error) => (error === undefined ? resolve() : reject(error)));
      });
    },
    2,
  );

  /** The oldest write that runs ends. */
  end(error?: Error): void {
    this.#ends.shift()?.(error);
  }
}

const isDone = async (work: Promise<void>): Promise<boolean> => {
  let done = false;
  work.then(
    () => (done = true),
    () => (done = true),
  );
  await turn();
  return done;
};

const has = (name: string) => (part: Names) => part.names.includes(name);

describe('what is written behind', () => {
  test('goes in parts, one at a time, each from where the one before it ended', async () => {
    const table = new Table();
    const { behind } = table;
    await behind.apply(undefined, 1, 'a');
    expect(table.begun).toEqual([]);
    await behind.apply(1, 2, 'b');
    await behind.apply(2, 3, 'c');
    expect(table.begun).toEqual(['start..2: a b']);
    expect(behind.parts.map(({ names }) => names)).toEqual([['c'], ['a', 'b']]);
    const fourth = behind.apply(3, 4, 'd');
    expect(await isDone(fourth)).toBe(false);
    table.end();
    await fourth;
    expect(table.begun).toEqual(['start..2: a b', '2..4: c d']);
    table.end();
    await behind.flush();
    expect(behind.parts).toEqual([]);
  });

  test('begins another part with what cannot be written with the last', async () => {
    const table = new Table();
    await table.behind.apply(undefined, 1, 'a');
    await table.behind.apply(1, 2, 'a');
    expect(table.begun).toEqual(['start..1: a']);
    table.end();
    const flushed = table.behind.flush();
    await turn();
    expect(table.begun).toEqual(['start..1: a', '1..2: a']);
    table.end();
    await flushed;
  });

  test('who asks for what is not stored waits for it, whether it is gathered or being written, and nobody else', async () => {
    const table = new Table();
    const { behind } = table;
    for (const [index, name] of ['a', 'b', 'c'].entries()) await behind.apply(index, index + 1, name);
    expect(await isDone(behind.stored(has('nobody')))).toBe(true);
    const written = behind.stored(has('a'));
    expect(await isDone(written)).toBe(false);
    table.end();
    expect(await isDone(written)).toBe(true);
    const gathered = behind.stored(has('c'));
    expect(await isDone(gathered)).toBe(false);
    table.end();
    await gathered;
    expect(table.begun).toEqual(['0..2: a b', '2..3: c']);
  });

  test('what a write failed with is thrown to who comes next, and nothing is written after it', async () => {
    const table = new Table();
    const { behind } = table;
    await behind.apply(undefined, 1, 'a');
    await behind.apply(1, 2, 'b');
    table.end(new Error('gone'));
    await turn();
    await expect(behind.stored(has('a'))).rejects.toThrow('gone');
    await behind.apply(2, 3, 'c');
    await expect(behind.apply(3, 4, 'd')).rejects.toThrow('gone');
    await expect(behind.flush()).rejects.toThrow('gone');
    expect(table.begun).toEqual(['start..2: a b']);
  });
});
