import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { jest } from '@jest/globals';
import { openDatabase } from './open-database.js';
import { compileSources, OtherProcess, removeSources } from './other-process.js';

jest.setTimeout(60_000);

/** Opens the folder, writes, and stays. */
const holder = `
import { openDatabase } from '#adapters/postgres/open-database';
try {
  const database = await openDatabase(process.argv[2]);
  await database.script('create table if not exists kept (id int primary key)');
  for (let id = 1; id <= 50; id += 1) await database.query('insert into kept values ($1)', [id]);
  process.on('SIGTERM', async () => {
    await database.close();
    console.log('closed');
    process.exit();
  });
  setInterval(() => {}, 1_000);
  console.log('holds');
} catch (error) {
  console.log('refused: ' + error.code + ': ' + error.message);
}`;

describe('a database in a folder', () => {
  let folder: string;
  let sources: string;
  const others: OtherProcess[] = [];
  const start = async (): Promise<OtherProcess> => {
    const other = await OtherProcess.start(sources, holder, join(folder, 'db'));
    others.push(other);
    return other;
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-pglite-'));
    sources = await compileSources();
  });
  afterAll(async () => {
    await Promise.all(others.map((other) => other.kill()));
    await removeSources(sources);
    await rm(folder, { recursive: true, force: true });
  });

  test('belongs to one process: a second one is refused until the first has closed it, or was killed', async () => {
    const url = pathToFileURL(join(folder, 'db')).href.replace('file:', 'pglite:');
    const first = await start();
    await first.says('holds');
    const locked = { code: 'database-locked', message: expect.stringContaining(`process ${first.pid} `) };
    await expect(openDatabase(url)).rejects.toMatchObject(locked);

    // Suspended, and without a heartbeat for an hour: still alive.
    first.signal('SIGSTOP');
    const [claim = ''] = await readdir(join(folder, 'db.lock'));
    const longAgo = new Date(Date.now() - 60 * 60_000);
    await utimes(join(folder, 'db.lock', claim), longAgo, longAgo);
    await expect(openDatabase(url)).rejects.toMatchObject(locked);
    first.signal('SIGCONT');

    await first.kill();
    const database = await openDatabase(url);
    const kept = async () => (await database.query<{ count: number }>('select count(*) as count from kept'))[0]?.count;
    expect(await kept()).toBe(50);

    const second = await start();
    expect(await second.says('refused')).toContain(
      `database-locked: The data folder is in use by process ${process.pid}`,
    );

    // This process may open it as often as it likes.
    const again = await openDatabase(join(folder, 'db'));
    await database.close();
    await database.close();
    expect(await again.query('select 1 as one')).toEqual([{ one: 1 }]);
    await again.query(
      `insert into tidegate_queue.members values ('group', gen_random_uuid(), 'topic', now() + interval '1 day')`,
    );
    // Opening while it closes waits for that.
    const [, reopened] = await Promise.all([again.close(), openDatabase(url)]);
    // Members of groups died with the process that held the folder.
    expect(await reopened.query('select * from tidegate_queue.members')).toEqual([]);
    await reopened.query('delete from kept');
    await reopened.close();
    await expect(reopened.query('select 1')).rejects.toMatchObject({ code: 'database-unavailable' });

    const third = await start();
    await third.says('holds');
    third.signal('SIGTERM');
    await third.says('closed');
    expect(await readdir(join(folder, 'db.lock'))).toEqual([]);
  });

  test('that was damaged says so, and does not stay locked', async () => {
    await rm(join(folder, 'db', 'global', 'pg_control'));
    await expect(openDatabase(join(folder, 'db'))).rejects.toMatchObject({ code: 'store-corrupt' });
    expect(await readdir(join(folder, 'db.lock'))).toEqual([]);
  });
});
