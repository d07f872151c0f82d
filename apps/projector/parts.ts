import { gapPart } from '#apps/composition/gap';
import { soleFollowerPart } from '#apps/composition/parts';
import type { Process } from '#apps/composition/process';
import { Project, VIEWS, viewCategories } from '#application/project';
import type { Part } from '#platform/lifecycle';

/** Folds the log into the read model. */
export const projectorParts = (running: Process): Part[] => {
  const { engines, logger } = running;
  const { store, views, telemetry, clock } = engines;
  return [
    soleFollowerPart(
      'projector',
      // Anew each time: what it remembers is as of the checkpoint that it starts from.
      (signal) =>
        new Project(store, views, (_, recordedAt, events) => {
          telemetry.projected({ projection: VIEWS, events, lagMs: Math.max(0, clock.now() - recordedAt) });
        }).follow(signal),
      logger,
    ),
    gapPart(VIEWS, viewCategories, running),
  ];
};
