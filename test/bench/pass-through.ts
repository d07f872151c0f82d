// The baseline: a bare kafkajs loop from one topic to another, as the clients' documentation has it, in batches, with
// three headers. Run as a process of its own by kafka.bench.ts: node pass-through.js BROKER FROM TO

import { Kafka, logLevel, Partitioners } from 'kafkajs';

const [broker = '', from = '', to = ''] = process.argv.slice(2);
/** With the headers that are added, a batch must still fit one produce request. */
const maxBytesPerPartition = 600_000;

const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
// As safe as the gate's own producer: no message twice, none out of order.
const producer = kafka.producer({
  idempotent: true,
  maxInFlightRequests: 1,
  createPartitioner: Partitioners.DefaultPartitioner,
});
const consumer = kafka.consumer({ groupId: `pass-through-${process.pid}`, maxWaitTimeInMs: 250, maxBytesPerPartition });
await producer.connect();
await consumer.connect();
await consumer.subscribe({ topic: from, fromBeginning: true });
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: false,
  partitionsConsumedConcurrently: 8,
  eachBatch: async ({ batch, resolveOffset, commitOffsetsIfNecessary, heartbeat }) => {
    await producer.send({
      topic: to,
      acks: -1,
      messages: batch.messages.map(({ key, value, offset }) => ({
        key,
        value,
        headers: {
          ce_id: `${batch.partition}/${offset}`,
          ce_type: 'tidegate.send-commands.command',
          ce_source: '/bench',
        },
      })),
    });
    const last = batch.lastOffset();
    resolveOffset(last);
    await commitOffsetsIfNecessary({
      topics: [{ topic: batch.topic, partitions: [{ partition: batch.partition, offset: String(Number(last) + 1) }] }],
    });
    await heartbeat();
  },
});
