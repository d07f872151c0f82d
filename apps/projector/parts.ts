import { gapPart } from '#apps/composition/gap';
import { soleFollowerPart } from '#apps/composition/parts';
import type { Process } from '#apps/composition/process';
import { Project, VIEWS, viewCategories } from '#application/project';
import type { Part } from '#platform/lifecycle';
import { analyticsParts } from './analytics-parts.js';

/** Events per transaction at most. */
const BATCH_SIZE = 500;
/** How much the projector remembers where an embedded database and all other parts share its process. */
const REMEMBERED_EMBEDDED = 50_000;

/** Folds the log into the read model and, in followers of their own, into what analysts read. */
export const projectorParts = (running: Process): Part[] => {
  const { config, engines, logger } = running;
  const { store, views, telemetry, clock } = engines;
  let isBehind = false;
  const remembered = config.database.url.startsWith('postgres') ? undefined : REMEMBERED_EMBEDDED;
  return [
    soleFollowerPart(
      'projector',
      // Anew each time: what it remembers is as of the checkpoint that it starts from.
      (signal) =>
        new Project(
          store,
          views,
          (_, recordedAt, events) => {
            isBehind = events >= BATCH_SIZE;
            telemetry.projected({ projection: VIEWS, events, lagMs: Math.max(0, clock.now() - recordedAt) });
          },
          remembered,
        ).follow(signal, BATCH_SIZE),
      logger,
    ),
    gapPart(VIEWS, viewCategories, () => views.checkpoint(VIEWS), running),
    ...analyticsParts(running, () => isBehind),
  ];
};
