import type { Logger } from 'pino';
import { DispatcherModule } from '#apps/dispatcher/dispatcher.module';
import { messagesOf } from '#apps/dispatcher/published';
import { RecorderModule } from '#apps/recorder/recorder.module';
import { Customers } from '#application/customers';
import { DecideIntents } from '#application/decide-intents';
import { Directory } from '#application/directory';
import { Project, VIEWS } from '#application/project';
import { Publish } from '#application/publish';
import type { Part } from '#platform/lifecycle';
import { runLoop } from '#platform/loops';
import type { Engines } from './engines.js';
import { followerPart, microservicePart } from './parts.js';

const RELEASE_EVERY_MS = 200;
const RELEASE_AT_ONCE = 500;

/** Folds the log into the read model. */
export const projectorParts = ({ store, views, telemetry, clock }: Engines): Part[] => [
  followerPart('projector', async (signal, ready) => {
    ready();
    await new Project(store, views, (_, recordedAt, events) => {
      telemetry.projected({ projection: VIEWS, events, lagMs: Math.max(0, clock.now() - recordedAt) });
    }).follow(signal);
  }),
];

/** Takes facts in. */
export const recorderParts = (engines: Engines, logger: Logger): Part[] => {
  const directory = new Directory(engines.store, engines.readModel);
  return [
    followerPart('recorder directory', (signal, ready) => directory.follow(signal, ready)),
    microservicePart('tidegate-recorder', RecorderModule.on(engines, directory), engines, logger),
  ];
};

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
