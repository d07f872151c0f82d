import { NestFactory } from '@nestjs/core';
import type { Type } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { isInfrastructureError } from '#application/errors';
import { BatchErrorFilter, BatchServer } from '#platform/batch-server';
import type { Heartbeats } from '#platform/heartbeats';
import type { Part } from '#platform/lifecycle';
import { NestLogger } from '#platform/logging';
import { LONGEST_PAUSE_MS, runLoop } from '#platform/loops';
import type { Engines } from './engines.js';

/** How long a process stands by before it looks whether the other one, which has the checkpoint, is gone. */
const STANDBY_MS = 5_000;
/** What one run of a healthy loop may take. */
const LONGEST_RUN_MS = 60_000;

/** A consumer group: one Nest microservice whose controllers get their use cases by injection. */
export const microservicePart = (
  group: string,
  module: { readonly module: Type } & object,
  engines: Engines,
  logger: Logger,
): Part => {
  let stop = (): Promise<void> => Promise.resolve();
  return {
    name: group,
    start: async (fail) => {
      const consumer = engines.queue.consumer({ group, batchSize: engines.batchSize });
      const strategy = new BatchServer(consumer, { died: fail, telemetry: engines.telemetry });
      const app = await NestFactory.createMicroservice(module, { strategy, logger: new NestLogger(logger) });
      app.useGlobalFilters(new BatchErrorFilter());
      await app.listen();
      stop = () => app.close();
    },
    stop: () => stop(),
  };
};

type Follow = (signal: AbortSignal, ready: () => void) => Promise<void>;

/** A follower of the log: runs until its signal aborts. Has started when it says that it is ready. */
export const followerPart = (name: string, follow: Follow): Part => {
  const end = new AbortController();
  let running: Promise<void> = Promise.resolve();
  return {
    name,
    start: (fail) =>
      new Promise((ready) => {
        running = follow(end.signal, ready).catch(fail).finally(ready);
      }),
    stop: async () => {
      end.abort();
      await running;
    },
  };
};

/** A follower with a stored checkpoint, of which one process at a time should run: the others stand by. */
export const soleFollowerPart = (name: string, follow: (signal: AbortSignal) => Promise<void>, logger: Logger): Part =>
  followerPart(name, async (signal, ready) => {
    ready();
    while (!signal.aborted) {
      try {
        await follow(signal);
      } catch (error) {
        if (!isInfrastructureError(error) || error.code !== 'checkpoint-taken') throw error;
        logger.info({ standbyMs: STANDBY_MS }, `${name} runs in another process; this one stands by`);
        await pause(STANDBY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  });

export interface LoopPart {
  readonly name: string;
  readonly everyMs: number;
  /** True: there is more, run again at once. */
  readonly run: (signal: AbortSignal) => Promise<boolean>;
}

/** Work that is looked for again and again; its silence makes the process count as hung. */
export const loopPart = ({ name, everyMs, run }: LoopPart, logger: Logger, heartbeats: Heartbeats): Part =>
  followerPart(name, async (signal, ready) => {
    ready();
    const heartbeat = heartbeats.watch(name, everyMs + LONGEST_RUN_MS + LONGEST_PAUSE_MS);
    await runLoop({
      name,
      everyMs,
      signal,
      failed: ({ error, pauseMs }) => {
        heartbeat.beat();
        logger.warn({ err: error, pauseMs }, `${name} failed and tries again`);
      },
      run: async () => {
        const more = await run(signal);
        heartbeat.beat();
        return more;
      },
    });
    heartbeat.end();
  });
