import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from './environment.js';

export interface LoggingOptions {
  readonly level: LogLevel;
  /** Name of the app. */
  readonly app: string;
  /** Standard output unless given. */
  readonly destination?: DestinationStream;
}

/** JSON lines with masked phone numbers, wherever in a line they stand: messages, fields, errors and their stacks. */
export const createLogger = ({ level, app, destination }: LoggingOptions): Logger => {
  const options = {
    level,
    base: { app },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: maskLine },
  };
  return destination ? pino(options, destination) : pino(options);
};

// Not `(?:[^"\\]|\\.)*`: that overflows the stack on a string of some megabytes.
const JSON_STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/g;

/**
 * What may hold or be a number: a JSON escape or a URL's (their letters and digits are none of the text), a UUID (it
 * can hold eight digits), a number written with separators, or any word.
 */
const WORD =
  /\\u[\da-f]{4}|\\.|%[\da-f]{2}(?=\d{8})|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}|\+\d(?:[ ().-]{0,2}\d){6,14}|[\da-z]+/gi;

/** A plain E.164 number without its plus, or one with plus and separators. */
const PHONE = /^(\d{8,15}|\+[\d ().-]+)$/;

/** Masks phone numbers in the strings of one JSON line; numbers outside of strings are times, counts and positions. */
export const maskLine = (line: string): string =>
  line.replace(JSON_STRING, (text) => text.replace(WORD, (word) => (PHONE.test(word) ? `***${word.slice(-2)}` : word)));

/** Nest's own lines in the same form. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: readonly unknown[]): void {
    this.#write('info', message, rest);
  }
  error(message: unknown, ...rest: readonly unknown[]): void {
    this.#write('error', message, rest);
  }
  warn(message: unknown, ...rest: readonly unknown[]): void {
    this.#write('warn', message, rest);
  }
  debug(message: unknown, ...rest: readonly unknown[]): void {
    this.#write('debug', message, rest);
  }
  verbose(message: unknown, ...rest: readonly unknown[]): void {
    this.#write('trace', message, rest);
  }
  fatal(message: unknown, ...rest: readonly unknown[]): void {
    this.#write('fatal', message, rest);
  }

  /** Nest appends the context's name, and for errors the stack before it. */
  #write(
    level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal',
    message: unknown,
    rest: readonly unknown[],
  ): void {
    const context = rest.at(-1);
    const details = rest.slice(0, -1).filter((detail) => detail !== undefined);
    const fields = { ...(context === undefined ? {} : { context }), ...(details.length === 0 ? {} : { details }) };
    if (typeof message === 'string') this.logger[level](fields, message);
    else this.logger[level]({ ...fields, err: message });
  }
}
