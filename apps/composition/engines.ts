import { EmbeddedQueue } from '#adapters/postgres/embedded-queue';
import { openDatabase } from '#adapters/postgres/open-database';
import { PostgresAnalytics } from '#adapters/postgres/postgres-analytics';
import { PostgresAnalyticsStore } from '#adapters/postgres/postgres-analytics-store';
import { PostgresApiKeys } from '#adapters/postgres/postgres-api-keys';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { PostgresParking } from '#adapters/postgres/postgres-parking';
import { PostgresProjectionStore } from '#adapters/postgres/postgres-projection-store';
import { PostgresReadModel } from '#adapters/postgres/postgres-read-model';
import { CustomerIdentity } from '#application/customer-identity';
import type { Analytics, AnalyticsStore } from '#application/ports/analytics';
import type { ApiKeys } from '#application/ports/api-keys';
import { Clock } from '#application/ports/clock';
import type { EventStore } from '#application/ports/event-store';
import { MessageProducer, type MessageQueue } from '#application/ports/message-queue';
import type { Parking } from '#application/ports/parking';
import type { ProjectionStore, ReadModel } from '#application/ports/read-model';
import { Telemetry } from '#application/ports/telemetry';
import { compactedTopics, outboundTopics, topicName } from '#contracts/topics';
import type { Config } from '#platform/config';
import type { Provider } from '@nestjs/common';
import type { Logger } from 'pino';

/** The engines behind the ports, chosen by URL: the same code for all (architecture §2). */
export interface Engines {
  readonly clock: Clock;
  readonly store: EventStore;
  readonly queue: MessageQueue;
  readonly producer: MessageProducer;
  readonly readModel: ReadModel;
  readonly views: ProjectionStore;
  readonly analyticsStore: AnalyticsStore;
  readonly analytics: Analytics;
  readonly apiKeys: ApiKeys;
  readonly parking: Parking;
  readonly identity: CustomerIdentity;
  readonly telemetry: Telemetry;
  readonly batchSize: number;
  /** In the opposite order of opening. */
  close(): Promise<void>;
}

// Loaded where they are used: the embedded default starts sooner without their clients, and in less memory.
const eventStoreDb = async (url: string): Promise<EventStore & { close(): Promise<void> }> => {
  const { EventStoreDbEventStore } = await import('#adapters/eventstoredb/eventstoredb-event-store');
  return new EventStoreDbEventStore(url);
};
const kafka = async (url: string, logger: Logger): Promise<MessageQueue> => {
  const { KafkaQueue } = await import('#adapters/kafka/kafka-queue');
  return new KafkaQueue(url, { log: (level, message, fields) => logger[level](fields, message) });
};

/** @throws InfrastructureError when an engine is not there, or is held by another process */
export const openEngines = async (
  config: Config,
  clock: Clock,
  telemetry: Telemetry,
  logger: Logger,
): Promise<Engines> => {
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const engine of opened.toReversed()) await engine.close();
  };
  const keep = <Engine extends { close(): Promise<void> }>(engine: Engine): Engine => {
    opened.push(engine);
    return engine;
  };
  try {
    const database = keep(await openDatabase(config.database.url));
    // An embedded database is in this process: reading from it is cheap, and memory is short.
    const recentBytes = config.eventStore.url.startsWith('postgres') ? undefined : 0;
    const store =
      config.eventStore.kind === 'eventstoredb'
        ? keep(await eventStoreDb(config.eventStore.url))
        : keep(new PostgresEventStore(keep(await openDatabase(config.eventStore.url)), clock, recentBytes));
    const queue =
      config.queue.kind === 'kafka'
        ? keep(await kafka(config.queue.url, logger))
        : keep(new EmbeddedQueue(keep(await openDatabase(config.queue.url)), clock));
    // Consumers create what they read; nobody else creates what is only written.
    await queue.createTopics(outboundTopics.filter((topic) => !compactedTopics.includes(topic)).map(topicName));
    await queue.createTopics(compactedTopics.map(topicName), { compacted: true });
    return {
      clock,
      store,
      queue,
      producer: keep(await queue.producer()),
      readModel: new PostgresReadModel(database),
      views: new PostgresProjectionStore(database),
      analyticsStore: new PostgresAnalyticsStore(database),
      analytics: new PostgresAnalytics(database),
      apiKeys: new PostgresApiKeys(database),
      parking: new PostgresParking(database),
      identity: new CustomerIdentity(config.identityKey),
      telemetry,
      batchSize: config.batchSize,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

/** The ports as what Nest injects: the abstract class is the token. */
export const enginesAsProviders = ({ clock, identity, producer, telemetry }: Engines): Provider[] => [
  { provide: Clock, useValue: clock },
  { provide: CustomerIdentity, useValue: identity },
  { provide: MessageProducer, useValue: producer },
  { provide: Telemetry, useValue: telemetry },
];
