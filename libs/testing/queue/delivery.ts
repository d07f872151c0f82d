import { setTimeout as sleep } from 'node:timers/promises';
import type { OutgoingMessage } from '#application/ports/message-queue';
import { describe, expect, test } from '@jest/globals';
import { byKey, byPartition } from './grouping.js';
import { manyKeys, type Stage, until } from './scene.js';

/** How messages reach a member. */
export function delivery(stage: Stage): void {
  describe('delivery', () => {
    test('everything arrives, from every partition, with ascending offsets, in order per key', async () => {
      const { harness, scene } = stage;
      const producer = await scene.producerOfTopic();
      await producer.send(scene.rounds(manyKeys, 5));
      const member = await scene.join();
      await producer.send(scene.rounds(manyKeys, 5, 5));
      await member.received(640);
      expect(byKey(member.messages)).toEqual(
        new Map(manyKeys.map((key) => [key, Array.from({ length: 10 }, (_, index) => `${key}:${index}`)])),
      );
      const offsets = byPartition(member.messages);
      expect(offsets.size).toBe(harness.partitions);
      for (const messages of offsets.values()) {
        expect(messages.map(({ offset }) => offset)).toEqual(messages.map((_, index) => index));
      }
    });

    test('key, value, headers and time survive', async () => {
      const { scene } = stage;
      const producer = await scene.producerOfTopic();
      const before = Date.now();
      const sent: OutgoingMessage[] = [
        {
          topic: scene.topic,
          key: 'Größe 👋',
          value: '{"text":"naïve\\u0000 🌊\\n"}',
          headers: { ce_id: '1', ce_ß: '漢字 🧭' },
        },
        { topic: scene.topic, key: 'Größe 👋', value: '', headers: { empty: '' } },
        { topic: scene.topic, key: 'Größe 👋', value: null, headers: {} },
      ];
      await producer.send(sent);
      const member = await scene.join();
      await member.received(3);
      expect(member.messages.map(({ topic, key, value, headers }) => ({ topic, key, value, headers }))).toEqual(sent);
      for (const { at } of member.messages) expect(Math.abs(at - before)).toBeLessThan(60_000);
    });

    test('one member reads several topics and makes the missing ones', async () => {
      const { scene } = stage;
      const topics = [`${scene.topic}.a`, `${scene.topic}.b`];
      const member = await scene.join({ topics });
      const producer = await scene.producer();
      await producer.send(topics.map((topic) => ({ ...scene.message('key'), topic })));
      await member.received(2);
      expect(member.messages.map(({ topic }) => topic).sort()).toEqual(topics);
    });

    test('a message reaches an idle member at once', async () => {
      const { scene } = stage;
      const producer = await scene.producerOfTopic();
      const member = await scene.join();
      await producer.send([scene.message('first')]);
      await member.received(1);
      await sleep(1_000);
      const sentAt = performance.now();
      await producer.send([scene.message('second')]);
      await member.received(2);
      expect(performance.now() - sentAt).toBeLessThan(2_000);
    });

    test('batches hold consecutive messages of one partition, no more than asked for', async () => {
      const { scene } = stage;
      const producer = await scene.producerOfTopic();
      await producer.send(scene.rounds(manyKeys, 4));
      const member = await scene.join({ batchSize: 7 });
      await member.received(256);
      for (const { messages, topic, partition } of member.batches) {
        expect(messages.length).toBeGreaterThan(0);
        expect(messages.length).toBeLessThanOrEqual(7);
        const first = messages[0]?.offset ?? NaN;
        expect(messages.map((message) => [message.topic, message.partition, message.offset])).toEqual(
          messages.map((_, index) => [topic, partition, first + index]),
        );
      }
    });

    test('a partition has one batch at a time, partitions run side by side', async () => {
      const { harness, scene } = stage;
      const producer = await scene.producerOfTopic();
      await producer.send(scene.rounds(manyKeys, 4));
      const running = new Map<number, number>();
      let mostInOne = 0;
      let mostPartitions = 0;
      const sideBySide = scene.latch();
      const member = await scene.join({
        batchSize: 5,
        handle: async ({ partition }) => {
          running.set(partition, (running.get(partition) ?? 0) + 1);
          mostInOne = Math.max(mostInOne, running.get(partition) ?? 0);
          mostPartitions = Math.max(mostPartitions, [...running.values()].filter((count) => count > 0).length);
          if (mostPartitions === harness.partitions) sideBySide.open();
          await sideBySide.opened;
          await sleep(2);
          running.set(partition, (running.get(partition) ?? 0) - 1);
        },
      });
      await member.received(256);
      expect(mostInOne).toBe(1);
      expect(mostPartitions).toBe(harness.partitions);
    });

    test('a slow partition does not hold up the others', async () => {
      const { harness, scene } = stage;
      const producer = await scene.producerOfTopic();
      const slow = scene.latch();
      let slowPartition: number | undefined;
      const member = await scene.join({
        handle: async ({ partition }) => {
          slowPartition ??= partition;
          if (partition === slowPartition) await slow.opened;
        },
      });
      const others = () => member.messages.filter(({ partition }) => partition !== slowPartition);
      await producer.send([scene.message('slow')]);
      await member.received(1);
      await producer.send(scene.rounds(manyKeys, 1));
      await until(() => byPartition(others()).size === harness.partitions - 1, 'the other partitions');
      const quick = others()[0]?.key ?? '';
      await producer.send(scene.rounds([quick], 1, 1));
      await until(() => member.values.includes(`${quick}:1`), 'a later message');
      slow.open();
      await member.received(66);
      expect(new Set(member.values).size).toBe(66);
    });
  });
}
