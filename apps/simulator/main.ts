import { optionsOf } from './options.js';
import { startSimulator } from './start.js';

try {
  const { port, ...options } = optionsOf(process.argv.slice(2));
  const { url, simulator, stop } = await startSimulator(options, port);
  process.stdout.write(`The simulator is at ${url}; it has ${JSON.stringify(simulator.summary())}\n`);
  const end = (): void => void stop().finally(() => process.stdout.write(`${JSON.stringify(simulator.summary())}\n`));
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 78;
}
