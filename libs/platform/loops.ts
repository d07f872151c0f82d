import { setImmediate, setTimeout } from 'node:timers/promises';
import { isInfrastructureError, reactionTo } from '#application/errors';

/** After a first failure, and at most. Doubles in between. */
const FIRST_PAUSE_MS = 100;
export const LONGEST_PAUSE_MS = 30_000;

export interface LoopOptions {
  /** For logs. */
  readonly name: string;
  /** Pause after a run that found nothing more to do. */
  readonly everyMs: number;
  /** Aborting ends the loop after the run under way. */
  readonly signal: AbortSignal;
  /** One run. True: there is more, run again at once. */
  readonly run: (signal: AbortSignal) => Promise<boolean>;
  /** A run failed in a way that time may heal; it is run again after the pause. */
  readonly failed?: (failure: { readonly name: string; readonly error: Error; readonly pauseMs: number }) => void;
  /** The pause after so many failures in a row. For tests. */
  readonly pauseMs?: (failures: number) => number;
}

/**
 * Runs again and again, never twice at a time. Resolves when the signal has aborted. Rejects with any error whose
 * reaction is not `retry`: a loop has nothing to put aside as a dead letter, and a bug does not heal; the process exits.
 */
export const runLoop = async (options: LoopOptions): Promise<void> => {
  const { name, everyMs, signal, run, failed, pauseMs = growingPause } = options;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const more = await run(signal);
      failures = 0;
      // Even a run that never waits for I/O must let timers, signals and other loops have their turn.
      await (more ? setImmediate() : sleep(everyMs, signal));
    } catch (error) {
      if (signal.aborted && isAbort(error, signal)) return;
      if (!isInfrastructureError(error) || reactionTo[error.code] !== 'retry') throw error;
      failures += 1;
      const pause = pauseMs(failures);
      failed?.({ name, error, pauseMs: pause });
      await sleep(pause, signal);
    }
  }
};

/** Half of it is random, so that processes that failed together do not come back together. */
export const growingPause = (failures: number, random: () => number = Math.random): number => {
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
  return Math.round(pause / 2 + (pause / 2) * random());
};

const isAbort = (error: unknown, { reason }: AbortSignal): boolean =>
  error === reason || (typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError');

/** Ends early, and normally, when the signal aborts: the only way in which it can fail. */
const sleep = (durationMs: number, signal: AbortSignal): Promise<void> =>
  setTimeout(durationMs, undefined, { signal }).catch(() => undefined);
