import { join, resolve } from 'node:path';
import {
  type ApiKeyMode,
  type ClockKind,
  type LogLevel,
  parseEnvironment,
  PGLITE,
  SANDBOX,
  type Variables,
} from './environment.js';
import { embeddedIdentityKey } from './identity-key.js';

/** `url` for `openDatabase`: `postgres://…`, or the absolute path of an embedded database's folder. */
export interface DatabaseEngine {
  readonly kind: 'database';
  readonly url: string;
}
export interface EventStoreDbEngine {
  readonly kind: 'eventstoredb';
  readonly url: string;
}
export interface KafkaEngine {
  readonly kind: 'kafka';
  readonly url: string;
}

export interface Config {
  /** Absolute. */
  readonly dataFolder: string;
  readonly database: DatabaseEngine;
  readonly eventStore: DatabaseEngine | EventStoreDbEngine;
  readonly queue: DatabaseEngine | KafkaEngine;
  /** Absolute path of the settings of the real providers; undefined: the sandbox. */
  readonly provider: string | undefined;
  /** Options of the sandbox as its adapter reads them. */
  readonly sandbox: string | undefined;
  /** Absolute path of the settings of webhooks. */
  readonly webhooks: string | undefined;
  /** At least 32 bytes. */
  readonly identityKey: Buffer;
  readonly http: { readonly host: string; readonly port: number };
  readonly apiKeys: ApiKeyMode;
  readonly logLevel: LogLevel;
  readonly clock: ClockKind;
  readonly batchSize: number;
}

const databaseOf = (url: string): DatabaseEngine => ({
  kind: 'database',
  url: url.startsWith(PGLITE) ? resolve(url.slice(PGLITE.length)) : url,
});

/**
 * The configuration from environment variables (see `.env.example`). Makes the identity key of an embedded
 * installation when it starts for the first time.
 * @throws InfrastructureError `config-invalid`, naming all variables at fault, each with its remedy
 */
export const loadConfig = async (variables: Variables): Promise<Config> => {
  const environment = parseEnvironment(variables);
  const dataFolder = resolve(environment.TIDEGATE_DATA);
  const database = databaseOf(environment.TIDEGATE_DATABASE ?? `${PGLITE}${join(dataFolder, 'database')}`);
  const eventStore = eventStoreOf(environment.TIDEGATE_EVENT_STORE, database);
  const queue: Config['queue'] =
    environment.TIDEGATE_QUEUE === undefined ? database : { kind: 'kafka', url: environment.TIDEGATE_QUEUE };
  return {
    dataFolder,
    database,
    eventStore,
    queue,
    provider: environment.TIDEGATE_PROVIDER === SANDBOX ? undefined : resolve(environment.TIDEGATE_PROVIDER),
    sandbox: environment.TIDEGATE_SANDBOX,
    webhooks: environment.TIDEGATE_WEBHOOKS === undefined ? undefined : resolve(environment.TIDEGATE_WEBHOOKS),
    identityKey: await identityKeyOf(environment.TIDEGATE_IDENTITY_KEY, dataFolder, [database.url, eventStore.url]),
    http: { host: environment.TIDEGATE_HTTP_HOST, port: environment.TIDEGATE_HTTP_PORT },
    apiKeys: environment.TIDEGATE_API_KEYS,
    logLevel: environment.TIDEGATE_LOG_LEVEL,
    clock: environment.TIDEGATE_CLOCK,
    batchSize: environment.TIDEGATE_BATCH_SIZE,
  };
};

const eventStoreOf = (url: string | undefined, database: DatabaseEngine): Config['eventStore'] => {
  // Not in the data folder as such: the truth would stay behind on one machine, unseen, when only the database moved.
  if (url === undefined) return database;
  return url.startsWith('esdb') ? { kind: 'eventstoredb', url } : databaseOf(url);
};

// Without a key in the environment all engines are embedded: parseEnvironment saw to that.
const identityKeyOf = async (
  hex: string | undefined,
  dataFolder: string,
  folders: readonly string[],
): Promise<Buffer> => (hex === undefined ? embeddedIdentityKey(dataFolder, folders) : Buffer.from(hex, 'hex'));
