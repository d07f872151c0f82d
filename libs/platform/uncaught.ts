import type { EventEmitter } from 'node:events';
import { type ExitCode, exitCodes } from './lifecycle.js';

/**
 * Exits at an error that nobody caught: what was under way is unknown, and a new process does it again from the log.
 * Node would exit too, but print the error as it is: unmasked, and not as a line of the log.
 * Rejections that nobody handled arrive here as well (Node's `--unhandled-rejections=throw`, the default).
 */
export const exitOnUncaught = (
  log: (error: unknown) => void,
  source: EventEmitter = process,
  exitNow: (code: ExitCode) => void = (code) => process.exit(code),
): void => {
  source.on('uncaughtException', (error: unknown) => {
    try {
      log(error);
    } finally {
      exitNow(exitCodes.failed);
    }
  });
};
