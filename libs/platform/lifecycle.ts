import type { EventEmitter } from 'node:events';
import { isInfrastructureError } from '#application/errors';

export const exitCodes = {
  /** Asked to stop, and did in order. */
  stopped: 0,
  /** Something failed for good: start the process again. */
  failed: 1,
  /** EX_CONFIG of sysexits.h: starting it again does not help before somebody has changed the configuration. */
  misconfigured: 78,
  /** As timeout(1) has it: stopped, but not within the deadline, so that some work will be done again. */
  late: 124,
  /** As shells have it for SIGINT: asked twice. */
  impatient: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Something that runs as long as the process: a database, a consumer, a loop, a server. */
export interface Part {
  readonly name: string;
  /** Resolves when it runs. `fail` is for later: the part has died and the process has to exit. */
  start(fail: (error: unknown) => void): Promise<void>;
  /** Resolves when all work under way is finished or given up. Only called after `start` resolved. */
  stop(): Promise<void>;
}

export interface LifecycleOptions {
  /** In the order of starting: each may use those before it. They stop in the opposite order. */
  readonly parts: readonly Part[];
  /** Aborts when the process shall stop. */
  readonly signal: AbortSignal;
  /** From the signal or failure on, for all parts together; shorter than what the supervisor waits before it kills. */
  readonly stopWithinMs: number;
  readonly log: (entry: LifecycleEntry) => void;
}

export type LifecycleEntry =
  | { readonly kind: 'started' | 'stopped'; readonly part: string }
  | { readonly kind: 'failed'; readonly part: string; readonly error: unknown }
  | { readonly kind: 'late'; readonly part: string };

/**
 * Starts all parts, waits until the signal aborts or a part fails, and stops what was started.
 * @returns the code to exit with: the first failure decides; never rejects
 */
export const runParts = async ({ parts, signal, stopWithinMs, log }: LifecycleOptions): Promise<ExitCode> => {
  let exitCode: ExitCode = exitCodes.stopped;
  const end = new AbortController();
  const failIn =
    (part: string) =>
    (error: unknown): void => {
      log({ kind: 'failed', part, error });
      if (exitCode === exitCodes.stopped) exitCode = exitCodeOf(error);
      end.abort();
    };
  const ended = Promise.race([whenAborted(signal), whenAborted(end.signal)]);

  let current = '';
  const live = async (): Promise<void> => {
    const started: Part[] = [];
    for (const part of parts) {
      if (signal.aborted || end.signal.aborted) break;
      current = part.name;
      // Waited for even when asked to stop: a database that is just being opened must be closed.
      const fail = failIn(part.name);
      if (!(await attempt(() => part.start(fail), fail))) break;
      started.push(part);
      log({ kind: 'started', part: part.name });
    }
    await ended;
    for (const part of started.toReversed()) {
      current = part.name;
      if (await attempt(() => part.stop(), failIn(part.name))) log({ kind: 'stopped', part: part.name });
    }
  };
  if (!(await inTime(live(), ended, stopWithinMs))) {
    log({ kind: 'late', part: current });
    if (exitCode === exitCodes.stopped) exitCode = exitCodes.late;
  }
  return exitCode;
};

/** Aborts at SIGTERM or SIGINT; at the second one, `exitNow`: somebody does not want to wait. */
export const stopSignal = (
  source: EventEmitter = process,
  exitNow: (code: ExitCode) => void = (code) => process.exit(code),
): AbortSignal => {
  const stop = new AbortController();
  const asked = (): void => {
    if (stop.signal.aborted) exitNow(exitCodes.impatient);
    stop.abort();
  };
  source.on('SIGTERM', asked).on('SIGINT', asked);
  return stop.signal;
};

export const exitCodeOf = (error: unknown): ExitCode =>
  isInfrastructureError(error) && error.code === 'config-invalid' ? exitCodes.misconfigured : exitCodes.failed;

const attempt = async (work: () => Promise<void>, fail: (error: unknown) => void): Promise<boolean> => {
  try {
    await work();
    return true;
  } catch (error) {
    fail(error);
    return false;
  }
};

const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Whether the work is done within that time of `from`. */
const inTime = async (work: Promise<void>, from: Promise<void>, durationMs: number): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined;
  const deadline = from.then(
    () =>
      new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), durationMs);
      }),
  );
  try {
    return await Promise.race([work.then(() => true), deadline]);
  } finally {
    clearTimeout(timer);
  }
};
