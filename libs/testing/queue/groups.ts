import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { byPartition, valuesOf } from './grouping.js';
import { manyKeys, type Stage, until } from './scene.js';

/** How the members of a group share the partitions and remember their offsets. */
export function groups(stage: Stage): void {
  describe('groups', () => {
    test('a group goes on where it stopped', async () => {
      const { scene } = stage;
      const producer = await scene.producerOfTopic();
      await producer.send(scene.rounds(manyKeys, 1));
      const first = await scene.join();
      await first.received(64);
      await first.stop();
      await producer.send(scene.rounds(manyKeys, 1, 1));
      const second = await scene.join();
      await second.received(64);
      await second.stop();
      expect(second.values.every((value) => value?.endsWith(':1'))).toBe(true);
      expect(new Set([...first.values, ...second.values]).size).toBe(128);
    });

    test('stopping lets the running batch end and commits it', async () => {
      const { scene } = stage;
      const producer = await scene.producerOfTopic();
      await producer.send(scene.rounds(['key'], 3));
      const slow = scene.latch();
      let ended = false;
      const first = await scene.join({
        batchSize: 2,
        handle: async () => {
          await slow.opened;
          ended = true;
        },
      });
      await first.received(2);
      const stopped = first.stop();
      await sleep(100);
      expect(ended).toBe(false);
      slow.open();
      await stopped;
      expect(ended).toBe(true);
      expect(first.values).toEqual(['key:0', 'key:1']);
      const second = await scene.join();
      await second.received(1);
      expect(second.values).toEqual(['key:2']);
    });

    test('each group starts at the earliest message', async () => {
      const { scene } = stage;
      const producer = await scene.producerOfTopic();
      await producer.send(scene.rounds(['key'], 3));
      for (const group of ['a', 'b']) {
        const member = await scene.join({ group: `${scene.group}.${group}` });
        await member.received(3);
        expect(member.values).toEqual(['key:0', 'key:1', 'key:2']);
      }
    });

    test('`earliest` reads everything each time, and every member alone', async () => {
      const { scene } = stage;
      const producer = await scene.producerOfTopic();
      await producer.send(scene.rounds(manyKeys, 1));
      for (const _ of ['first time', 'second time']) {
        const members = await Promise.all([scene.join({ from: 'earliest' }), scene.join({ from: 'earliest' })]);
        for (const member of members) {
          await member.received(64);
          expect(new Set(member.values).size).toBe(64);
        }
        await Promise.all(members.map((member) => member.stop()));
      }
      const grouped = await scene.join();
      await grouped.received(64);
    });

    test('members share the partitions, each message goes to one of them', async () => {
      const { harness, scene } = stage;
      const producer = await scene.producerOfTopic();
      const members = [await scene.join(), await scene.join()];
      let round = 0;
      const both = () => members.every(({ messages }) => messages.length > 0);
      for (; !both(); round += 1) {
        await producer.send(scene.rounds(manyKeys, 1, round));
        const total = 64 * (round + 1);
        await until(() => new Set(members.flatMap(({ values }) => values)).size === total, `round ${round}`);
        await sleep(50);
      }
      const before = members.map(({ messages }) => messages.length);
      await producer.send(scene.rounds(manyKeys, 3, round));
      await until(
        () => new Set(members.flatMap(({ values }) => values)).size === 64 * (round + 3),
        'the last rounds, none missing',
      );
      const shares = members.map(({ messages }, index) => byPartition(messages.slice(before[index])));
      const partitions = shares.flatMap((share) => [...share.keys()]);
      expect(partitions.sort()).toEqual(Array.from({ length: harness.partitions }, (_, index) => index));
      for (const share of shares) expect(share.size).toBeGreaterThan(0);
    });

    test('what a crashed member had not finished comes to another one', async () => {
      const { harness, scene } = stage;
      const producer = await scene.producerOfTopic();
      await producer.send(scene.rounds(['key'], 4));
      const late = scene.latch();
      const queue = await scene.queue();
      const crashed = await scene.join(
        { batchSize: 2, handle: (batch) => (valuesOf(batch)[0] === 'key:2' ? late.opened : undefined) },
        queue,
      );
      await crashed.received(4);
      await harness.crash(queue);
      const heir = await scene.join();
      await heir.received(2);
      late.open();
      await producer.send(scene.rounds(['key'], 1, 4));
      await heir.received(3);
      expect(heir.values).toEqual(['key:2', 'key:3', 'key:4']);
    });

    test('a batch aborts when its partition goes to another member, and commits nothing any more', async () => {
      const { harness, scene } = stage;
      const producer = await scene.producerOfTopic();
      await producer.send(scene.rounds(manyKeys, 1));
      const late = scene.latch();
      const slow = await scene.join({ handle: () => late.opened });
      await until(() => byPartition(slow.messages).size === harness.partitions, 'a batch of each partition');
      expect(slow.batches.some(({ signal }) => signal.aborted)).toBe(false);

      const owner = await scene.join();
      await until(() => owner.messages.length > 0, 'a partition for the new member');
      const moved = owner.messages[0];
      if (moved === undefined) throw new Error('Nothing moved.');
      const { key, partition } = moved;
      expect(slow.batches.find((batch) => batch.partition === partition)?.signal.aborted).toBe(true);
      await producer.send(scene.rounds([key], 1, 1));
      await until(() => owner.values.includes(`${key}:1`), 'a later message for the new member');
      await owner.stop();
      late.open();
      await slow.stop();

      await producer.send(scene.rounds([key], 1, 2));
      const next = await scene.join();
      await until(() => next.values.includes(`${key}:2`), 'the last message');
      const again = next.messages.filter((message) => message.partition === partition).map(({ value }) => value);
      expect(again).toEqual([`${key}:2`]);
    });
  });
}
