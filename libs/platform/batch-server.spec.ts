import {
  type CallHandler,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  type PipeTransform,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { EventPattern, MessagePattern, type MicroserviceOptions, Payload } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { defer, type Observable, tap } from 'rxjs';
import { InfrastructureError } from '#application/errors';
import { type MessageBatch, MessageConsumer } from '#application/ports/message-queue';
import { instantOf } from '#domain/time';
import { BatchErrorFilter, BatchServer } from './batch-server.js';
import { PrometheusTelemetry } from './metrics.js';

/** Delivers what the test wants, when it wants. */
class MemoryConsumer extends MessageConsumer {
  topics: readonly string[] = [];
  stopped = 0;
  refusal: Error | undefined;
  #die: (error: Error) => void = () => undefined;
  readonly dead = new Promise<Error>((resolve) => (this.#die = resolve));
  #handle: (batch: MessageBatch) => Promise<void> = () => Promise.reject(new Error('Not started.'));

  async start(topics: readonly string[], handle: (batch: MessageBatch) => Promise<void>): Promise<void> {
    if (this.refusal) throw this.refusal;
    this.topics = topics;
    this.#handle = handle;
  }
  async stop(): Promise<void> {
    this.stopped += 1;
  }
  deliver(topic: string): Promise<void> {
    return this.#handle({
      topic,
      partition: 3,
      messages: [
        { topic, partition: 3, offset: 0, key: 'k', value: '{}', headers: {}, at: instantOf(0) },
        { topic, partition: 3, offset: 1, key: 'k', value: '{}', headers: {}, at: instantOf(0) },
      ],
      signal: new AbortController().signal,
      finished: () => undefined,
    });
  }
  die(error: Error): void {
    this.#die(error);
  }
}

const log: string[] = [];
const lost = new InfrastructureError('store-unavailable', 'The store is away.');

@Injectable()
class Interceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    log.push('before');
    return next.handle().pipe(tap(() => log.push('after')));
  }
}

class Closed implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

class Marking implements PipeTransform<MessageBatch, MessageBatch> {
  transform(batch: MessageBatch): MessageBatch {
    return { ...batch, partition: batch.partition + 100 };
  }
}

@Controller()
class Topics {
  @EventPattern('plain')
  async plain(@Payload(Marking) batch: MessageBatch): Promise<void> {
    await new Promise(setImmediate);
    log.push(`${batch.topic} ${batch.partition}`);
  }

  @EventPattern('intercepted')
  @UseInterceptors(Interceptor)
  async intercepted(@Payload() batch: MessageBatch): Promise<void> {
    await new Promise(setImmediate);
    log.push(batch.topic);
  }

  @EventPattern('observable')
  observable(@Payload() batch: MessageBatch): Observable<void> {
    return defer(async () => {
      await new Promise(setImmediate);
      log.push(batch.topic);
    });
  }

  @EventPattern('failing')
  async failing(_batch: MessageBatch): Promise<void> {
    await new Promise(setImmediate);
    throw lost;
  }

  @EventPattern('failing-behind-interceptor')
  @UseInterceptors(Interceptor)
  async failingBehindInterceptor(_batch: MessageBatch): Promise<void> {
    throw lost;
  }

  @EventPattern('failing-observable')
  failingObservable(_batch: MessageBatch): Observable<void> {
    return defer(() => Promise.reject(lost));
  }

  @EventPattern('guarded')
  @UseGuards(Closed)
  guarded(_batch: MessageBatch): void {
    log.push('guarded');
  }
}

@Controller()
class SecondPlain {
  @EventPattern('plain')
  again(_batch: MessageBatch): void {}
}

@Controller()
class Replying {
  @MessagePattern('plain')
  reply(_batch: MessageBatch): string {
    return 'reply';
  }
}

const open: { close(): Promise<unknown> }[] = [];

const serve = async (controllers: readonly (new () => object)[], filters: readonly BatchErrorFilter[]) => {
  const consumer = new MemoryConsumer();
  const died = jest.fn<(error: Error) => void>();
  const telemetry = new PrometheusTelemetry();
  const module = await Test.createTestingModule({ controllers: [...controllers] }).compile();
  const app = module.createNestMicroservice<MicroserviceOptions>({
    strategy: new BatchServer(consumer, {
      died,
      telemetry,
      handling: { run: (batch, handle) => handle(batch), retry: async () => 0 },
    }),
    logger: { log() {}, warn() {}, error: (...of: unknown[]) => log.push(`logged ${of.map(String).join(' ')}`) },
  });
  app.useGlobalFilters(...filters);
  open.push(app);
  return { consumer, died, telemetry, app };
};

const started = async (filters: readonly BatchErrorFilter[] = [new BatchErrorFilter()]) => {
  const scene = await serve([Topics], filters);
  await scene.app.listen();
  return scene;
};

afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
  log.length = 0;
});

describe('a controller on a message consumer', () => {
  test('is subscribed to the topics of its handlers', async () => {
    const { consumer } = await started();
    expect(consumer.topics).toEqual([
      'plain',
      'intercepted',
      'observable',
      'failing',
      'failing-behind-interceptor',
      'failing-observable',
      'guarded',
    ]);
  });

  test('gets the batch through its pipes, and the batch ends after the handler', async () => {
    const { consumer } = await started();
    await consumer.deliver('plain');
    expect(log).toEqual(['plain 103']);
  });

  test('runs behind its interceptors, once', async () => {
    const { consumer } = await started();
    await consumer.deliver('intercepted');
    expect(log).toEqual(['before', 'intercepted', 'after']);
  });

  test('may answer with an observable, which is awaited', async () => {
    const { consumer } = await started();
    await consumer.deliver('observable');
    expect(log).toEqual(['observable']);
  });

  test.each(['failing', 'failing-behind-interceptor', 'failing-observable'])(
    'rejects the batch with its own error: %s',
    async (topic) => {
      const { consumer } = await started();
      await expect(consumer.deliver(topic)).rejects.toBe(lost);
      expect(log.filter((line) => line.startsWith('logged'))).toEqual([]);
    },
  );

  test('rejects the batch when a guard shuts it out', async () => {
    const { consumer } = await started();
    await expect(consumer.deliver('guarded')).rejects.toThrow('Forbidden resource');
    expect(log).toEqual([]);
  });

  test('rejects the batch with some error even without the filter', async () => {
    const { consumer } = await started([]);
    await expect(consumer.deliver('failing')).rejects.toThrow('The handler of failing failed.');
  });

  test('has its batches counted by outcome', async () => {
    const { consumer, telemetry } = await started();
    await consumer.deliver('plain');
    await expect(consumer.deliver('failing')).rejects.toBe(lost);
    const text = await telemetry.text();
    expect(text).toContain('tidegate_batch_messages_total{topic="plain",outcome="finished"} 2');
    expect(text).toContain('tidegate_batch_messages_total{topic="failing",outcome="failed"} 2');
  });

  test('rejects a topic that nobody handles', async () => {
    const { consumer } = await started();
    await expect(consumer.deliver('unheard')).rejects.toMatchObject({ code: 'config-invalid' });
  });
});

describe('a batch server', () => {
  test('hands on the death of its consumer', async () => {
    const { consumer, died } = await started();
    expect(died).not.toHaveBeenCalled();
    consumer.die(lost);
    await new Promise(setImmediate);
    expect(died.mock.calls).toEqual([[lost]]);
  });

  test('stops the consumer once, and only one that was started', async () => {
    const idle = await serve([Topics], []);
    await idle.app.close();
    expect(idle.consumer.stopped).toBe(0);
    const { consumer, app } = await started();
    await app.close();
    await app.close();
    expect(consumer.stopped).toBe(1);
  });

  test('fails to listen when the consumer cannot join', async () => {
    const { consumer, app } = await serve([Topics], []);
    consumer.refusal = lost;
    await expect(app.listen()).rejects.toBe(lost);
  });

  test('fails to listen without handlers', async () => {
    const { app } = await serve([], []);
    await expect(app.listen()).rejects.toMatchObject({ code: 'config-invalid' });
  });

  test.each([
    ['two handlers of one topic', [Topics, SecondPlain]],
    ['a handler that replies', [Replying]],
  ])('refuses %s', async (_case, controllers) => {
    const { app } = await serve(controllers, []);
    await expect(app.listen()).rejects.toMatchObject({ code: 'config-invalid' });
  });
});
