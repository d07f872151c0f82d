import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createRequire } from 'node:module';
import { calmRequestQueues } from './request-queue.js';

interface Request {
  readonly entry: { readonly correlationId: number; readonly resolve: () => void; readonly reject: () => void };
  readonly expectResponse: boolean;
  readonly sendRequest: () => void;
}

interface Queue {
  push(request: Request): void;
  fulfillRequest(answer: { readonly correlationId: number; readonly payload: object; readonly size: number }): void;
  maybeThrottle(forMs: number): void;
}

const RequestQueue: new (options: object) => Queue = createRequire(import.meta.url)(
  'kafkajs/src/network/requestQueue/index.js',
);

describe('a request queue of kafkajs', () => {
  let sent: number[];
  let queue: Queue;
  beforeEach(() => {
    jest.useFakeTimers({ now: Date.UTC(2026, 10, 26) });
    calmRequestQueues();
    sent = [];
    queue = new RequestQueue({
      maxInFlightRequests: 1,
      requestTimeout: 1_000,
      enforceRequestTimeout: false,
      clientId: 'tidegate',
      broker: 'broker',
      logger: { debug: () => undefined, warn: () => undefined },
    });
  });
  afterEach(() => void jest.useRealTimers());

  const ask = (correlationId: number): void =>
    queue.push({
      entry: { correlationId, resolve: () => undefined, reject: () => undefined },
      expectResponse: true,
      sendRequest: () => void sent.push(correlationId),
    });
  const answer = (correlationId: number): void => queue.fulfillRequest({ correlationId, payload: {}, size: 1 });

  test('rests once all is answered', () => {
    ask(1);
    answer(1);
    expect(sent).toEqual([1]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('sends what waits for an answer to another', () => {
    ask(1);
    ask(2);
    expect(sent).toEqual([1]);
    answer(1);
    expect(sent).toEqual([1, 2]);
  });

  test('sends what waits because the broker is throttling, when that is over', () => {
    queue.maybeThrottle(300);
    ask(1);
    jest.advanceTimersByTime(250);
    expect(sent).toEqual([]);
    jest.advanceTimersByTime(100);
    expect(sent).toEqual([1]);
    answer(1);
    jest.advanceTimersByTime(1_000);
    expect(jest.getTimerCount()).toBe(0);
  });
});
