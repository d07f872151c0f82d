import { isNativeError } from 'node:util/types';
import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { BaseRpcContext, type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { isObservable, lastValueFrom, type Observable, throwError } from 'rxjs';
import { InfrastructureError } from '#application/errors';
import type { MessageBatch, MessageConsumer } from '#application/ports/message-queue';
import type { HandledBatch, Telemetry } from '#application/ports/telemetry';
import type { BatchHandling } from './batch-handling.js';

export interface BatchServerOptions {
  /** Called once when the consumer is dead for good: the process has to exit. */
  readonly died: (error: Error) => void;
  readonly telemetry: Telemetry;
  /** What becomes of batches that fail. */
  readonly handling: Pick<BatchHandling, 'run' | 'retry'>;
  /** Of `@EventPattern(topic, transportId)`, to tell servers apart that share one Nest application. */
  readonly transportId?: symbol;
}

/**
 * Nest's transport for any `MessageConsumer`: an `@EventPattern(topic)` handler gets a `MessageBatch` as payload, and
 * its outcome, behind all pipes, guards, interceptors and filters, is the outcome of the batch.
 * Needs `BatchErrorFilter`, or the errors it rejects with have lost their code.
 */
export class BatchServer extends Server implements CustomTransportStrategy {
  /** Keeps Nest from logging as lost what the consumer gets to see. */
  override readonly propagatesEventHandlerErrors = true;
  #closed: Promise<void> | undefined;
  #listening = false;

  constructor(
    private readonly consumer: MessageConsumer,
    private readonly options: BatchServerOptions,
  ) {
    super();
    if (options.transportId) this.setTransportId(options.transportId);
  }

  /** @throws InfrastructureError `config-invalid` for a second handler of one topic, or a request handler */
  override addHandler(
    pattern: unknown,
    handler: MessageHandler,
    isEventHandler = false,
    extras?: Record<string, unknown>,
  ): void {
    if (!isEventHandler || typeof pattern !== 'string') {
      throw invalid('A message queue gives no replies: handle its topics with @EventPattern(topic).');
    }
    // Nest would run both and give up on one when the other fails, while its work goes on.
    if (this.messageHandlers.has(pattern)) {
      throw invalid(`Topic ${pattern} has two handlers; give each a server with a group of its own.`);
    }
    super.addHandler(pattern, handler, isEventHandler, extras);
  }

  /** Resolves the callback when the member has joined its group, or with what kept it from that. */
  async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      const topics = [...this.messageHandlers.keys()];
      if (topics.length === 0) throw invalid('No controller has an @EventPattern(topic) handler.');
      this.#listening = true;
      void this.consumer.dead.then(this.options.died);
      await this.consumer.start(topics, (batch) => this.#measured(batch));
      callback();
    } catch (error) {
      callback(error);
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#listening ? this.consumer.stop() : Promise.resolve();
    return this.#closed;
  }

  /** Tries what is parked again. Resolves with how many messages were handled. */
  async retryParked(signal: AbortSignal): Promise<number> {
    let handled = 0;
    for (const topic of this.messageHandlers.keys()) {
      handled += await this.options.handling.retry(topic, signal, (batch) => this.#handle(batch));
    }
    return handled;
  }

  /** @throws always: a consumer has no events but its batches */
  on(event: string): never {
    throw invalid(`A message consumer has no event ${event}.`);
  }

  unwrap<T>(): T {
    return this.consumer as T;
  }

  async #measured(batch: MessageBatch): Promise<void> {
    const startedAt = performance.now();
    let outcome: HandledBatch['outcome'] = 'failed';
    try {
      await this.options.handling.run(batch, (part) => this.#handle(part));
      outcome = 'finished';
    } finally {
      const { topic, messages } = batch;
      const durationMs = performance.now() - startedAt;
      this.options.telemetry.batchHandled({ topic, messages: messages.length, durationMs, outcome });
    }
  }

  async #handle(batch: MessageBatch): Promise<void> {
    const handler = this.messageHandlers.get(batch.topic);
    // Resolving would commit what nobody handled.
    if (!handler) throw invalid(`Topic ${batch.topic} was delivered but has no handler.`);
    try {
      const result: unknown = await handler(batch, new BaseRpcContext([batch.topic, batch.partition]));
      // Nothing has run behind an interceptor before someone subscribes.
      if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
    } catch (error) {
      throw isNativeError(error) ? error : new Error(`The handler of ${batch.topic} failed.`, { cause: error });
    }
  }
}

/**
 * Hands the batch's own error on; Nest's filter would log it and throw "Internal server error" in its place.
 * For `useGlobalFilters` of the microservice, not of an application that also serves HTTP.
 */
@Catch()
export class BatchErrorFilter implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

const invalid = (message: string): InfrastructureError => new InfrastructureError('config-invalid', message);
