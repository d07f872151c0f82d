import { openEngines } from '#apps/composition/engines';
import { SteerableClock, SystemClock } from '#platform/clock';
import { loadConfig } from '#platform/config';
import { exitCodeOf, stopSignal } from '#platform/lifecycle';
import { createLogger } from '#platform/logging';
import { PrometheusTelemetry } from '#platform/metrics';
import { runService } from './service.js';

try {
  const signal = stopSignal();
  const config = await loadConfig(process.env);
  const logger = createLogger({ level: config.logLevel, app: 'standalone' });
  const telemetry = new PrometheusTelemetry();
  const clock = config.clock === 'steerable' ? new SteerableClock() : new SystemClock();
  const engines = await openEngines(config, clock, telemetry, logger);
  process.exit(await runService({ config, engines, telemetry, logger, signal }));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(exitCodeOf(error));
}
