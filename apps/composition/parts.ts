import { NestFactory } from '@nestjs/core';
import type { Type } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { isInfrastructureError } from '#application/errors';
import { BatchHandling } from '#platform/batch-handling';
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

/** Parked messages are tried again at the start, with what may be other code, and then so often. */
const RETRY_PARKED_EVERY_MS = 60_000;

/** A consumer group: one Nest microservice whose controllers get their use cases by injection. */
export const microservicePart = (
  group: string,
  module: { readonly module: Type } & object,
  { queue, batchSize, telemetry, parking, producer, clock }: Engines,
  logger: Logger,
): Part => {
  let stop = (): Promise<void> => Promise.resolve();
  return {
    name: group,
    start: async (fail) => {
      const handling = new BatchHandling({
        group,
        parking,
        producer,
        clock,
        telemetry,
        fail,
        met: (error, { topic, partition, offset }) =>
          logger.error({ err: error, topic, partition, offset }, 'a bug: the message and those after it are parked'),
      });
      const consumer = queue.consumer({ group, batchSize });
      const strategy = new BatchServer(consumer, { died: fail, telemetry, handling });
      const app = await NestFactory.createMicroservice(module, { strategy, logger: new NestLogger(logger) });
      app.useGlobalFilters(new BatchErrorFilter());
      await app.listen();
      const end = new AbortController();
      const retrying = runLoop({
        name: `${group} parked`,
        everyMs: RETRY_PARKED_EVERY_MS,
        signal: end.signal,
        run: async (signal) => {
          const handled = await strategy.retryParked(signal);
          if (handled > 0) logger.info({ group, handled }, 'handled what was parked');
          return false;
        },
      }).catch(fail);
      stop = async () => {
        end.abort();
        await retrying;
        await app.close();
      };
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
        logger.info({ standbyMs: STANDBY_MS, because: error.message }, `${name} runs elsewhere; this one stands by`);
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
