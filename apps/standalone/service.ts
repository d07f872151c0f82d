import { HttpAdapterHost, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Engines } from '#apps/composition/engines';
import { dispatcherParts } from '#apps/dispatcher/parts';
import { InsightsModule } from '#apps/insights/insights.module';
import { setupBodies, setupDocs } from '#apps/insights/setup';
import { projectorParts } from '#apps/projector/parts';
import { providerParts } from '#apps/provider/parts';
import { sandboxPart } from '#apps/provider/sandbox';
import { recorderParts } from '#apps/recorder/parts';
import type { Config } from '#platform/config';
import { runParts, type ExitCode, type Part } from '#platform/lifecycle';
import { NestLogger } from '#platform/logging';
import type { PrometheusTelemetry } from '#platform/metrics';
import { ProblemFilter } from '#platform/problem-filter';
import type { Logger } from 'pino';

const STOP_WITHIN_MS = 20_000;

const httpPart = (config: Config, engines: Engines, telemetry: PrometheusTelemetry, logger: Logger): Part => {
  let app: NestExpressApplication | undefined;
  return {
    name: 'http',
    start: async () => {
      const { readModel, producer, identity, clock, store, queue } = engines;
      const answers = async (ping: Promise<void>): Promise<string> =>
        await ping.then(
          () => 'ok',
          (error: unknown) => String(error),
        );
      const module = InsightsModule.register({
        readModel,
        producer,
        identity,
        clock,
        telemetryText: () => telemetry.text(),
        ready: async () => ({
          eventStore: await answers(store.ping()),
          queue: await answers(queue.ping()),
          database: await answers(readModel.ping()),
        }),
      });
      app = await NestFactory.create<NestExpressApplication>(module, {
        logger: new NestLogger(logger),
        bodyParser: false,
      });
      app.useGlobalFilters(
        new ProblemFilter(app.get(HttpAdapterHost).httpAdapter, (error) =>
          logger.error({ err: error }, 'request failed'),
        ),
      );
      setupBodies(app);
      setupDocs(app);
      await app.listen(config.http.port, config.http.host);
      logger.info({ url: await app.getUrl() }, 'listening');
    },
    stop: async () => {
      await app?.close();
    },
  };
};

export interface Service {
  readonly config: Config;
  readonly engines: Engines;
  readonly telemetry: PrometheusTelemetry;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Started last, for example a player of a sample day. */
  readonly others?: readonly Part[];
}

/** All parts in one process, until the signal aborts or a part fails. */
export const runService = ({ config, engines, telemetry, logger, signal, others = [] }: Service): Promise<ExitCode> => {
  const sandbox = sandboxPart(engines, logger);
  return runParts({
    parts: [
      { name: 'engines', start: () => Promise.resolve(), stop: () => engines.close() },
      ...projectorParts(engines),
      ...recorderParts(engines, logger),
      ...dispatcherParts(engines, logger),
      sandbox.part,
      ...providerParts(engines, sandbox.provider, logger),
      httpPart(config, engines, telemetry, logger),
      ...others,
    ],
    signal,
    stopWithinMs: STOP_WITHIN_MS,
    log: (entry) => {
      if (entry.kind === 'failed') logger.error({ part: entry.part, err: entry.error }, 'failed');
      else logger.info(entry, `${entry.part} ${entry.kind}`);
    },
  });
};
