import type { Engines } from '#apps/composition/engines';
import { followerPart } from '#apps/composition/parts';
import { Project, VIEWS } from '#application/project';
import type { Part } from '#platform/lifecycle';

/** Folds the log into the read model. */
export const projectorParts = ({ store, views, telemetry, clock }: Engines): Part[] => [
  followerPart('projector', async (signal, ready) => {
    ready();
    await new Project(store, views, (_, recordedAt, events) => {
      telemetry.projected({ projection: VIEWS, events, lagMs: Math.max(0, clock.now() - recordedAt) });
    }).follow(signal);
  }),
];
