import { optionsOf, usage } from './options.js';
import { startSimulator } from './start.js';

const start = async (args: readonly string[]): Promise<void> => {
  const { port, ...options } = optionsOf(args);
  const { url, simulator, stop } = await startSimulator(options, port);
  process.stdout.write(`The simulator is at ${url}; it has ${JSON.stringify(simulator.summary())}\n`);
  const end = (): void => void stop().finally(() => process.stdout.write(`${JSON.stringify(simulator.summary())}\n`));
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
};

const args = process.argv.slice(2);
try {
  if (args.includes('--help')) process.stdout.write(`${usage}\n`);
  else await start(args);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 78;
}
