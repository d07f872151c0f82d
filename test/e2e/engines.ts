import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { KafkaQueue } from '#adapters/kafka/kafka-queue';
import { EmbeddedQueue } from '#adapters/postgres/embedded-queue';
import { openDatabase } from '#adapters/postgres/open-database';
import type { Database } from '#adapters/postgres/database';
import type { OutgoingMessage } from '#application/ports/message-queue';
import { inboundTopics, topicName } from '#contracts/topics';
import { SystemClock } from '#platform/clock';
import { startPostgres } from '#testing/postgres';
import { startBroker } from '../../deploy/kafka/broker.js';
import type { AppName } from '../processes/app-process.js';

export const engineNames = ['embedded', 'kafka'] as const;
export type EngineName = (typeof engineNames)[number];

/** What a whole gate runs on, and what it is run as. */
export interface Engines {
  readonly apps: readonly AppName[];
  /** Answers the HTTP API. */
  readonly api: AppName;
  readonly environment: Readonly<Record<string, string>>;
  /** Its database is locked while it runs. */
  readonly isExclusive: boolean;
  openDatabase(): Promise<Database>;
  /** As an operator would, before the gate runs. */
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
  stop(): Promise<void>;
}

const embedded = async (folder: string): Promise<Engines> => {
  const data = join(folder, 'data');
  const databaseOf = () => openDatabase(join(data, 'database'));
  return {
    apps: ['standalone'],
    api: 'standalone',
    environment: { TIDEGATE_DATA: data },
    isExclusive: true,
    openDatabase: databaseOf,
    publish: async (messages) => {
      const database = await databaseOf();
      const queue = new EmbeddedQueue(database, new SystemClock());
      await queue.createTopics(inboundTopics.map(topicName));
      const producer = await queue.producer();
      await producer.send(messages);
      await producer.close();
      await queue.close();
      await database.close();
    },
    stop: () => Promise.resolve(),
  };
};

const kafka = async (folder: string): Promise<Engines> => {
  const [broker, postgres] = await Promise.all([startBroker({ folder: join(folder, 'kafka') }), startPostgres()]);
  const url = await postgres.createDatabase();
  // A killed member is missed sooner.
  const queueUrl = `${broker.url}?sessionTimeoutMs=6000&deadAfterMs=60000`;
  const data = join(folder, 'data');
  await mkdir(data, { recursive: true });
  return {
    apps: ['webhooks', 'recorder', 'dispatcher', 'projector', 'provider', 'insights'],
    api: 'insights',
    environment: { TIDEGATE_DATA: data, TIDEGATE_DATABASE: url, TIDEGATE_QUEUE: queueUrl },
    isExclusive: false,
    openDatabase: () => openDatabase(url),
    publish: async (messages) => {
      const queue = new KafkaQueue(queueUrl, { log: () => undefined });
      await queue.createTopics(inboundTopics.map(topicName));
      const producer = await queue.producer();
      await producer.send(messages);
      await queue.close();
    },
    stop: async () => {
      await postgres.stop();
      await broker.stop();
    },
  };
};

/** The embedded default in one process, or Kafka and Postgres with an app each. */
export const startEngines = (name: EngineName, folder: string): Promise<Engines> =>
  name === 'embedded' ? embedded(folder) : kafka(folder);
