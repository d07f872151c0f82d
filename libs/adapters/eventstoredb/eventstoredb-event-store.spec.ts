import { eventStoreContract } from '#testing/event-store.contract';
import { startFakeEventStoreDb } from '#testing/eventstoredb/fake-eventstoredb';
import { EventStoreDbEventStore } from './eventstoredb-event-store.js';

eventStoreContract(
  'EventStoreDB',
  async () => {
    const server = await startFakeEventStoreDb();
    const options = { appendTimeoutMs: 1_000, appendConcurrency: 50, warn: () => {} };
    const store = new EventStoreDbEventStore(server.url, options);
    const other = new EventStoreDbEventStore(server.url, options);
    return {
      store,
      other,
      disrupt: async (disruption) => {
        if (disruption === 'lost-reply') server.misbehaviour.nextAppends.push({ kind: 'lose-reply' });
        else await server.restart();
      },
      close: async () => {
        await Promise.all([store.close(), other.close()]);
        await server.stop();
      },
    };
  },
  ['lost-reply', 'cut-connections'],
);
