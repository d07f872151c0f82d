import type { Logger } from 'pino';
import type { Engines } from '#apps/composition/engines';
import { followerPart, microservicePart } from '#apps/composition/parts';
import { Customers } from '#application/customers';
import { DecideIntents } from '#application/decide-intents';
import { Directory } from '#application/directory';
import { Publish } from '#application/publish';
import type { Part } from '#platform/lifecycle';
import { runLoop } from '#platform/loops';
import { DispatcherModule } from './dispatcher.module.js';
import { messagesOf } from './published.js';

const RELEASE_EVERY_MS = 200;
const RELEASE_AT_ONCE = 500;

/** Decides intents, releases those that are held, and publishes what was decided. */
export const dispatcherParts = (engines: Engines, logger: Logger): Part[] => {
  const { store, readModel, views, producer, clock, telemetry } = engines;
  const directory = new Directory(store, readModel);
  const customers = new Customers(store, readModel, (streams) => telemetry.conflicted(streams));
  const decideIntents = new DecideIntents(customers, directory, readModel, clock);
  return [
    followerPart('dispatcher directory', (signal, ready) => directory.follow(signal, ready)),
    followerPart('publisher', async (signal, ready) => {
      ready();
      await new Publish(store, views, producer, messagesOf).follow(signal);
    }),
    followerPart('releaser', async (signal, ready) => {
      ready();
      await runLoop({
        name: 'releaser',
        everyMs: RELEASE_EVERY_MS,
        signal,
        failed: ({ name, error, pauseMs }) => logger.warn({ err: error, pauseMs }, `${name} failed and tries again`),
        // Level-triggered: whoever is due is looked at until the projection shows that nothing is left to do (ADR 0006).
        run: async () => {
          const due = await readModel.awake(['held'], clock.now(), RELEASE_AT_ONCE);
          return due.length > 0 && (await decideIntents.release(due)) === RELEASE_AT_ONCE;
        },
      });
    }),
    microservicePart('tidegate-dispatcher', DispatcherModule.on(engines, decideIntents), engines, logger),
  ];
};
