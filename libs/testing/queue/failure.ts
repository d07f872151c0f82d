import { describe, expect, test } from '@jest/globals';
import { MAX_MESSAGE_BYTES } from '#application/ports/message-queue';
import { byPartition, valuesOf } from './grouping.js';
import { manyKeys, type Stage, until } from './scene.js';

/** What happens to messages that could not be handled or sent. */
export function failure(stage: Stage): void {
  describe('failure', () => {
    test('what is finished up to the lowest unfinished message is committed, the rest comes again', async () => {
      const { scene } = stage;
      const producer = await scene.producerOfTopic();
      await producer.send(scene.rounds(['key'], 5));
      const failing = await scene.join({
        handle: (batch) => {
          for (const message of batch.messages) {
            if (['key:0', 'key:1', 'key:3'].includes(message.value ?? '')) batch.finished(message);
          }
          throw new Error('The message 2 cannot be handled.');
        },
      });
      await until(() => failing.batches.length === 3, 'three attempts');
      expect(failing.batches.map(valuesOf)).toEqual([
        ['key:0', 'key:1', 'key:2', 'key:3', 'key:4'],
        ['key:2', 'key:3', 'key:4'],
        ['key:2', 'key:3', 'key:4'],
      ]);
      await failing.stop();
      const next = await scene.join();
      await next.received(3);
      expect(next.values).toEqual(['key:2', 'key:3', 'key:4']);
    });

    test('each pause before another attempt is longer, other partitions go on, later messages wait', async () => {
      const { harness, scene } = stage;
      const producer = await scene.producerOfTopic();
      const attempts: number[] = [];
      let failures = 4;
      const member = await scene.join({
        handle: ({ messages }) => {
          if (messages[0]?.key !== 'poor') return;
          attempts.push(performance.now());
          if (failures-- > 0) throw new Error('Not yet.');
        },
      });
      await producer.send(scene.rounds(['poor'], 1));
      await until(() => attempts.length > 0, 'the first attempt');
      await producer.send(scene.rounds(manyKeys, 1));
      const poor = member.messages[0]?.partition;
      await until(
        () =>
          byPartition(member.messages.filter(({ partition }) => partition !== poor)).size === harness.partitions - 1,
        'the other partitions',
      );
      expect(failures).toBeGreaterThanOrEqual(0);
      await until(() => attempts.length === 5 && new Set(member.values).size === 65, 'everything');
      const [first = 0, second = 0, , fourth = 0, fifth = 0] = attempts;
      expect(second - first).toBeGreaterThan(20);
      expect(fifth - fourth).toBeGreaterThan(second - first);
      expect(attempts).toHaveLength(5);
      expect(member.isDead).toBe(false);
    });

    test('a programming error in the handler does not end the consumer', async () => {
      const { scene } = stage;
      const producer = await scene.producerOfTopic();
      const errors = [new TypeError('undefined is not a function'), new SyntaxError('Unexpected token'), 'no error'];
      const member = await scene.join({
        handle: () => {
          const error = errors.shift();
          if (error !== undefined) throw error;
        },
      });
      await producer.send(scene.rounds(['key'], 2));
      await until(() => errors.length === 0 && member.values.at(-1) === 'key:1', 'the message after all errors');
      await producer.send(scene.rounds(['key'], 1, 2));
      await until(() => member.values.at(-1) === 'key:2', 'a later message');
      expect(member.isDead).toBe(false);
    });

    test('a message that is too large is refused, and nothing of its call is published', async () => {
      const { scene } = stage;
      const producer = await scene.producerOfTopic();
      const tooLarge = scene.message('key', 'ß'.repeat(MAX_MESSAGE_BYTES / 2));
      await expect(producer.send([scene.message('key', 'beside'), tooLarge])).rejects.toMatchObject({
        code: 'message-too-large',
      });
      await producer.send([scene.message('key', 'ß'.repeat(MAX_MESSAGE_BYTES / 2 - 3))]);
      await producer.send([scene.message('key', 'after')]);
      const member = await scene.join();
      await member.received(2);
      expect(member.values.map((value) => value?.slice(0, 5))).toEqual(['ßßßßß', 'after']);
    });
  });
}
