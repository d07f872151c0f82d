import { httpPart } from '#apps/composition/http';
import type { Process } from '#apps/composition/process';
import type { Part } from '#platform/lifecycle';
import { InsightsModule } from './insights.module.js';
import { setupBodies, setupDocs } from './setup.js';

/** The HTTP API, with health and metrics. */
export const insightsParts = ({ config, engines, logger, probes }: Process): Part[] => {
  const { readModel, producer, identity, clock } = engines;
  const module = InsightsModule.register({ readModel, producer, identity, clock, probes });
  return [
    httpPart(module, config, logger, (app) => {
      setupBodies(app);
      setupDocs(app);
    }),
  ];
};
