import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { Pace } from '#application/analytics/project-analytics';

/** In a larger batch more rows change once instead of many times. */
const BATCH_SIZE = 2_000;
/** Nobody waits for a figure of this second. */
const GATHER_MS = 1_000;
const LOOK_EVERY_MS = 250;

/** When analytics lets the gate go first, and which part of the time it takes all the same: it is never left behind for good. */
interface Yielding {
  readonly isBusy: () => boolean;
  readonly share: number;
}

const yieldingTo = ({ isBusy, share }: Yielding): Pace => ({
  batchSize: BATCH_SIZE,
  rest: async ({ tookMs, isFull }, signal) => {
    const until = performance.now() + tookMs / share;
    const look = async (ms: number): Promise<void> => pause(ms, undefined, { signal }).catch(() => undefined);
    if (!isFull) await look(GATHER_MS);
    while (isBusy() && performance.now() < until && !signal.aborted) await look(LOOK_EVERY_MS);
  },
});

/** The part of the time in which this process had something to do, from which on it counts as busy. */
const BUSY = 0.6;

/** On the embedded default one thread does all the work, the database's too. */
const embedded = (): Yielding => {
  let before = performance.eventLoopUtilization();
  return {
    share: 0.02,
    isBusy: () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization >= BUSY;
    },
  };
};

/** @param isBehind whether the read model that the gate decides by has more events waiting than it takes at a time */
export const paceOf = (databaseUrl: string, isBehind: () => boolean): Pace =>
  yieldingTo(/^postgres(ql)?:/.test(databaseUrl) ? { share: 0.1, isBusy: isBehind } : embedded());
