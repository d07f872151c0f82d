import { gapPart } from '#apps/composition/gap';
import type { Process } from '#apps/composition/process';
import { followerPart, loopPart, microservicePart, soleFollowerPart } from '#apps/composition/parts';
import { Customers } from '#application/customers';
import { DecideIntents } from '#application/decide-intents';
import { Directory } from '#application/directory';
import { Publish, PUBLISHER } from '#application/publish';
import { ReleaseHolds } from '#application/release-holds';
import type { Part } from '#platform/lifecycle';
import { DispatcherModule } from './dispatcher.module.js';
import { countDecisions, messagesOf } from './published.js';

const RELEASE_EVERY_MS = 200;

/** Decides intents, releases those that are held, and publishes what was decided. */
export const dispatcherParts = (running: Process): Part[] => {
  const { engines, logger, heartbeats } = running;
  const { store, readModel, views, producer, clock, telemetry } = engines;
  const directory = new Directory(store, readModel);
  const customers = new Customers(store, readModel, (streams) => telemetry.conflicted(streams));
  const decideIntents = new DecideIntents(customers, directory, readModel, clock);
  const publish = new Publish(store, views, producer, messagesOf, (events) => countDecisions(events, telemetry));
  const releaseHolds = new ReleaseHolds(decideIntents, readModel, clock);
  return [
    followerPart('dispatcher directory', (signal, ready) => directory.follow(signal, ready)),
    soleFollowerPart('publisher', (signal) => publish.follow(signal), logger),
    gapPart(PUBLISHER, ['customer'], running),
    loopPart({ name: 'releaser', everyMs: RELEASE_EVERY_MS, run: () => releaseHolds.run() }, logger, heartbeats),
    microservicePart('tidegate-dispatcher', DispatcherModule.on(engines, decideIntents), engines, logger),
  ];
};
