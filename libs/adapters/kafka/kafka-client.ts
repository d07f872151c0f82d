import { type ISocketFactory, Kafka, type logCreator, logLevel } from 'kafkajs';
import { InfrastructureError } from '#application/errors';
import type { KafkaSettings } from './kafka-url.js';
import { calmRequestQueues } from './request-queue.js';

/** Takes what is worth a line in the log. */
export type KafkaLog = (level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>) => void;

export interface KafkaClientOptions {
  readonly log: KafkaLog;
  /** How connections are made, if not by kafkajs itself. */
  readonly sockets?: ISocketFactory;
}

/**
 * A kafkajs client. Each consumer needs one of its own: kafkajs shares the committed offsets of a group among all
 * consumers of one client, so that two members would overwrite each other's.
 *
 * @param retries how often a connection is tried again: 5 times take about 5 s, 15 about 25 s
 */
export function createClient(settings: KafkaSettings, { log, sockets }: KafkaClientOptions, retries = 5): Kafka {
  calmRequestQueues();
  return new Kafka({
    brokers: [...settings.brokers],
    clientId: settings.clientId,
    ssl: settings.tls,
    ...(settings.sasl && { sasl: settings.sasl }),
    ...(sockets && { socketFactory: sockets }),
    connectionTimeout: 3_000,
    retry: { ...retry, retries },
    logLevel: logLevel.WARN,
    logCreator: logTo(log),
  });
}

/** Said in full because kafkajs chooses other defaults when NODE_ENV is "test". */
export const retry = { initialRetryTime: 200, maxRetryTime: 2_000, factor: 0.2, multiplier: 2, retries: 5 };

/**
 * kafkajs calls much an error that it then retries, a rebalance for one; what really fails, fails a call of ours or
 * kills a consumer. So its errors are warnings and its warnings are information.
 */
const logTo =
  (log: KafkaLog): logCreator =>
  () =>
  ({ namespace, level, log: { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...fields } }) => {
    // Answered by the producer: it never uses an idempotent producer again after a failure.
    if (message.startsWith('Limiting retries for the idempotent producer')) return;
    log(level === logLevel.ERROR ? 'warn' : 'info', `kafkajs: ${message}`, { ...fields, namespace });
  };

export function unavailable(settings: KafkaSettings, cause: unknown): InfrastructureError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new InfrastructureError('queue-unavailable', `Kafka at ${settings.brokers.join(', ')}: ${why}`, { cause });
}

/** The broker's answer, such as `ILLEGAL_GENERATION`: kafkajs wraps it once or more often, depending on how it gave up. */
export function protocolErrorOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; { cause } = cause) {
    if ('type' in cause && typeof cause.type === 'string') return cause.type;
  }
  return '';
}
