import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { type Broker, startBroker } from './broker.js';

let folder: string;
let broker: Broker;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate kafka ß-'));
  broker = await startBroker({ folder, partitions: 2 });
}, 180_000);

afterAll(async () => {
  await broker.stop();
  await rm(folder, { recursive: true });
}, 30_000);

test('messages outlive a crash of the broker', async () => {
  const kafka = connect();
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'tide' }], waitForLeaders: true });
  const { topics } = await admin.fetchTopicMetadata({ topics: ['tide'] });
  expect(topics[0]?.partitions).toHaveLength(2);
  await admin.disconnect();
  await produce(kafka, ['ebb', 'flood']);
  expect(await consume(kafka, 'before', 2)).toEqual(['ebb', 'flood']);

  const { port, pid } = broker;
  await broker.stop('SIGKILL');
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  broker = await startBroker({ folder, port });

  expect(broker.port).toBe(port);
  expect(await consume(kafka, 'after', 2)).toEqual(['ebb', 'flood']);
}, 120_000);

test('a port in use is named', async () => {
  await expect(startBroker({ folder: `${folder}/other`, port: broker.port })).rejects.toThrow(
    `Port ${broker.port} is in use`,
  );
});

test('a second broker on the folder dies with its last words, and leaves the first unharmed', async () => {
  await expect(startBroker({ folder })).rejects.toThrow(/ended with code 1[^]*Failed to acquire lock/);
  expect(await consume(connect(), 'second', 2)).toEqual(['ebb', 'flood']);
}, 60_000);

test('a broker that cannot hear SIGTERM is killed in the end', async () => {
  process.kill(broker.pid, 'SIGSTOP');
  await broker.stop();
  expect(() => process.kill(broker.pid, 0)).toThrow('ESRCH');
}, 30_000);

function connect(): Kafka {
  return new Kafka({ brokers: [new URL(broker.url).host], logLevel: logLevel.NOTHING });
}

async function produce(kafka: Kafka, values: readonly string[]): Promise<void> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({ topic: 'tide', messages: values.map((value) => ({ key: 'one', value })) });
  await producer.disconnect();
}

async function consume(kafka: Kafka, groupId: string, count: number): Promise<string[]> {
  const consumer = kafka.consumer({ groupId });
  await consumer.connect();
  await consumer.subscribe({ topic: 'tide', fromBeginning: true });
  const values: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const eachMessage = async ({ message }: { message: { value: Buffer | null } }): Promise<void> => {
      values.push(String(message.value));
      if (values.length === count) resolve();
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  await consumer.disconnect();
  return values;
}
