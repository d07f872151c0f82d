// What writing a produce request costs per intent, a decision and a command of usual sizes: by kafkajs as it is, and by
// ours. No broker: the same request is written again and again.
// Run: npm run build && node --max-semi-space-size=64 dist/test/bench/produce.bench.js [--json]

import { createRequire } from 'node:module';
import { encodeProduced, type Produced, type ProduceRequest } from '#adapters/kafka/produce-request';

const require = createRequire(import.meta.url);
const byKafkajs: (
  produced: Produced,
) => ProduceRequest = require('kafkajs/src/protocol/requests/produce/v3/request.js');

const PARTITIONS = 8;
const PER_PARTITION = 60;
const ROUNDS = 50;

const topic = (name: string, bytes: number): Produced['topicData'][number] => ({
  topic: name,
  partitions: Array.from({ length: PARTITIONS }, (_, partition) => ({
    partition,
    messages: Array.from({ length: PER_PARTITION }, () => ({
      key: 'bench.abcdefghijklmnopqrstuvwxyz',
      value: 'x'.repeat(bytes),
      headers: { 'content-type': 'application/cloudevents+json' },
    })),
  })),
});
const request: Produced = { acks: -1, timeout: 30_000, topicData: [topic('decisions', 900), topic('commands', 420)] };

const microsPerIntent = async (write: () => Promise<unknown>): Promise<number> => {
  const before = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round += 1) await write();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (ROUNDS * PARTITIONS * PER_PARTITION);
};

const ways = {
  kafkajs: () => byKafkajs(request).encode(),
  ours: async () => encodeProduced(request, Date.now()),
};
const measured: Record<keyof typeof ways, number[]> = { kafkajs: [], ours: [] };
// In turn, so that what else runs here burdens both; the first round warms up.
for (let turn = 0; turn < 10; turn += 1) {
  for (const way of ['kafkajs', 'ours'] as const) {
    const micros = await microsPerIntent(ways[way]);
    if (turn > 0) measured[way].push(micros);
  }
}
const median = (values: readonly number[]): number =>
  Number((values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN).toFixed(1));
const result = { kafkajsMicrosPerIntent: median(measured.kafkajs), oursMicrosPerIntent: median(measured.ours) };
process.stdout.write(`${JSON.stringify(result, null, process.argv.includes('--json') ? 0 : 2)}\n`);
