import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { openEngines, type Engines } from '#apps/composition/engines';
import { dispatcherParts, projectorParts, recorderParts } from '#apps/composition/gate-parts';
import { InsightsModule } from '#apps/insights/insights.module';
import { setupBodies, setupDocs } from '#apps/insights/setup';
import { SteerableClock, SystemClock } from '#platform/clock';
import { loadConfig, type Config } from '#platform/config';
import { exitCodeOf, runParts, stopSignal, type Part } from '#platform/lifecycle';
import { createLogger, NestLogger } from '#platform/logging';
import { PrometheusTelemetry } from '#platform/metrics';
import type { Logger } from 'pino';

const STOP_WITHIN_MS = 20_000;

const httpPart = (config: Config, engines: Engines, telemetry: PrometheusTelemetry, logger: Logger): Part => {
  let app: NestExpressApplication | undefined;
  return {
    name: 'http',
    start: async () => {
      const { readModel, producer, identity, clock, store, queue } = engines;
      const answers = async (ping: Promise<void>): Promise<string> => await ping.then(() => 'ok', (error: unknown) => String(error));
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
      app = await NestFactory.create<NestExpressApplication>(module, { logger: new NestLogger(logger), bodyParser: false });
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

/** All parts in one process, on the engines that the environment names. */
const main = async (): Promise<number> => {
  const signal = stopSignal();
  const config = await loadConfig(process.env);
  const logger = createLogger({ level: config.logLevel, app: 'standalone' });
  const telemetry = new PrometheusTelemetry();
  const clock = config.clock === 'steerable' ? new SteerableClock() : new SystemClock();
  const engines = await openEngines(config, clock, telemetry, logger);
  const parts = [
    { name: 'engines', start: () => Promise.resolve(), stop: () => engines.close() },
    ...projectorParts(engines),
    ...recorderParts(engines, logger),
    ...dispatcherParts(engines, logger),
    httpPart(config, engines, telemetry, logger),
  ];
  const exitCode = await runParts({
    parts,
    signal,
    stopWithinMs: STOP_WITHIN_MS,
    log: (entry) => {
      if (entry.kind === 'failed') logger.error({ part: entry.part, err: entry.error }, 'failed');
      else logger.info(entry, `${entry.part} ${entry.kind}`);
    },
  });
  return exitCode;
};

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(exitCodeOf(error));
}
