import { eventStoreContract } from '#testing/event-store.contract';
import { testIf } from '#testing/event-store/harness';
import { EventStoreDbEventStore } from './eventstoredb-event-store.js';

// Against a real server, for example one started by
//   docker run -p 2113:2113 eventstore/eventstore:24.10 --insecure --mem-db
// and named by TIDEGATE_TEST_EVENTSTORE=esdb://127.0.0.1:2113?tls=false
const url = process.env['TIDEGATE_TEST_EVENTSTORE'];

if (url === undefined || url === '') {
  const reason = 'TIDEGATE_TEST_EVENTSTORE names no server (esdb://…)';
  process.stderr.write(`\nSKIPPED: the event store contract against a real EventStoreDB, because ${reason}.\n`);
  testIf(false)(`event store contract: a real EventStoreDB (skipped: ${reason})`, () => {});
} else {
  eventStoreContract('a real EventStoreDB', async () => {
    const store = new EventStoreDbEventStore(url);
    const other = new EventStoreDbEventStore(url);
    return {
      store,
      other,
      close: async () => {
        await Promise.all([store.close(), other.close()]);
      },
    };
  });
}
