import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderLock } from './folder-lock.js';

describe('the lock of a folder', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-lock-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** What a holder with these properties would have left behind. */
  const claim = async (change: object, silentForMs = 0): Promise<string> => {
    const own = await FolderLock.take(`${folder}.own`);
    const [name = ''] = await readdir(`${folder}.own`);
    const holder: object = JSON.parse(await readFile(join(`${folder}.own`, name), 'utf8'));
    await own.release();
    await rm(`${folder}.own`, { recursive: true });
    const file = join(folder, 'other.json');
    await writeFile(file, JSON.stringify({ ...holder, ...change }));
    const at = new Date(Date.now() - silentForMs);
    await utimes(file, at, at);
    return file;
  };
  const isTaken = async (): Promise<boolean> => {
    const lock = await FolderLock.take(folder);
    await lock.release();
    return (await readdir(folder)).length === 0;
  };

  test('is held by one at a time', async () => {
    const lock = await FolderLock.take(folder);
    const refused = FolderLock.take(folder);
    await expect(refused).rejects.toMatchObject({
      name: 'InfrastructureError',
      code: 'database-locked',
      message: expect.stringContaining(`process ${process.pid} on ${hostname()}`),
    });
    await lock.release();
    expect(await isTaken()).toBe(true);
  });

  test('of many that start together one gets it', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => FolderLock.take(folder)));
    const taken = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(taken).toHaveLength(1);
    await Promise.all(taken.map((lock) => lock.release()));
    expect(await isTaken()).toBe(true);
  });

  test('of a living process is never taken over, however long it was silent', async () => {
    await claim({}, 10 * 60 * 60_000);
    await expect(FolderLock.take(folder)).rejects.toMatchObject({ code: 'database-locked' });
  });

  test('of a process that is gone is taken over', async () => {
    // Above any pid that Linux gives out.
    await claim({ pid: 2 ** 22 + 1 });
    expect(await isTaken()).toBe(true);
  });

  test('is taken over when its pid was given to another process since', async () => {
    await claim({ startedAt: '1' });
    expect(await isTaken()).toBe(true);
  });

  test('of another boot or container is taken over when its heartbeat has stopped, not before', async () => {
    await claim({ space: 'another' }, 30_000);
    await expect(FolderLock.take(folder)).rejects.toMatchObject({ code: 'database-locked' });
    await claim({ space: 'another' }, 90_000);
    expect(await isTaken()).toBe(true);
  });

  test('of another machine is never taken over, and the error says what to delete', async () => {
    const file = await claim({ host: 'elsewhere', space: 'another' }, 10 * 60 * 60_000);
    await expect(FolderLock.take(folder)).rejects.toMatchObject({
      code: 'database-locked',
      message: expect.stringContaining(`delete ${file}`),
    });
  });

  test('that a power cut left without content is taken over', async () => {
    await writeFile(join(folder, 'torn.json'), '');
    expect(await isTaken()).toBe(true);
  });

  test('is known to be lost when somebody deleted it', async () => {
    const lock = await FolderLock.take(folder, 10);
    expect(lock.lost).toBe(false);
    const [name = ''] = await readdir(folder);
    await rm(join(folder, name));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(lock.lost).toBe(true);
    await lock.release();
  });
});
