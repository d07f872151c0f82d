import { describe, expect, test } from '@jest/globals';
import { byKey } from './grouping.js';
import type { Stage } from './scene.js';

/** How messages get into the queue. */
export function producing(stage: Stage): void {
  describe('producing', () => {
    test('calls that do not wait for each other keep the order of a key', async () => {
      const { scene } = stage;
      const producer = await scene.producerOfTopic();
      const calls = Array.from({ length: 40 }, (_, index) => producer.send(scene.rounds(['one', 'two'], 1, index)));
      await Promise.all(calls);
      const member = await scene.join();
      await member.received(80);
      expect(byKey(member.messages)).toEqual(
        new Map(['one', 'two'].map((key) => [key, Array.from({ length: 40 }, (_, index) => `${key}:${index}`)])),
      );
    });

    test('calls one after the other keep the order of a key', async () => {
      const { scene } = stage;
      const producer = await scene.producerOfTopic();
      for (let index = 0; index < 40; index += 1) await producer.send(scene.rounds(['key'], 1, index));
      const member = await scene.join();
      await member.received(40);
      expect(member.values).toEqual(Array.from({ length: 40 }, (_, index) => `key:${index}`));
    });

    test('5,000 messages go in one call', async () => {
      const { scene } = stage;
      const producer = await scene.producerOfTopic();
      const padding = 'x'.repeat(300);
      const keys = Array.from({ length: 100 }, (_, index) => `key-${index}`);
      const sent = scene.rounds(keys, 50).map((message) => ({ ...message, value: `${message.value}|${padding}` }));
      await producer.send(sent);
      const member = await scene.join({ batchSize: 500 });
      await member.received(5_000);
      expect(member.messages).toHaveLength(5_000);
      expect(byKey(member.messages)).toEqual(byKey(sent));
    });

    test('sending nothing succeeds', async () => {
      const { scene } = stage;
      const producer = await scene.producer();
      await expect(producer.send([])).resolves.toBeUndefined();
    });

    test('topics are made once, also by several clients at a time, and keep their messages', async () => {
      const { scene } = stage;
      const queues = [await scene.queue(), await scene.queue()];
      await Promise.all(queues.map((queue) => queue.createTopics([scene.topic, `${scene.topic}.b`])));
      const producer = await scene.producer();
      await producer.send([scene.message('key')]);
      await Promise.all(queues.map((queue) => queue.createTopics([scene.topic])));
      const member = await scene.join();
      await member.received(1);
      expect(member.values).toEqual(['key']);
    });

    test('a ping is answered', async () => {
      const { scene } = stage;
      const queue = await scene.queue();
      await expect(queue.ping()).resolves.toBeUndefined();
    });
  });
}
