import { jest } from '@jest/globals';
import { appendingContract } from './event-store/appending.js';
import type { Disruption, EventStoreHarness } from './event-store/harness.js';
import { readingContract } from './event-store/reading.js';
import { subscribingContract } from './event-store/subscribing.js';

export type { Disruption, EventStoreHarness } from './event-store/harness.js';

/**
 * What every adapter of the `EventStore` port must keep; run by each adapter's spec against its own engine.
 * Tests that need a disruption that the harness cannot make show as skipped.
 */
export const eventStoreContract = (
  name: string,
  open: () => Promise<EventStoreHarness>,
  disruptions: readonly Disruption[] = [],
): void => {
  describe(`event store contract: ${name}`, () => {
    jest.setTimeout(60_000);
    let harness: EventStoreHarness | undefined;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(async () => {
      await harness?.close();
    });
    const opened = (): EventStoreHarness => {
      if (harness === undefined) throw new Error('The store was not opened.');
      return harness;
    };

    test('answers a ping', async () => {
      await expect(opened().store.ping()).resolves.toBeUndefined();
    });
    appendingContract(opened, disruptions);
    readingContract(opened);
    subscribingContract(opened, disruptions);
  });
};
