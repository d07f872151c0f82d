import { setTimeout as pause } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import type { MessageProducer, OutgoingMessage } from '#application/ports/message-queue';

const TICK_MS = 20;
const PATIENCE_MS = 60_000;
const FETCH_WAIT_MS = 250;

export interface Latency {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly worstMs: number;
}

/**
 * How long intents take from when they are due to when what came of them can be read, at a steady rate that does not slow
 * down when what is measured does. So many are due every 20 ms.
 * @param at the intent of a number, which its id ends in
 * @param to the topic on which an answer names that id
 */
export const latencyOf = async (
  kafka: Kafka,
  producer: MessageProducer,
  to: string,
  first: number,
  count: number,
  perSecond: number,
  at: (number: number) => OutgoingMessage,
): Promise<Latency> => {
  const dueAt = new Map<number, number>();
  const latencies: number[] = [];
  // The broker answers as soon as there is anything; asking more often only takes processor time from what is measured.
  const consumer = kafka.consumer({ groupId: `paced-${to}-${process.pid}`, maxWaitTimeInMs: FETCH_WAIT_MS });
  await consumer.connect();
  await consumer.subscribe({ topic: to });
  const joined = new Promise<void>((resolve) => consumer.on('consumer.group_join', () => resolve()));
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      const now = performance.now();
      for (const { value } of batch.messages) {
        const number = Number(/"intentId":"intent-(\d+)"/.exec(value?.toString() ?? '')?.[1]);
        const due = dueAt.get(number);
        if (due === undefined) continue;
        dueAt.delete(number);
        latencies.push(now - due);
      }
    },
  });
  await joined;
  const sends: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let sent = 0, tick = 0; sent < count; tick += 1) {
    const due = startedAt + tick * TICK_MS;
    const early = due - performance.now();
    if (early > 0) await pause(early);
    const until = Math.min(count, Math.round(((tick + 1) * TICK_MS * perSecond) / 1_000));
    const numbers = Array.from({ length: until - sent }, (_, index) => first + sent + index);
    for (const number of numbers) dueAt.set(number, due);
    sends.push(producer.send(numbers.map(at)));
    sent = until;
  }
  await Promise.all(sends);
  for (const deadline = Date.now() + PATIENCE_MS; latencies.length < count && Date.now() < deadline;) await pause(50);
  await consumer.disconnect();
  if (latencies.length < count) throw new Error(`${to} answers ${latencies.length} of ${count} intents.`);
  const sorted = latencies.toSorted((a, b) => a - b);
  const percentile = (share: number): number =>
    Math.round((sorted[Math.min(count - 1, Math.floor(count * share))] ?? Number.NaN) * 10) / 10;
  return {
    p50Ms: percentile(0.5),
    p90Ms: percentile(0.9),
    p99Ms: percentile(0.99),
    p999Ms: percentile(0.999),
    worstMs: percentile(1),
  };
};
