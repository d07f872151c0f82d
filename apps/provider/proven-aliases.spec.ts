import { beforeEach, expect, test } from '@jest/globals';
import { CustomerIdentity } from '#application/customer-identity';
import { InfrastructureError } from '#application/errors';
import type { OutgoingMessage } from '#application/ports/message-queue';
import { readMessage } from '#contracts/read-message';
import { instantOf } from '#domain/time';
import { ProvenAliases } from './proven-aliases.js';

const noon = instantOf(Date.UTC(2026, 4, 4, 12));
const identity = new CustomerIdentity(Buffer.alloc(32, 7));
const queue = {
  sent: [] as OutgoingMessage[],
  isDown: false,
  send: async (messages: readonly OutgoingMessage[]): Promise<void> => {
    if (queue.isDown) throw new InfrastructureError('queue-unavailable', 'The queue is down.');
    queue.sent.push(...messages);
  },
};
/** As the recorder reads them. */
const readings = () =>
  queue.sent.map((message, offset) => readMessage('inbound-messages', { ...message, partition: 0, offset, at: noon }));
let aliases: ProvenAliases;
const brazilian = { account: 'acme', to: { phone: '+5511987654321' }, correlation: 'acme/c1/i1' };

beforeEach(() => {
  Object.assign(queue, { sent: [], isDown: false });
  aliases = new ProvenAliases(identity, queue, { now: () => noon });
});

test('case 24: the number that was given and the one that Meta made of it are one person, both as they are', async () => {
  aliases.learn(brazilian, { phone: '551187654321' });
  await aliases.publish();
  expect(readings()).toMatchObject([
    {
      kind: 'valid',
      type: 'identity',
      data: {
        account: 'acme',
        provider: 'meta',
        customer: { phone: '5511987654321' },
        other: { phone: '551187654321' },
        relation: 'same',
        at: noon,
        reference: 'send/acme/c1/i1',
      },
    },
  ]);
  expect(queue.sent[0]?.key).toBe(`acme.${identity.customerOf('acme', brazilian.to)}`);
});

test('case 23: so are a number and a user id', async () => {
  aliases.learn(brazilian, { phone: '551187654321', userId: 'BR.1' });
  await aliases.publish();
  expect(readings()).toMatchObject([
    { data: { other: { phone: '551187654321' } } },
    { data: { other: { userId: 'BR.1' } } },
  ]);
});

test('what was told is told once, by the same event whoever tells it', async () => {
  aliases.learn(brazilian, { phone: '551187654321' });
  aliases.learn(brazilian, { phone: '551187654321' });
  await aliases.publish();
  aliases.learn(brazilian, { phone: '551187654321' });
  await aliases.publish();
  expect(queue.sent).toHaveLength(1);
  const other = new ProvenAliases(identity, queue, { now: () => noon });
  other.learn({ ...brazilian, correlation: 'acme/c1/i2' }, { phone: '551187654321' });
  await other.publish();
  const [first, second] = queue.sent.map(({ value }): { id: string } => JSON.parse(value ?? ''));
  expect(second?.id).toBe(first?.id);
});

test('what the queue did not take waits for the next time', async () => {
  queue.isDown = true;
  aliases.learn(brazilian, { phone: '551187654321' });
  await expect(aliases.publish()).rejects.toMatchObject({ code: 'queue-unavailable' });
  queue.isDown = false;
  await aliases.publish();
  expect(queue.sent).toHaveLength(1);
});
