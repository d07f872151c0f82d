import { NestFactory } from '@nestjs/core';
import type { Type } from '@nestjs/common';
import type { Logger } from 'pino';
import { BatchErrorFilter, BatchServer } from '#platform/batch-server';
import type { Part } from '#platform/lifecycle';
import { NestLogger } from '#platform/logging';
import type { Engines } from './engines.js';

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

/** A follower of the log or a loop: runs until its signal aborts. */
export const followerPart = (name: string, follow: (signal: AbortSignal, ready: () => void) => Promise<void>): Part => {
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
