import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { MemoryScratch } from '#testing/memory-scratch';
import { scratchContract } from '#testing/scratch.contract';
import { LevelScratch } from './level-scratch.js';

let parent: string;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
});
afterAll(() => rm(parent, { recursive: true }));

scratchContract('LevelDB', () => new LevelScratch(parent));
scratchContract('memory', () => new MemoryScratch());

describe('scratch by LevelDB', () => {
  test('makes a folder when something is put into it, for its owner alone, and leaves none behind', async () => {
    const scratch = new LevelScratch(parent);
    await scratch.get(['a']);
    expect(await readdir(parent)).toEqual([]);
    await scratch.put([['a', 'b']]);
    const [folder = ''] = await readdir(parent);
    expect((await stat(join(parent, folder))).mode & 0o077).toBe(0);
    await scratch.close();
    expect(await readdir(parent)).toEqual([]);
  });

  test('leaves no folder behind where the store in it cannot be opened', async () => {
    const refused = jest.spyOn(ClassicLevel.prototype, 'open').mockRejectedValue(new Error('no room'));
    const scratch = new LevelScratch(parent);
    await expect(scratch.put([['a', 'b']])).rejects.toThrow(/no room/);
    await scratch.close();
    expect(refused).toHaveBeenCalled();
    expect(await readdir(parent)).toEqual([]);
    refused.mockRestore();
  });

  test('where nothing can be written, it names the folder and what to set, and closes all the same', async () => {
    const file = join(parent, 'file');
    await writeFile(file, '');
    const scratch = new LevelScratch(file);
    await expect(scratch.put([['a', 'b']])).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringMatching(/\/file: .*TMPDIR/),
    });
    await scratch.close();
    await rm(file);
  });
});
