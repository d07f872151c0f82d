import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from './config.js';
import { envExample } from './environment.js';

const KEY = 'ab'.repeat(32);
const root = await mkdtemp(join(tmpdir(), 'tidegate-config-'));
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(root, 'data-'));
});
afterAll(() => rm(root, { recursive: true }));

const failure = (variables: Record<string, string>): Promise<unknown> =>
  loadConfig(variables).then(
    () => undefined,
    (error: unknown) => error,
  );

describe('the defaults', () => {
  test('keep everything in one embedded database of the data folder', async () => {
    const config = await loadConfig({ TIDEGATE_DATA: folder, TIDEGATE_HTTP_PORT: ' ', HOME: '/nowhere' });
    const database = { kind: 'database', url: join(folder, 'database') };
    expect(config).toEqual({
      dataFolder: folder,
      database,
      eventStore: database,
      queue: database,
      apiKeys: 'auto',
      provider: undefined,
      identityKey: expect.any(Buffer),
      http: { host: '127.0.0.1', port: 8080 },
      logLevel: 'info',
      clock: 'system',
      batchSize: 500,
    });
  });

  test('are those of .env.example', async () => {
    expect(envExample()).toBe(await readFile('.env.example', 'utf8'));
  });
});

describe('engines', () => {
  test('are the servers that the environment names', async () => {
    const config = await loadConfig({
      TIDEGATE_EVENT_STORE: 'esdb+discover://cluster:2113?tls=true',
      TIDEGATE_QUEUE: 'kafka://broker:9092',
      TIDEGATE_DATABASE: 'postgres://tide@server/gate',
      TIDEGATE_IDENTITY_KEY: KEY,
    });
    expect(config.eventStore).toEqual({ kind: 'eventstoredb', url: 'esdb+discover://cluster:2113?tls=true' });
    expect(config.queue).toEqual({ kind: 'kafka', url: 'kafka://broker:9092' });
    expect(config.database).toEqual({ kind: 'database', url: 'postgres://tide@server/gate' });
    expect(config.identityKey).toEqual(Buffer.alloc(32, 0xab));
  });

  test('follow the database to its server', async () => {
    const config = await loadConfig({ TIDEGATE_DATABASE: 'postgres://server/gate', TIDEGATE_IDENTITY_KEY: KEY });
    expect(config.eventStore).toEqual({ kind: 'database', url: 'postgres://server/gate' });
    expect(config.queue).toEqual({ kind: 'database', url: 'postgres://server/gate' });
  });

  test.each([
    ['pglite:some/where', resolve('some/where')],
    ['pglite:/some%20where', '/some%20where'],
  ])('live in the folder of %s', async (url, path) => {
    const config = await loadConfig({
      TIDEGATE_DATABASE: url,
      TIDEGATE_EVENT_STORE: url,
      TIDEGATE_IDENTITY_KEY: KEY,
    });
    expect(config.database.url).toBe(path);
    expect(config.eventStore).toEqual({ kind: 'database', url: path });
  });
});

test('a real provider is a settings file, and goes by the real time', async () => {
  expect((await loadConfig({ TIDEGATE_DATA: folder, TIDEGATE_PROVIDER: 'etc/provider.json' })).provider).toBe(
    resolve('etc/provider.json'),
  );
  const error = await failure({ TIDEGATE_PROVIDER: './provider.json', TIDEGATE_CLOCK: 'steerable' });
  expect(error).toMatchObject({ code: 'config-invalid' });
  expect(String(error)).toContain('TIDEGATE_CLOCK: use system, or TIDEGATE_PROVIDER=sandbox');
});

describe('an invalid environment', () => {
  test('is refused with all that is wrong, each with its remedy and no value', async () => {
    const error = await failure({
      TIDEGATE_DATABASE: 'mysql://secret@server/gate',
      TIDEGATE_EVENT_STORE: 'kafka://secret',
      TIDEGATE_QUEUE: 'amqp://secret',
      TIDEGATE_PROVIDER: 'secret',
      TIDEGATE_IDENTITY_KEY: 'secret',
      TIDEGATE_HTTP_PORT: '65536',
      TIDEGATE_LOG_LEVEL: 'secret',
      TIDEGATE_CLOCK: 'secret',
      TIDEGATE_BATCH_SIZE: '1.5',
      TIDEGATE_EVENTSTORE: 'secret',
      TIDEGATE_TEST_KAFKA: 'is of the tests',
    });
    expect(error).toMatchObject({ name: 'InfrastructureError', code: 'config-invalid' });
    const message = String(error);
    expect(message.split('\n').slice(1).sort()).toEqual([
      '  TIDEGATE_BATCH_SIZE: use a whole number from 1 to 10000',
      '  TIDEGATE_CLOCK: use system or steerable',
      '  TIDEGATE_DATABASE: use postgres://user:password@host/database or pglite:<folder>',
      '  TIDEGATE_EVENTSTORE: remove or rename it, there is no such variable',
      '  TIDEGATE_EVENT_STORE: use esdb://host:2113, postgres://user:password@host/database or pglite:<folder>',
      '  TIDEGATE_HTTP_PORT: use a whole number from 0 to 65535',
      '  TIDEGATE_IDENTITY_KEY: give at least 32 bytes in hex, as openssl rand -hex 32 prints them, the same to all processes',
      '  TIDEGATE_LOG_LEVEL: use one of fatal, error, warn, info, debug, trace, silent',
      '  TIDEGATE_PROVIDER: use sandbox, or the path of a JSON file such as ./provider.json',
      '  TIDEGATE_QUEUE: use kafka://host:9092, or leave it out to keep the queue in TIDEGATE_DATABASE',
    ]);
    expect(message).not.toContain('secret');
  });

  test.each([
    ['TIDEGATE_DATABASE', 'postgres://server/gate'],
    ['TIDEGATE_EVENT_STORE', 'esdb://server'],
    ['TIDEGATE_QUEUE', 'kafka://server'],
  ])('is one without an identity key when %s is not embedded', async (name, url) => {
    const error = await failure({ TIDEGATE_DATA: folder, [name]: url });
    expect(error).toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('TIDEGATE_IDENTITY_KEY: '),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test('is one with a pglite URL instead of a folder', async () => {
    expect(await failure({ TIDEGATE_DATABASE: 'pglite:///folder' })).toMatchObject({ code: 'config-invalid' });
  });

  test('is one with a data folder that cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    expect(await failure({ TIDEGATE_DATA: join(folder, 'file', 'data') })).toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('TIDEGATE_DATA'),
    });
  });

  test.each(['ab'.repeat(31), `${KEY}a`])('is one with the identity key %s', async (key) => {
    expect(await failure({ TIDEGATE_IDENTITY_KEY: key })).toMatchObject({ code: 'config-invalid' });
  });
});

describe('the embedded identity key', () => {
  const variables = () => ({ TIDEGATE_DATA: join(folder, 'new') });

  test('is made once, for its owner only, and stays', async () => {
    const { identityKey } = await loadConfig(variables());
    expect(identityKey).toHaveLength(32);
    expect((await loadConfig(variables())).identityKey).toEqual(identityKey);
    expect(await readdir(join(folder, 'new'))).toEqual(['identity.key']);
    expect((await stat(join(folder, 'new', 'identity.key'))).mode & 0o777).toBe(0o600);
  });

  test('is the same for all who come first at the same time', async () => {
    const keys = await Promise.all(
      Array.from({ length: 16 }, async (_, turn) => {
        for (let waited = 0; waited < turn; waited += 1) await new Promise(setImmediate);
        return (await loadConfig(variables())).identityKey;
      }),
    );
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
    expect(await readdir(join(folder, 'new'))).toEqual(['identity.key']);
  });

  test('is never made anew for data that were made with another one', async () => {
    await mkdir(join(folder, 'new', 'database'), { recursive: true });
    expect(await failure(variables())).toMatchObject({ code: 'config-invalid' });
    expect(await readdir(join(folder, 'new'))).toEqual(['database']);
  });

  test('is refused when it is damaged', async () => {
    await writeFile(join(folder, 'identity.key'), 'ab');
    expect(await failure({ TIDEGATE_DATA: folder })).toMatchObject({ code: 'config-invalid' });
  });
});
