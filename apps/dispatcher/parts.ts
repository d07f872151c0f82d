import { gapPart } from '#apps/composition/gap';
import type { Process } from '#apps/composition/process';
import { loopPart, microservicePart, soleFollowerPart } from '#apps/composition/parts';
import { DecideIntents } from '#application/decide-intents';
import { Publish, PUBLISHER } from '#application/publish';
import { ReleaseHolds } from '#application/release-holds';
import type { Part } from '#platform/lifecycle';
import { DispatcherModule } from './dispatcher.module.js';
import { countDecisions, messagesOf } from './published.js';

const RELEASE_EVERY_MS = 200;

/** Decides intents, releases those that are held, and publishes what was decided. */
export const dispatcherParts = (running: Process): Part[] => {
  const { engines, gate, logger, heartbeats } = running;
  const { store, readModel, views, producer, clock, telemetry } = engines;
  const decideIntents = new DecideIntents(gate.customers, gate.directory, readModel, clock);
  const publish = new Publish(store, views, producer, messagesOf, (events) => countDecisions(events, telemetry));
  const releaseHolds = new ReleaseHolds(decideIntents, readModel, clock);
  return [
    gate.part,
    soleFollowerPart('publisher', (signal) => publish.follow(signal), logger),
    gapPart(PUBLISHER, ['customer'], () => views.checkpoint(PUBLISHER), running),
    loopPart({ name: 'releaser', everyMs: RELEASE_EVERY_MS, run: () => releaseHolds.run() }, logger, heartbeats),
    microservicePart('tidegate-dispatcher', DispatcherModule.on(engines, decideIntents), engines, logger),
  ];
};
