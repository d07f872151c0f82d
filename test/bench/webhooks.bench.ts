// How many signed updates a second one process takes in, and how long the providers wait for their 200.
// Run: npm run build && node dist/test/bench/webhooks.bench.js [--queue none|embedded|kafka://…] [--rate 1500] [--seconds 10] [--json]
// The server is a process of its own. The load is an open loop: it does not slow down when the server does, and a
// latency counts from when its request was due.

import { fork, type ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { KafkaQueue } from '#adapters/kafka/kafka-queue';
import { EmbeddedQueue } from '#adapters/postgres/embedded-queue';
import { openDatabase } from '#adapters/postgres/open-database';
import { parseSettings } from '#apps/webhooks/settings';
import { setupWebhooks } from '#apps/webhooks/setup';
import { WebhooksModule } from '#apps/webhooks/webhooks.module';
import { CustomerIdentity } from '#application/customer-identity';
import { MessageProducer, type OutgoingMessage } from '#application/ports/message-queue';
import { inboundTopics, outboundTopics, topicName } from '#contracts/topics';
import { SystemClock } from '#platform/clock';
import { PrometheusTelemetry } from '#platform/metrics';

const SECRET = 'a-secret-of-the-bench';
const CUSTOMERS = 10_000;

const { values: options } = parseArgs({
  options: {
    queue: { type: 'string', default: 'none' },
    rate: { type: 'string', default: '1500' },
    seconds: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
    serve: { type: 'boolean', default: false },
  },
});

interface Served {
  readonly url?: string;
  readonly cpuMs?: number;
  readonly messages?: number;
}

class CountingProducer extends MessageProducer {
  messages = 0;
  constructor(private readonly next?: MessageProducer) {
    super();
  }
  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    await this.next?.send(messages);
    this.messages += messages.length;
  }
  async close(): Promise<void> {
    await this.next?.close();
  }
}

const openProducer = async (folder: string): Promise<CountingProducer> => {
  if (options.queue === 'none') return new CountingProducer();
  const queue =
    options.queue === 'embedded'
      ? new EmbeddedQueue(await openDatabase(folder), new SystemClock())
      : new KafkaQueue(options.queue, { log: () => undefined });
  await queue.createTopics([...inboundTopics, ...outboundTopics].map(topicName));
  return new CountingProducer(await queue.producer());
};

const serve = async (): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'));
  const producer = await openProducer(folder);
  const module = WebhooksModule.register({
    producer,
    clock: new SystemClock(),
    identity: new CustomerIdentity(Buffer.alloc(32, 7)),
    telemetry: new PrometheusTelemetry(),
    settings: parseSettings({
      accounts: {
        bench: {
          sinch: { secrets: [SECRET], sender: '15550783881' },
          meta: { secrets: [SECRET], verifyToken: 'verify-me' },
        },
      },
    }),
    refused: (refusal) => console.error(refusal),
  });
  const app = await NestFactory.create<NestExpressApplication>(module, { logger: false, bodyParser: false });
  setupWebhooks(app, (error) => console.error(error));
  await app.listen(0, '127.0.0.1');
  const tell = (served: Served): void => void process.send?.(served);
  process.on('message', (message) => {
    const { user, system } = process.cpuUsage();
    if (message === 'count') tell({ cpuMs: (user + system) / 1_000, messages: producer.messages });
    else void rm(folder, { recursive: true, force: true }).then(() => process.exit());
  });
  tell({ url: await app.getUrl() });
};

interface Prepared {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

const now = (): number => Math.floor(Date.now() / 1_000);
const phoneOf = (n: number): string => `49170${String(1_000_000 + (n % CUSTOMERS))}`;

const metaItem = (n: number): object =>
  n % 4 === 1
    ? {
        messages: [
          {
            from: phoneOf(n),
            id: `wamid.in.${n}`,
            timestamp: String(now()),
            type: 'text',
            text: { body: 'Wo ist mein Paket? 🌊' },
          },
        ],
      }
    : {
        statuses: [
          {
            id: `wamid.out.${n}`,
            status: 'delivered',
            timestamp: String(now()),
            recipient_id: phoneOf(n),
            biz_opaque_callback_data: `bench/k${n}/order-${n}`,
          },
        ],
      };

const metaWebhook = (values: readonly object[]): Prepared => {
  const metadata = { display_phone_number: '15550783881', phone_number_id: '106540352242922' };
  const body = JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [
      {
        id: '102290129340398',
        time: now(),
        changes: values.map((value) => ({
          field: 'messages',
          value: { messaging_product: 'whatsapp', metadata, ...value },
        })),
      },
    ],
  }).replaceAll(/[\u0080-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const signature = createHmac('sha256', SECRET).update(body).digest('hex');
  return {
    path: '/webhooks/meta/bench',
    headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` },
    body: Buffer.from(body),
  };
};

const sinchWebhook = (n: number): Prepared => {
  const time = new Date().toISOString();
  const body = JSON.stringify({
    app_id: '01EB37HMH1M6SV18ASNS3G135H',
    project_id: 'c36f3a3d-1513-4edd-ae42-11995557ff61',
    accepted_time: time,
    event_time: time,
    message: {
      id: `01MSG${n}`,
      direction: 'TO_APP',
      contact_message: { text_message: { text: 'Wo ist mein Paket? 🌊' } },
      channel_identity: { channel: 'WHATSAPP', identity: phoneOf(n), app_id: '01EB37HMH1M6SV18ASNS3G135H' },
      processing_mode: 'DISPATCH',
    },
  });
  const [nonce, timestamp] = [`n-${process.pid}-${n}`, String(now())];
  return {
    path: '/webhooks/sinch/bench',
    headers: {
      'content-type': 'application/json',
      'x-sinch-webhook-signature': createHmac('sha256', SECRET)
        .update(`${body}.${nonce}.${timestamp}`)
        .digest('base64'),
      'x-sinch-webhook-signature-nonce': nonce,
      'x-sinch-webhook-signature-timestamp': timestamp,
      'x-sinch-webhook-signature-algorithm': 'HmacSHA256',
    },
    body: Buffer.from(body),
  };
};

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

const post = (url: string, { path, headers, body }: Prepared): Promise<void> =>
  new Promise((resolve, reject) => {
    const sending = request(url + path, {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': body.length },
    });
    sending.once('error', reject).once('response', (response) => {
      response.resume().once('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${path} was answered ${response.statusCode}.`));
      });
    });
    sending.end(body);
  });

const ask = (server: ChildProcess): Promise<Served> =>
  new Promise((resolve) => {
    server.once('message', resolve);
    server.send('count');
  });

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

/** Single-update webhooks at a rate, half of them by Sinch. */
const load = async (server: ChildProcess, url: string, rate: number, seconds: number, from: number) => {
  const prepared = Array.from({ length: rate * seconds }, (_, n) =>
    n % 2 === 0 ? sinchWebhook(from + n) : metaWebhook([metaItem(from + n)]),
  );
  const before = await ask(server);
  const startedAt = performance.now();
  const answers: Promise<number>[] = [];
  while (answers.length < prepared.length) {
    const due = ((performance.now() - startedAt) * rate) / 1_000;
    while (answers.length < Math.min(due, prepared.length)) {
      const webhook = prepared[answers.length];
      const dueAt = startedAt + (answers.length * 1_000) / rate;
      if (webhook) answers.push(post(url, webhook).then(() => performance.now() - dueAt));
    }
    await pause(1);
  }
  const latencies = (await Promise.all(answers)).toSorted((a, b) => a - b);
  const tookMs = performance.now() - startedAt;
  const after = await ask(server);
  const cpuMs = (after.cpuMs ?? 0) - (before.cpuMs ?? 0);
  return {
    rate,
    perSecond: Math.round((latencies.length * 1_000) / tookMs),
    perCpuSecond: Math.round((latencies.length * 1_000) / cpuMs),
    p50Ms: Math.round(percentile(latencies, 0.5) * 10) / 10,
    p99Ms: Math.round(percentile(latencies, 0.99) * 10) / 10,
  };
};

/** Webhooks of 1,000 updates, one after the other. */
const batches = async (url: string, from: number) => {
  const took: number[] = [];
  for (let batch = 0; batch < 10; batch += 1) {
    const webhook = metaWebhook(Array.from({ length: 1_000 }, (_, n) => metaItem(from + batch * 1_000 + n)));
    const startedAt = performance.now();
    await post(url, webhook);
    took.push(performance.now() - startedAt);
  }
  const sorted = took.toSorted((a, b) => a - b);
  return { medianMs: Math.round(percentile(sorted, 0.5)), worstMs: Math.round(percentile(sorted, 1)) };
};

const measure = async (): Promise<void> => {
  const server = fork(fileURLToPath(import.meta.url), ['--serve', '--queue', options.queue]);
  const { url = '' } = await new Promise<Served>((resolve) => server.once('message', resolve));
  const [rate, seconds] = [Number(options.rate), Number(options.seconds)];
  await load(server, url, 1_000, 3, 0); // warms up
  const half = await load(server, url, rate, seconds, 1_000_000);
  const full = await load(server, url, rate * 2, seconds, 2_000_000);
  // More than it can do: what comes through is all that it can.
  const most = await load(server, url, rate * 6, Math.ceil(seconds / 3), 3_000_000);
  const thousand = await batches(url, 4_000_000);
  const { messages } = await ask(server);
  const result = {
    bench: 'webhooks',
    node: process.version,
    queue: options.queue,
    goalPerSecond: 3_000,
    half,
    full,
    most,
    thousand,
    messages,
  };
  if (options.json) {
    console.log(JSON.stringify(result));
  } else {
    for (const { rate: asked, perSecond, perCpuSecond, p50Ms, p99Ms } of [half, full, most]) {
      console.log(
        `asked ${asked}/s: ${perSecond} updates/s, ${perCpuSecond} per CPU second; p50 ${p50Ms} ms, p99 ${p99Ms} ms`,
      );
    }
    console.log(`1,000 updates in one webhook: ${thousand.medianMs} ms, at worst ${thousand.worstMs} ms`);
  }
  server.send('stop');
  agent.destroy();
};

await (options.serve ? serve() : measure());
