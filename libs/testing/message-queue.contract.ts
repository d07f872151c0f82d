import { afterAll, afterEach, beforeAll, beforeEach, describe, jest } from '@jest/globals';
import { delivery } from './queue/delivery.js';
import { failure } from './queue/failure.js';
import { groups } from './queue/groups.js';
import { producing } from './queue/producing.js';
import { type QueueHarness, Scene } from './queue/scene.js';

/** What every message queue has to do. Topics and groups have random names: the suite can run on a shared engine. */
export function messageQueueContract(name: string, open: () => Promise<QueueHarness>): void {
  describe(`${name} as a message queue`, () => {
    let harness: QueueHarness;
    let scene: Scene;
    const stage = {
      get harness() {
        return harness;
      },
      get scene() {
        return scene;
      },
    };

    jest.setTimeout(60_000);
    beforeAll(async () => {
      harness = await open();
    }, 180_000);
    afterAll(() => harness.close());
    beforeEach(() => {
      scene = new Scene(harness);
    });
    afterEach(() => scene.close());

    delivery(stage);
    failure(stage);
    groups(stage);
    producing(stage);
  });
}
