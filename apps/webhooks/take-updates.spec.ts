import { expect, test } from '@jest/globals';
import { metaUpdates } from '#adapters/meta/webhooks/updates';
import { CustomerIdentity } from '#application/customer-identity';
import { InfrastructureError } from '#application/errors';
import { Clock } from '#application/ports/clock';
import { MessageProducer, type OutgoingMessage } from '#application/ports/message-queue';
import { instantOf } from '#domain/time';
import { PrometheusTelemetry } from '#platform/metrics';
import { TakeUpdates } from './take-updates.js';

class Noon extends Clock {
  now() {
    return instantOf(Date.UTC(2026, 4, 4, 12));
  }
}

class RecordingProducer extends MessageProducer {
  readonly calls: (readonly string[])[] = [];
  isDown = false;
  acknowledged: Promise<void> = Promise.resolve();
  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    await this.acknowledged;
    this.calls.push(messages.map(({ value }) => String(JSON.parse(value ?? '').id)));
    if (this.isDown) throw new InfrastructureError('queue-unavailable', 'The queue is down.');
  }
  async close(): Promise<void> {}
}

const producer = new RecordingProducer();
const updates = new TakeUpdates(
  producer,
  new Noon(),
  new CustomerIdentity(Buffer.alloc(32, 7)),
  new PrometheusTelemetry(),
);
const take = (...ids: readonly string[]): Promise<void> => {
  const statuses = ids.map((id) => ({ id, status: 'read', timestamp: '1777896000' }));
  const changes = [{ field: 'messages', value: { metadata: {}, statuses } }];
  const body = Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', entry: [{ changes }] }));
  return updates.take({ provider: 'meta', account: 'acme', senders: new Map(), body, updatesOf: metaUpdates });
};
const idOf = (id: string): string => `acme/meta/status/${id}/read`;

test('webhooks of one turn go to the queue together, in their order, and those of the next one after them', async () => {
  await Promise.all([take('a', 'b'), take(), take('c')]);
  await take('d');
  expect(producer.calls.splice(0)).toEqual([['a', 'b', 'c'].map(idOf), [idOf('d')]]);
});

test('when the queue is down each of them fails, and the next turn is tried anew', async () => {
  producer.isDown = true;
  const answers = await Promise.allSettled([take('a'), take('b'), take()]);
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  producer.isDown = false;
  await expect(take('a')).resolves.toBeUndefined();
  expect(producer.calls.splice(0)).toEqual([['a', 'b'].map(idOf), [idOf('a')]]);
});

test('beyond 64 MiB that wait for the queue the providers have to wait, until it acknowledges', async () => {
  let acknowledge = (): void => undefined;
  producer.acknowledged = new Promise((resolve) => {
    acknowledge = resolve;
  });
  const body = Buffer.alloc(1024 * 1024, ' ');
  const large = { provider: 'meta', account: 'acme', senders: new Map(), body, updatesOf: metaUpdates } as const;
  const waits = Array.from({ length: 64 }, () => updates.take(large));
  await expect(take('a')).rejects.toMatchObject({ code: 'queue-unavailable' });
  acknowledge();
  await Promise.all(waits);
  await expect(take('a')).resolves.toBeUndefined();
});
