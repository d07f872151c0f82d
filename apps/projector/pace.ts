import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { Pace } from '#application/analytics/project-analytics';

/** Nobody waits for a figure of this second, and in a larger batch more rows change once instead of many times. */
const GATHER_MS = 1_000;

/** On a server the gate's work is done by others: what is behind is folded without rest. */
const beside: Pace = {
  batchSize: 2_000,
  rest: async ({ isFull }, signal) => {
    if (!isFull) await pause(GATHER_MS, undefined, { signal }).catch(() => undefined);
  },
};

/** The part of the time in which this process had something to do, from which on it counts as busy. */
const BUSY = 0.6;
const LOOK_EVERY_MS = 250;
/** Of a process that is always busy analytics takes this part of the time, so that it is never left behind for good. */
const SHARE_WHEN_BUSY = 0.02;

/**
 * On the embedded default all work is done by one thread, the database's too: analytics waits until the gate has a quiet
 * moment. It then folds in large batches, in which most rows change once instead of many times.
 */
const behind = (): Pace => ({
  batchSize: 2_000,
  rest: async ({ tookMs }, signal) => {
    const until = performance.now() + tookMs / SHARE_WHEN_BUSY;
    let before = performance.eventLoopUtilization();
    while (performance.now() < until && !signal.aborted) {
      await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
      const now = performance.eventLoopUtilization();
      if (performance.eventLoopUtilization(now, before).utilization < BUSY) return;
      before = now;
    }
  },
});

export const paceOf = (databaseUrl: string): Pace => (/^postgres(ql)?:/.test(databaseUrl) ? beside : behind());
