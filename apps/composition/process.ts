import type { Logger } from 'pino';
import { SteerableClock, SystemClock } from '#platform/clock';
import { parseCommandLine } from '#platform/command-line';
import { type Config, loadConfig } from '#platform/config';
import { Heartbeats } from '#platform/heartbeats';
import { exitCodeOf, exitCodes, runParts, stopSignal, type ExitCode, type Part } from '#platform/lifecycle';
import { createLogger } from '#platform/logging';
import { PrometheusTelemetry } from '#platform/metrics';
import type { Probes } from '#platform/probes';
import { exitOnUncaught } from '#platform/uncaught';
import { openEngines, type Engines } from './engines.js';
import { Gate } from './gate.js';
import { httpPart, ProbesModule } from './http.js';

/** From a signal on; shorter than the 30 s that container platforms wait before they kill. */
const STOP_WITHIN_MS = 20_000;

/** What an app is made of, besides its own parts. */
export interface Process {
  readonly config: Config;
  readonly engines: Engines;
  readonly gate: Gate;
  readonly logger: Logger;
  readonly heartbeats: Heartbeats;
  readonly probes: Probes;
}

type PartsOf = (process: Process) => readonly Part[];

/** Opens the engines and runs the parts until the signal aborts or a part fails. Closes what it opened. */
export const runApp = async (
  app: string,
  config: Config,
  clock: SystemClock | SteerableClock,
  signal: AbortSignal,
  partsOf: PartsOf,
): Promise<ExitCode> => {
  const logger = createLogger({ level: config.logLevel, app });
  exitOnUncaught((error) => logger.fatal({ err: error }, 'nobody caught this'));
  const telemetry = new PrometheusTelemetry({ ofProcess: true });
  const engines = await openEngines(config, clock, telemetry, logger);
  const heartbeats = new Heartbeats();
  const probes: Probes = {
    telemetryText: () => telemetry.text(),
    stalled: () => heartbeats.stalled(),
    ready: async () => ({
      eventStore: await answers(engines.store.ping()),
      queue: await answers(engines.queue.ping()),
      database: await answers(engines.readModel.ping()),
    }),
  };
  let parts: readonly Part[];
  try {
    parts = partsOf({ config, engines, gate: new Gate(engines), logger, heartbeats, probes });
  } catch (error) {
    await engines.close();
    throw error;
  }
  return runParts({
    parts: [
      { name: 'engines', start: () => Promise.resolve(), stop: () => engines.close() },
      // Each once: apps that run in one process share some.
      ...new Set(parts),
    ],
    signal,
    stopWithinMs: STOP_WITHIN_MS,
    log: (entry) => {
      if (entry.kind === 'failed') logger.error({ part: entry.part, err: entry.error }, 'failed');
      else logger.info(entry, `${entry.part} ${entry.kind}`);
    },
  });
};

const answers = (ping: Promise<void>): Promise<string> =>
  ping.then(
    () => 'ok',
    (error: unknown) => String(error),
  );

/** Reads what the configuration refers to before anything is opened. @throws InfrastructureError `config-invalid` */
type Validate = (config: Config) => void;

/** An app as a process of its own, with the configuration of environment and command line. Ends the process. */
export const runProcess = async (
  app: string,
  partsOf: PartsOf,
  validate: Validate = () => undefined,
): Promise<never> => {
  try {
    const signal = stopSignal();
    const command = parseCommandLine(app, process.argv.slice(2), process.env);
    if (command.kind === 'help') {
      process.stdout.write(command.text);
      process.exit(exitCodes.stopped);
    }
    const config = await loadConfig(command.variables);
    validate(config);
    const clock = config.clock === 'steerable' ? new SteerableClock() : new SystemClock();
    process.exit(await runApp(app, config, clock, signal, partsOf));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(exitCodeOf(error));
  }
};

/** An app that serves only health and metrics. */
export const runWorker = (app: string, partsOf: PartsOf, validate?: Validate): Promise<never> =>
  runProcess(
    app,
    (running) => [...partsOf(running), httpPart(ProbesModule.on(running.probes), running.config, running.logger)],
    validate,
  );
