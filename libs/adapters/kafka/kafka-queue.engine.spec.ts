import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ConfigResourceTypes, type ISocketFactory, Kafka, logLevel } from 'kafkajs';
import type { MessageQueue, OutgoingMessage } from '#application/ports/message-queue';
import { eventually } from '#testing/eventually';
import { messageQueueContract } from '#testing/message-queue.contract';
import { type Broker, startBroker } from '../../../deploy/kafka/broker.js';
import { KafkaQueue } from './kafka-queue.js';

/** The shortest session that a broker allows. */
const quick = 'partitions=4&sessionTimeoutMs=6000&deadAfterMs=18000&stopTimeoutMs=1000';

const given = process.env['TIDEGATE_TEST_KAFKA'];

messageQueueContract('Kafka', async () => {
  const broker = given ? undefined : await OwnBroker.start();
  const cables = new Map<MessageQueue, Cable>();
  return {
    partitions: 4,
    async queue() {
      const cable = new Cable();
      const queue = open(broker?.url ?? given ?? '', cable);
      cables.set(queue, cable);
      return queue;
    },
    async crash(queue) {
      cables.get(queue)?.cut();
    },
    close: async () => broker?.remove(),
  };
});

describe('Kafka in trouble', () => {
  let broker: OwnBroker;
  let queues: KafkaQueue[];
  let topic: string;

  beforeAll(async () => {
    broker = await OwnBroker.start();
  }, 180_000);
  afterAll(() => broker.remove(), 60_000);
  beforeEach(() => {
    queues = [];
    topic = `trouble.${randomUUID()}`;
  });
  afterEach(() => Promise.all(queues.map((queue) => queue.close())), 60_000);

  const queueOn = (cable = new Cable(), parameters = ''): KafkaQueue => {
    const queue = open(broker.url, cable, parameters);
    queues.push(queue);
    return queue;
  };
  const message = (value: string): OutgoingMessage => ({ topic, key: `key-${value.at(-1)}`, value, headers: {} });

  test('a compacted topic keeps the last message of each key, by its configuration, and takes tombstones', async () => {
    const queue = queueOn();
    await queue.createTopics([topic], { compacted: true });
    await queue.createTopics([`${topic}.plain`]);
    const admin = new Kafka({
      brokers: [broker.url.replace(/^kafka:\/\/([^/?]+).*$/, '$1')],
      logLevel: logLevel.NOTHING,
    }).admin();
    await admin.connect();
    const policies = await Promise.all(
      [topic, `${topic}.plain`].map(async (name) => {
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: ConfigResourceTypes.TOPIC, name, configNames: ['cleanup.policy'] }],
        });
        return resources[0]?.configEntries[0]?.configValue;
      }),
    );
    await admin.disconnect();
    expect(policies).toEqual(['compact', 'delete']);
    const producer = await queue.producer();
    await producer.send([message('1'), { ...message('1'), value: null }]);
    const values: (string | null)[] = [];
    const consumer = queue.consumer({ group: topic, batchSize: 20, from: 'earliest' });
    await consumer.start([topic], async ({ messages }) => void values.push(...messages.map(({ value }) => value)));
    await eventually(() => values.length === 2, 20_000);
    expect(values).toEqual(['1', null]);
  }, 60_000);

  test('what was acknowledged outlives crashes of the broker, in order per key, on its way in and out', async () => {
    const queue = queueOn(new Cable(), 'partitions=4&sessionTimeoutMs=6000');
    await queue.createTopics([topic]);
    const received: string[] = [];
    const consumer = queue.consumer({ group: topic, batchSize: 20 });
    await consumer.start([topic], async ({ messages }) => {
      await sleep(5);
      received.push(...messages.map(({ value }) => value ?? ''));
    });
    const producer = await queue.producer();
    const rounds: OutgoingMessage[][] = [];
    const over = new AbortController();
    let refusals = 0;
    const producing = (async () => {
      while (!over.signal.aborted) {
        const messages = Array.from({ length: 50 }, (_, index) => message(`${rounds.length}:${index}`));
        rounds.push(messages);
        while (!(await producer.send(messages).then(always(true), always(false)))) refusals += 1;
        await sleep(10);
      }
    })();
    for (let crash = 1; crash <= 2; crash += 1) {
      await sleep(1_000);
      await broker.crash();
      await sleep(6_000);
      await broker.restart();
    }
    await sleep(2_000);
    over.abort();
    await producing;
    const sent = rounds.flat().map(({ value }) => value ?? '');
    const deadline = performance.now() + 60_000;
    while (new Set(received).size < sent.length && performance.now() < deadline) await sleep(50);
    expect(refusals).toBeGreaterThan(0);
    // Where a message came several times, the first time counts.
    const firsts = [...new Set(received)];
    for (let digit = 0; digit < 10; digit += 1) {
      const ofKey = (value: string): boolean => value.endsWith(String(digit));
      expect(firsts.filter(ofKey)).toEqual(sent.filter(ofKey));
    }
  }, 180_000);

  test('a message after a failed request does not pass for a repeat of it', async () => {
    const cable = new Cable();
    const queue = queueOn(cable);
    await queue.createTopics([topic]);
    const producer = await queue.producer();
    await producer.send([message('first 1')]);
    cable.deafen();
    const unheard = producer.send([message('unheard 1')]);
    await sleep(500);
    cable.cut();
    await expect(unheard).rejects.toMatchObject({ code: 'queue-unavailable' });
    cable.mend();
    await producer.send([message('last 1')]);

    const values: (string | null)[] = [];
    await queueOn()
      .consumer({ group: topic, batchSize: 10 })
      .start([topic], async ({ messages }) => void values.push(...messages.map(({ value }) => value)));
    while (values.at(-1) !== 'last 1') await sleep(20);
    expect(values).toEqual(['first 1', 'unheard 1', 'last 1']);
  }, 60_000);

  test('a consumer that Kafka refuses is dead', async () => {
    const tooLong = 'sessionTimeoutMs=1800001&deadAfterMs=9000000';
    const consumer = queueOn(new Cable(), tooLong).consumer({ group: topic, batchSize: 10 });
    await expect(consumer.start([topic], async () => undefined)).rejects.toMatchObject({ code: 'queue-unavailable' });
    await expect(consumer.dead).resolves.toMatchObject({ code: 'queue-unavailable' });
  }, 60_000);

  test('a consumer that hears nothing from Kafka is dead in the end, and its batches abort', async () => {
    const cable = new Cable();
    const queue = queueOn(cable);
    const signals: AbortSignal[] = [];
    const consumer = queue.consumer({ group: topic, batchSize: 10 });
    await consumer.start([topic], async ({ signal }) => {
      signals.push(signal);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    const producer = await queueOn().producer();
    await producer.send([message('1')]);
    while (signals.length === 0) await sleep(20);
    cable.deafen();
    const silentSince = performance.now();
    await expect(consumer.dead).resolves.toMatchObject({
      code: 'queue-unavailable',
      message: expect.stringContaining('silent for 18000 ms'),
    });
    expect(performance.now() - silentSince).toBeGreaterThan(17_000);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    cable.cut();
  }, 60_000);

  test('a batch may take longer than a session: its partition stays, and nothing comes twice', async () => {
    const queue = queueOn();
    const signals: AbortSignal[] = [];
    const values: (string | null)[] = [];
    await queue.consumer({ group: topic, batchSize: 10 }).start([topic], async ({ messages, signal }) => {
      signals.push(signal);
      values.push(...messages.map(({ value }) => value));
      if (signals.length === 1) await sleep(9_000);
    });
    const producer = await queue.producer();
    await producer.send([message('long 1')]);
    while (signals.length === 0) await sleep(20);
    await producer.send([message('next 1')]);
    while (values.at(-1) !== 'next 1') await sleep(20);
    expect(values).toEqual(['long 1', 'next 1']);
    expect(signals[0]?.aborted).toBe(false);
  }, 60_000);

  test('stopping does not wait for a batch that never ends', async () => {
    const queue = queueOn();
    const consumer = queue.consumer({ group: topic, batchSize: 10 });
    const running = new Promise<void>((resolve, reject) => {
      const handle = async (): Promise<void> => {
        resolve();
        await new Promise(() => {});
      };
      consumer.start([topic], handle).catch(reject);
    });
    await queue.createTopics([topic]);
    await (await queue.producer()).send([message('1')]);
    await running;
    const from = performance.now();
    await consumer.stop();
    // stopTimeoutMs is 1 s here; then a second after the abort, and at most three to leave.
    expect(performance.now() - from).toBeLessThan(6_000);
  }, 60_000);

  test('a backlog of some partitions does not starve the others', async () => {
    const queue = queueOn(new Cable(), 'partitions=16&sessionTimeoutMs=6000');
    await queue.createTopics([topic]);
    const producer = await queue.producer();
    const bulk = 'x'.repeat(50_000);
    await producer.send(
      Array.from({ length: 640 }, (_, index) => ({ topic, key: `key-${index}`, value: bulk, headers: {} })),
    );
    const received = new Map<number, number>();
    let most = 0;
    await queue.consumer({ group: topic, batchSize: 5 }).start([topic], async ({ partition, messages }) => {
      // A fetch brings some 20 of a partition: nobody has a second turn before all had one.
      if (received.size < 16) most = Math.max(most, ...received.values());
      received.set(partition, (received.get(partition) ?? 0) + messages.length);
      await sleep(5);
    });
    while (received.size < 16) await sleep(20);
    expect(most).toBeLessThan(25);
  }, 60_000);

  test('a broker that is gone is unavailable to everybody', async () => {
    const cable = new Cable();
    const queue = queueOn(cable);
    cable.cut();
    const unavailable = { code: 'queue-unavailable', message: expect.stringContaining(new URL(broker.url).host) };
    await Promise.all(
      [queue.ping(), queue.producer(), queue.createTopics([topic])].map((attempt) =>
        expect(attempt).rejects.toMatchObject(unavailable),
      ),
    );
  }, 60_000);

  test('the group of a consumer that reads from the earliest message is gone with it', async () => {
    const queue = queueOn();
    const consumer = queue.consumer({ group: topic, batchSize: 10, from: 'earliest' });
    await consumer.start([topic], async () => undefined);
    const admin = new Kafka({ brokers: [new URL(broker.url).host], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const groups = async (): Promise<string[]> =>
      (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter((group) => group.startsWith(topic));
    expect(await groups()).toHaveLength(1);
    await consumer.stop();
    expect(await groups()).toEqual([]);
    await admin.disconnect();
  }, 60_000);
});

const always =
  <T>(value: T) =>
  (): T =>
    value;

function open(url: string, cable: Cable, parameters = ''): KafkaQueue {
  return new KafkaQueue(`${url}?${parameters || quick}`, { log: () => undefined, sockets: cable.sockets });
}

/** All connections of one client. */
class Cable {
  private readonly open = new Set<Socket>();
  private isCut = false;

  readonly sockets: ISocketFactory = ({ host, port, onConnect }) => {
    const socket = connect(this.isCut ? { host: '127.0.0.1', port: 1 } : { host, port }, onConnect);
    this.open.add(socket);
    return socket.on('close', () => this.open.delete(socket));
  };

  /** The client still talks, but hears nothing any more. */
  deafen(): void {
    for (const socket of this.open) socket.pause();
  }

  /** All at once, and no new ones: what both sides see when a process or a network dies. */
  cut(): void {
    this.isCut = true;
    for (const socket of this.open) socket.destroy(new Error('The test cut the connection.'));
  }

  mend(): void {
    this.isCut = false;
  }
}

/** A broker on a folder of its own. */
class OwnBroker {
  private constructor(
    private readonly folder: string,
    private broker: Broker,
  ) {}

  static async start(): Promise<OwnBroker> {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-kafka-'));
    return new OwnBroker(folder, await startBroker({ folder }));
  }

  get url(): string {
    return this.broker.url;
  }

  crash(): Promise<void> {
    return this.broker.stop('SIGKILL');
  }

  async restart(): Promise<void> {
    this.broker = await startBroker({ folder: this.folder, port: this.broker.port });
  }

  async remove(): Promise<void> {
    await this.broker.stop();
    await rm(this.folder, { recursive: true });
  }
}
