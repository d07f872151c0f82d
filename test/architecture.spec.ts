import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const run = promisify(execFile);
const repository = dirname(import.meta.dirname);
const depcruise = join(repository, 'node_modules/.bin/depcruise');

interface Cruise {
  readonly summary: {
    readonly totalCruised: number;
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
    }[];
  };
}

/** The violations as `rule: from → to`. */
const cruised = async (cwd: string): Promise<{ readonly modules: number; readonly violations: readonly string[] }> => {
  const options = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json'];
  const { stdout } = await run(depcruise, ['apps', 'libs', 'test', ...options], {
    cwd,
    maxBuffer: 64 * 1024 * 1024,
  });
  const { summary }: Cruise = JSON.parse(stdout);
  return {
    modules: summary.totalCruised,
    violations: summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`),
  };
};

// One file for each rule that breaks it, and the files that these import.
const planted: Readonly<Record<string, string>> = {
  'libs/domain/time.ts': `export const now = 0;`,
  'libs/domain/impure.ts': `import { readFileSync } from 'node:fs'; export const read = readFileSync;`,
  'libs/domain/upward.ts': `import type { Port } from '#application/port'; export type P = Port;`,
  'libs/application/port.ts': `export interface Port { readonly name: string }`,
  'libs/application/engine.ts': `import { Kafka } from 'kafkajs'; export const engine = Kafka;`,
  'libs/contracts/wire.ts': `import { queue } from '#adapters/kafka/queue'; export const wire = queue;`,
  'libs/adapters/kafka/queue.ts': `import { Kafka } from 'kafkajs'; export const queue = Kafka;`,
  'libs/adapters/postgres/store.ts': `import { queue } from '#adapters/kafka/queue'; export const store = queue;`,
  'libs/adapters/postgres/composed.ts': `import { gate } from '#apps/gate/main'; export const composed = gate;`,
  'libs/platform/test-double.ts': `import { fake } from '#testing/fake'; export const double = fake;`,
  'libs/platform/sdk.ts': `import { Pool } from 'pg'; export const pool = Pool;`,
  'libs/platform/nowhere.ts': `import { gone } from './gone.js'; export const here = gone;`,
  'libs/platform/one.ts': `import { two } from './two.js'; export const one = () => two;`,
  'libs/platform/two.ts': `import { one } from './one.js'; export const two = () => one;`,
  'libs/testing/fake.ts': `export const fake = 1;`,
  'apps/gate/main.ts': `export const gate = 1;`,
  'apps/ingest/main.ts': `import { gate } from '#apps/gate/main'; export const ingest = gate;`,
  'apps/standalone/main.ts': `import { gate } from '#apps/gate/main'; export const all = gate;`,
  'apps/simulator/judge.ts': `import { now } from '#domain/time'; export const at = now;`,
  'test/allowed.ts': `import { fake } from '#testing/fake'; import { now } from '#domain/time'; export const sum = fake + now;`,
};

test('the imports of this repository keep the direction of its layers', async () => {
  const { modules, violations } = await cruised(repository);
  expect(violations).toEqual([]);
  expect(modules).toBeGreaterThan(50);
}, 60_000);

describe('an import against the direction', () => {
  let tree = '';
  let violations: readonly string[] = [];

  beforeAll(async () => {
    tree = await mkdtemp(join(tmpdir(), 'tidegate-architecture-'));
    for (const name of ['.dependency-cruiser.cjs', 'package.json', 'tsconfig.json', 'tsconfig.base.json']) {
      await copyFile(join(repository, name), join(tree, name));
    }
    await symlink(join(repository, 'node_modules'), join(tree, 'node_modules'));
    for (const [path, source] of Object.entries(planted)) {
      await mkdir(dirname(join(tree, path)), { recursive: true });
      await writeFile(join(tree, path), `${source}\n`);
    }
    ({ violations } = await cruised(tree));
  }, 60_000);

  afterAll(() => rm(tree, { recursive: true, force: true }));

  test.each([
    'domain-is-pure: libs/domain/impure.ts → fs',
    'domain-is-pure: libs/domain/upward.ts → libs/application/port.ts',
    'application-knows-only-domain: libs/application/engine.ts → ',
    'contracts-below-adapters: libs/contracts/wire.ts → libs/adapters/kafka/queue.ts',
    'adapters-are-strangers: libs/adapters/postgres/store.ts → libs/adapters/kafka/queue.ts',
    'adapters-below-apps: libs/adapters/postgres/composed.ts → apps/gate/main.ts',
    'sdk-only-in-its-adapter: libs/platform/sdk.ts → ',
    'sdk-only-in-its-adapter: libs/application/engine.ts → ',
    'apps-are-strangers: apps/ingest/main.ts → apps/gate/main.ts',
    'simulator-shares-no-code: apps/simulator/judge.ts → libs/domain/time.ts',
    'testing-only-from-specs: libs/platform/test-double.ts → libs/testing/fake.ts',
    'no-circular: libs/platform/one.ts → libs/platform/two.ts',
    'no-unresolvable: libs/platform/nowhere.ts → ./gone.js',
  ])('is reported: %s', (violation) => {
    expect(violations).toContainEqual(expect.stringContaining(violation));
  });

  test('is all that is reported', () => {
    const innocent = [
      'libs/domain/time.ts',
      'libs/adapters/kafka/queue.ts',
      'apps/standalone/main.ts',
      'test/allowed.ts',
    ];
    for (const path of innocent) expect(violations).not.toContainEqual(expect.stringContaining(`: ${path} → `));
  });
});
