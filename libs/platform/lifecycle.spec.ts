import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { InfrastructureError } from '#application/errors';
import { type LifecycleEntry, type Part, runParts, stopSignal } from './lifecycle.js';

let log: string[] = [];
let stop = new AbortController();
beforeEach(() => {
  log = [];
  stop = new AbortController();
});

const part = (name: string, over: Partial<Part> = {}): Part => ({
  name,
  start: async () => undefined,
  stop: async () => undefined,
  ...over,
});

const write = (entry: LifecycleEntry): void => {
  log.push(`${entry.kind} ${entry.part}`);
  if (entry.kind === 'started' && entry.part === 'last') stop.abort();
};

const run = (parts: readonly Part[], stopWithinMs = 5_000): Promise<number> =>
  runParts({ parts, signal: stop.signal, stopWithinMs, log: write });

const never = (): Promise<void> => new Promise(() => undefined);
const away = new InfrastructureError('queue-unavailable', 'The queue is away.');
const invalid = new InfrastructureError('config-invalid', 'Change it.');

describe('the parts of a process', () => {
  test('start in order, run, and stop in the opposite order', async () => {
    expect(await run([part('database'), part('consumer'), part('last')])).toBe(0);
    expect(log).toEqual([
      'started database',
      'started consumer',
      'started last',
      'stopped last',
      'stopped consumer',
      'stopped database',
    ]);
  });

  test('run until they are asked to stop', async () => {
    let ended = false;
    const running = run([part('database')]).then(() => (ended = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ended).toBe(false);
    stop.abort();
    await running;
  });

  test('stop when one cannot start, which is not stopped itself', async () => {
    const failing = part('consumer', { start: () => Promise.reject(away) });
    expect(await run([part('database'), failing, part('last')])).toBe(1);
    expect(log).toEqual(['started database', 'failed consumer', 'stopped database']);
  });

  test('stop when one dies', async () => {
    const dying = part('consumer', {
      start: async (fail) => {
        setTimeout(() => fail(away), 5);
      },
    });
    expect(await run([part('database'), dying, part('server')])).toBe(1);
    expect(log).toEqual([
      'started database',
      'started consumer',
      'started server',
      'failed consumer',
      'stopped server',
      'stopped consumer',
      'stopped database',
    ]);
  });

  test('stop when one has just been starting, which is stopped as well', async () => {
    const opening = part('consumer', { start: () => new Promise((resolve) => setTimeout(resolve, 20)) });
    setTimeout(() => stop.abort(), 5);
    expect(await run([part('database'), opening, part('server')])).toBe(0);
    expect(log).toEqual(['started database', 'started consumer', 'stopped consumer', 'stopped database']);
  });

  test('are given up at the deadline when one never starts', async () => {
    setTimeout(() => stop.abort(), 5);
    expect(await run([part('database'), part('consumer', { start: never })], 20)).toBe(124);
    expect(log).toEqual(['started database', 'late consumer']);
  });

  test('do not start when they are stopped before', async () => {
    stop.abort();
    expect(await run([part('database')])).toBe(0);
    expect(log).toEqual([]);
  });

  test('stop all, though one fails to', async () => {
    const failing = part('consumer', { stop: () => Promise.reject(away) });
    expect(await run([part('database'), failing, part('last')])).toBe(1);
    expect(log.slice(3)).toEqual(['stopped last', 'failed consumer', 'stopped database']);
  });

  test('are given up at the deadline, naming who was late', async () => {
    expect(await run([part('database'), part('consumer', { stop: never }), part('last')], 20)).toBe(124);
    expect(log.slice(3)).toEqual(['stopped last', 'late consumer']);
  });

  test('exit with the code of the first failure', async () => {
    const failing = part('consumer', { start: () => Promise.reject(invalid) });
    const late = part('database', { stop: never });
    const failingLater = part('server', { stop: () => Promise.reject(away) });
    expect(await run([late, failingLater, failing], 20)).toBe(78);
    expect(log).toEqual(['started database', 'started server', 'failed consumer', 'failed server', 'late database']);
  });
});

test.each(['SIGTERM', 'SIGINT'])('%s asks to stop, and a second signal to exit at once', (name) => {
  const source = new EventEmitter();
  const exits: number[] = [];
  const signal = stopSignal(source, (code) => exits.push(code));
  expect(signal.aborted).toBe(false);
  source.emit(name);
  expect([signal.aborted, exits]).toEqual([true, []]);
  source.emit('SIGINT');
  expect(exits).toEqual([130]);
});
