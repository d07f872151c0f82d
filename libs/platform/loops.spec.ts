import { setTimeout } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { InfrastructureError } from '#application/errors';
import { growingPause, type LoopOptions, runLoop } from './loops.js';

const away = new InfrastructureError('store-unavailable', 'The store is away.');
let stop = new AbortController();
beforeEach(() => {
  stop = new AbortController();
});

/** Runs what the script says, run by run, and stops the loop behind its end. */
const scripted = async (
  script: readonly (boolean | Error)[],
  options: Partial<LoopOptions> = {},
): Promise<{ runs: number; failures: number[] }> => {
  let runs = 0;
  const failures: number[] = [];
  await runLoop({
    name: 'tide',
    everyMs: 1,
    signal: stop.signal,
    pauseMs: (count) => count,
    failed: ({ pauseMs }) => failures.push(pauseMs),
    run: async () => {
      const outcome = script[runs];
      runs += 1;
      if (runs >= script.length) stop.abort();
      if (outcome instanceof Error) throw outcome;
      return outcome ?? false;
    },
    ...options,
  });
  return { runs, failures };
};

describe('a loop', () => {
  test('runs again at once while there is more', async () => {
    const startedAt = performance.now();
    expect(await scripted([true, true, true, true], { everyMs: 60_000 })).toEqual({ runs: 4, failures: [] });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test('pauses when there is no more', async () => {
    const startedAt = performance.now();
    await scripted([false, false, true], { everyMs: 30 });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(55);
  });

  test('never overlaps itself', async () => {
    let [running, most, runs] = [0, 0, 0];
    const run = async (): Promise<boolean> => {
      running += 1;
      most = Math.max(most, running);
      await setTimeout(3);
      running -= 1;
      runs += 1;
      if (runs === 5) stop.abort();
      return runs % 2 === 0;
    };
    await runLoop({ name: 'tide', everyMs: 1, signal: stop.signal, run });
    expect([most, runs]).toEqual([1, 5]);
  });

  test('lets others have their turn, however busy it is', async () => {
    void setTimeout(5).then(() => stop.abort());
    await runLoop({ name: 'tide', everyMs: 0, signal: stop.signal, run: async () => true });
    expect(stop.signal.aborted).toBe(true);
  });

  test('pauses longer with every failure in a row that time may heal', async () => {
    expect(await scripted([away, away, away, false, away, true])).toEqual({ runs: 6, failures: [1, 2, 3, 1] });
  });

  test.each([
    ['exit', new InfrastructureError('checkpoint-taken', 'Another process moved it.')],
    ['dead letter', new InfrastructureError('message-invalid', 'Not a message.')],
    ['bug', new TypeError('undefined is not a function')],
  ])('rejects with an error of the class %s', async (_class, error) => {
    await expect(scripted([true, error, true])).rejects.toBe(error);
    expect(stop.signal.aborted).toBe(false);
  });

  test('stops in the middle of a pause', async () => {
    void setTimeout(5).then(() => stop.abort());
    const startedAt = performance.now();
    await runLoop({ name: 'tide', everyMs: 60_000, signal: stop.signal, run: async () => false });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test('stops in the middle of a pause after a failure', async () => {
    void setTimeout(5).then(() => stop.abort());
    const startedAt = performance.now();
    await scripted([away, true], { pauseMs: () => 60_000 });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test('takes a run that was broken off for the end', async () => {
    const run = async (signal: AbortSignal): Promise<boolean> => {
      await setTimeout(60_000, undefined, { signal });
      return true;
    };
    void setTimeout(5).then(() => stop.abort());
    await expect(runLoop({ name: 'tide', everyMs: 1, signal: stop.signal, run })).resolves.toBeUndefined();
  });

  test('does not run at all when it is stopped before', async () => {
    stop.abort();
    expect((await scripted([true])).runs).toBe(0);
  });
});

test('the pause doubles up to 30 seconds, half of it at random', () => {
  const pauses = [1, 2, 3, 9, 10, 1_000];
  expect(pauses.map((failures) => growingPause(failures, () => 1))).toEqual([100, 200, 400, 25_600, 30_000, 30_000]);
  expect(pauses.map((failures) => growingPause(failures, () => 0))).toEqual([50, 100, 200, 12_800, 15_000, 15_000]);
});
