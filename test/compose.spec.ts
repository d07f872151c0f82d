import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '#platform/config';
import { parse } from 'yaml';

interface Service {
  readonly image: string;
  readonly profiles: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly [string];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: {
    readonly test: readonly string[];
    readonly interval: string;
    readonly timeout: string;
    readonly retries: number;
  };
}

const root = new URL('../', import.meta.url);
const text = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const compose = parse(text('docker-compose.yml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
const services = Object.entries(compose.services);
const apps = services.filter(([, { build }]) => build !== undefined);
const engines = services.filter(([, { build }]) => build === undefined);

test('each profile starts what it says', () => {
  const started = (profile: string): readonly string[] =>
    services.filter(([, { profiles }]) => profiles.includes(profile)).map(([name]) => name);
  expect(started('core')).toEqual(['kafka', 'postgres']);
  expect(started('eventstore')).toEqual(['kurrentdb']);
  expect(started('apps')).toEqual(services.map(([name]) => name).filter((name) => name !== 'webhooks'));
  expect(started('webhooks')).toEqual(['webhooks']);
});

describe.each(services)('%s', (_, service) => {
  test('is pinned to a release', () => {
    expect(service.image).toMatch(/^[a-z/]+:\d+\.\d+(\.\d+)?$/);
  });
  test('is reached from this machine only', () => {
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });
  test('keeps its data in volumes that are declared', () => {
    const names = (service.volumes ?? [])
      .map((volume) => volume.split(':')[0])
      .filter((name) => !name?.startsWith('./'));
    expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(names));
  });
});

describe.each(engines)('the engine %s', (_, service) => {
  test('says when it is ready', () => {
    expect(service.healthcheck).toEqual(
      expect.objectContaining({
        test: expect.arrayContaining(['CMD']),
        interval: expect.stringMatching(/^\d+s$/),
        timeout: expect.stringMatching(/^\d+s$/),
        retries: expect.any(Number),
      }),
    );
  });
  test('outlives its container, and has a port', () => {
    expect(service.volumes).toHaveLength(1);
    expect(service.ports).toHaveLength(1);
  });
});

describe.each(apps)('the app %s', (name, service) => {
  test('is the entry point of its name', () => {
    expect(service.command?.at(-1)).toBe(`dist/apps/${name}/main.js`);
    expect(service.command?.slice(0, -1).every((flag) => flag.startsWith('--'))).toBe(true);
    expect(existsSync(new URL(`apps/${name}/main.ts`, root))).toBe(true);
  });
  test('has a configuration that its start accepts, with the key that it asks for', async () => {
    const key = 'ab'.repeat(32);
    const variables = Object.entries(service.environment ?? {}).map(([variable, value]) => [
      variable,
      value.replace(/^\$\{TIDEGATE_IDENTITY_KEY:\?.*\}$/s, key).replace(/^\$\{\w+:-(.*)\}$/s, '$1'),
    ]);
    await expect(loadConfig(Object.fromEntries(variables))).resolves.toMatchObject({
      queue: { kind: 'kafka' },
      eventStore: { kind: 'eventstoredb' },
    });
  });
  test('finds its engines by the names and ports that they have', () => {
    const hosts = Object.values(service.environment ?? {}).flatMap(
      (value) => /:\/\/(?:[^@/]*@)?([a-z]+)(?::(\d+))?/.exec(value)?.slice(1, 3) ?? [],
    );
    expect(hosts).toEqual(['kafka', '19092', 'postgres', undefined, 'kurrentdb', '2113']);
    expect(compose.services['kafka']?.environment?.['KAFKA_ADVERTISED_LISTENERS']).toContain('APPS://kafka:19092');
  });
  test('starts when its engines are ready', () => {
    expect(service.depends_on).toEqual(
      Object.fromEntries(engines.map(([engine]) => [engine, { condition: 'service_healthy' }])),
    );
  });
});

describe('the image', () => {
  const dockerfile = text('deploy/docker/Dockerfile');
  test('is pinned, and the Node that CI runs the tests on', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
    const [, node] = /node@(\d+\.\d+\.\d+)/.exec(text('.ci/run')) ?? [];
    expect(bases).toEqual([`node:${node}-bookworm-slim`, `node:${node}-bookworm-slim`]);
  });
  test('is given all that it copies', () => {
    const context = text('.dockerignore').split('\n');
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
      ([, files]) => files?.split(' ') ?? [],
    );
    expect(copied).toContain('package-lock.json');
    for (const file of copied) {
      expect(existsSync(new URL(file, root))).toBe(true);
      expect(context).toContain(`!${file}`);
    }
  });
});
