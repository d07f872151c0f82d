import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { EventStoreDbEventStore } from '#adapters/eventstoredb/eventstoredb-event-store';
import { openDatabase } from '#adapters/postgres/open-database';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { InfrastructureError } from '#application/errors';
import type { Clock } from '#application/ports/clock';
import type { EventStore } from '#application/ports/event-store';

export interface OpenStore {
  readonly store: EventStore;
  /** Whether the store takes the time of recording from our clock. */
  readonly usesClock: boolean;
  close(): Promise<void>;
}

const PGLITE = 'pglite:';

/**
 * @param url `esdb://…`, `postgres://…`, `pglite:<folder>`, or a folder
 * @param isRead a folder must be there already: reading never makes an empty store of a mistyped name
 * @throws InfrastructureError `not-found`, `database-locked`, `config-invalid`, `database-unavailable`
 */
export const openStore = async (url: string, clock: Clock, isRead: boolean): Promise<OpenStore> => {
  if (url.startsWith('esdb')) {
    const store = new EventStoreDbEventStore(url);
    return { store, usesClock: false, close: () => store.close() };
  }
  const isServer = /^postgres(ql)?:\/\//.test(url);
  const name = isServer ? url : resolve(url.startsWith(PGLITE) ? url.slice(PGLITE.length) : url);
  if (isRead && !isServer && !existsSync(name)) {
    throw new InfrastructureError('not-found', `There is no event store in ${name}. Name the folder of one.`);
  }
  const database = await openDatabase(name);
  const store = new PostgresEventStore(database, clock);
  return {
    store,
    usesClock: true,
    close: async () => {
      await store.close();
      await database.close();
    },
  };
};
