import { expect, test } from '@jest/globals';
import type { ProducerBatch } from 'kafkajs';
import type { OutgoingMessage } from '#application/ports/message-queue';
import { KafkaProducer, type ProducerClient } from './kafka-producer.js';
import { parseKafkaUrl } from './kafka-url.js';

/** Stands in for kafkajs: each request answers as the test wants. */
class Clients {
  readonly requests: string[][] = [];
  readonly failures: (Error | undefined)[] = [];
  opened = 0;
  open = 0;

  readonly create = (): ProducerClient => ({
    connect: async () => {
      this.opened += 1;
      this.open += 1;
    },
    disconnect: async () => {
      this.open -= 1;
    },
    sendBatch: async ({ topicMessages = [] }: ProducerBatch) => {
      this.requests.push(topicMessages.flatMap(({ messages }) => messages.map(({ value }) => String(value))));
      await new Promise(setImmediate);
      const failure = this.failures.shift();
      if (failure) throw failure;
      return [];
    },
  });
}

const settings = parseKafkaUrl('kafka://broker');
const message = (value: string): OutgoingMessage => ({ topic: 'tide', key: 'k', value, headers: {} });
const answer = (type: string): Error => Object.assign(new Error('The broker said no.'), { type });

test('what is called for during a request goes together into the next', async () => {
  const clients = new Clients();
  const producer = new KafkaProducer(clients.create, settings);
  await Promise.all(['a', 'b', 'c', 'd'].map((value) => producer.send([message(value)])));
  await producer.send([message('e')]);
  expect(clients.requests).toEqual([['a'], ['b', 'c', 'd'], ['e']]);
  expect(clients.opened).toBe(1);
});

test('a call settles with its own messages, not with those of others', async () => {
  const clients = new Clients();
  const producer = new KafkaProducer(clients.create, settings);
  const half = 'x'.repeat(500_000);
  const first = producer.send([message('first')]);
  const acknowledged = producer.send([message(half)]);
  const failed = producer.send([message(half), message('last')]);
  clients.failures.push(undefined, undefined, new Error('Gone.'));
  await expect(Promise.allSettled([first, acknowledged, failed])).resolves.toMatchObject([
    { status: 'fulfilled' },
    { status: 'fulfilled' },
    { status: 'rejected', reason: { code: 'queue-unavailable' } },
  ]);
});

test('after a failed request another client takes over', async () => {
  const clients = new Clients();
  const producer = new KafkaProducer(clients.create, settings);
  clients.failures.push(new Error('Gone.'));
  await expect(producer.send([message('a')])).rejects.toMatchObject({
    code: 'queue-unavailable',
    message: 'Kafka at broker:9092: Gone.',
  });
  await producer.send([message('b')]);
  expect(clients).toMatchObject({ opened: 2, open: 1, requests: [['a'], ['b']] });
});

test.each(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_ID_MAPPING'])(
  'a producer that the broker forgot (%s) is replaced once, without a word',
  async (type) => {
    const clients = new Clients();
    const producer = new KafkaProducer(clients.create, settings);
    clients.failures.push(new Error('wrapped', { cause: answer(type) }));
    await producer.send([message('a')]);
    expect(clients).toMatchObject({ opened: 2, open: 1, requests: [['a'], ['a']] });
    clients.failures.push(answer(type), answer(type));
    await expect(producer.send([message('b')])).rejects.toMatchObject({ code: 'queue-unavailable' });
  },
);

test('a topic that takes less than others refuses one message as too large, several with the remedy', async () => {
  const clients = new Clients();
  const producer = new KafkaProducer(clients.create, settings);
  clients.failures.push(answer('MESSAGE_TOO_LARGE'), answer('MESSAGE_TOO_LARGE'));
  await expect(producer.send([message('a')])).rejects.toMatchObject({ code: 'message-too-large' });
  await expect(producer.send([message('a'), message('b')])).rejects.toMatchObject({
    code: 'queue-unavailable',
    message: expect.stringContaining('raise its max.message.bytes'),
  });
});

test('closing waits for what was called for, and refuses the rest', async () => {
  const clients = new Clients();
  const producer = new KafkaProducer(clients.create, settings);
  const sent = Promise.all([producer.send([message('a')]), producer.send([message('b')])]);
  await producer.close();
  await sent;
  expect(clients).toMatchObject({ open: 0, requests: [['a'], ['b']] });
  await expect(producer.send([message('c')])).rejects.toMatchObject({ code: 'queue-unavailable' });
});
