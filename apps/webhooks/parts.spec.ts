import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EmbeddedQueue } from '#adapters/postgres/embedded-queue';
import { memoryDatabase } from '#adapters/postgres/memory-database';
import { prepare } from '#adapters/postgres/open-database';
import type { Engines } from '#apps/composition/engines';
import type { PgliteDatabase } from '#adapters/postgres/pglite-database';
import { CustomerIdentity } from '#application/customer-identity';
import { inboundTopics, outboundTopics, topicName } from '#contracts/topics';
import { SystemClock } from '#platform/clock';
import type { Part } from '#platform/lifecycle';
import { createLogger } from '#platform/logging';
import { PrometheusTelemetry } from '#platform/metrics';
import { webhooksParts } from './parts.js';
import { parseSettings } from './settings.js';

const secret = 'a-secret-of-acme';
const lines: string[] = [];
const clock = new SystemClock();
let database: PgliteDatabase;
let queue: EmbeddedQueue;
let parts: readonly Part[] = [];

const webhookOf = async () => {
  const { url }: { url: string } = JSON.parse(lines.find((line) => line.includes('listening for webhooks')) ?? '{}');
  const value = {
    metadata: { display_phone_number: '15550783881' },
    messages: [{ from: '4915112345678', id: 'wamid.1', timestamp: '1777896000', type: 'text', text: { body: 'Ahoi' } }],
  };
  const body = JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: '1', time: 1, changes: [{ field: 'messages', value }] }],
  });
  return { url: `${url}/webhooks/meta/acme`, body };
};

beforeAll(async () => {
  database = await memoryDatabase();
  await prepare(database);
  queue = new EmbeddedQueue(database, clock);
  await queue.createTopics([...inboundTopics, ...outboundTopics].map(topicName));
  const engines: Pick<Engines, 'producer' | 'clock' | 'identity' | 'telemetry'> = {
    producer: await queue.producer(),
    clock,
    identity: new CustomerIdentity(Buffer.alloc(32, 7)),
    telemetry: new PrometheusTelemetry(),
  };
  const settings = parseSettings({
    listen: { port: 0 },
    accounts: { acme: { meta: { secrets: [secret], verifyToken: 'verify-me' } } },
  });
  const logger = createLogger({ level: 'info', app: 'test', destination: { write: (line) => void lines.push(line) } });
  parts = webhooksParts(engines, settings, logger);
  for (const part of parts) await part.start(() => undefined);
});
afterAll(async () => {
  for (const part of parts) await part.stop();
  await queue.close();
  await database.close();
});

test('a webhook that was answered 200 is on the topic of the queue', async () => {
  const { url, body } = await webhookOf();
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  const { status } = await fetch(url, { method: 'POST', body, headers: { 'x-hub-signature-256': signature } });
  expect(status).toBe(200);
  const consumer = queue.consumer({ group: 'test', batchSize: 10 });
  const value = await new Promise<string | null>((resolve, reject) => {
    consumer
      .start([topicName('inbound-messages')], async ({ messages }) =>
        messages.forEach((message) => resolve(message.value)),
      )
      .catch(reject);
  });
  await consumer.stop();
  expect(JSON.parse(value ?? '')).toMatchObject({ data: { messageId: 'wamid.1', text: 'Ahoi' } });
});

test('case 38: what was refused leaves its reason in the log, and nothing of what it said', async () => {
  const { url, body } = await webhookOf();
  const { status } = await fetch(url, { method: 'POST', body, headers: { 'x-hub-signature-256': 'sha256=00' } });
  expect(status).toBe(401);
  const refused = lines.filter((line) => line.includes('webhook refused')).map((line): unknown => JSON.parse(line));
  expect(refused).toMatchObject([{ level: 'warn', provider: 'meta', account: 'acme', reason: 'signature' }]);
  expect(lines.join('')).not.toMatch(/Ahoi|wamid|12345678|a-secret|verify-me/);
});
