import { type DynamicModule, Module } from '@nestjs/common';
import { HttpAdapterHost, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Logger } from 'pino';
import type { Config } from '#platform/config';
import type { Part } from '#platform/lifecycle';
import { NestLogger } from '#platform/logging';
import { ProblemFilter } from '#platform/problem-filter';
import { Probes } from '#platform/probes';
import { ProbesController } from '#platform/probes.controller';

/** Health and metrics alone: what an app serves that has no API of its own. */
@Module({})
export class ProbesModule {
  static on(probes: Probes): DynamicModule {
    return {
      module: ProbesModule,
      controllers: [ProbesController],
      providers: [{ provide: Probes, useValue: probes }],
    };
  }
}

/** Serves a module by HTTP; errors are answered as problems (RFC 9457). */
export const httpPart = (
  module: DynamicModule,
  { http }: Pick<Config, 'http'>,
  logger: Logger,
  setup: (app: NestExpressApplication) => void = () => undefined,
): Part => {
  let app: NestExpressApplication | undefined;
  return {
    name: 'http',
    start: async () => {
      app = await NestFactory.create<NestExpressApplication>(module, {
        logger: new NestLogger(logger),
        bodyParser: false,
      });
      app.useGlobalFilters(
        new ProblemFilter(app.get(HttpAdapterHost).httpAdapter, (error) =>
          logger.error({ err: error }, 'request failed'),
        ),
      );
      setup(app);
      await app.listen(http.port, http.host);
      logger.info({ url: await app.getUrl() }, 'listening');
    },
    stop: async () => {
      await app?.close();
    },
  };
};
