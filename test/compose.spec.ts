import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

interface Service {
  readonly image: string;
  readonly profiles: readonly string[];
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck?: {
    readonly test: readonly string[];
    readonly interval: string;
    readonly timeout: string;
    readonly retries: number;
  };
}

const compose = parse(readFileSync(new URL('../docker-compose.yml', import.meta.url), 'utf8')) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
const services = Object.entries(compose.services);

test('each profile starts its engines', () => {
  expect(Object.fromEntries(services.map(([name, { profiles }]) => [name, profiles]))).toEqual({
    kafka: ['core'],
    postgres: ['core'],
    kurrentdb: ['eventstore'],
  });
});

describe.each(services)('%s', (_, service) => {
  test('is pinned to a release', () => {
    expect(service.image).toMatch(/^[a-z/]+:\d+\.\d+(\.\d+)?$/);
  });
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
  test('is reached from this machine only', () => {
    expect(service.ports.length).toBeGreaterThan(0);
    for (const port of service.ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });
  test('keeps its data in a volume that is declared', () => {
    const names = service.volumes.map((volume) => volume.split(':')[0]);
    expect(names.length).toBeGreaterThan(0);
    expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(names));
  });
});
