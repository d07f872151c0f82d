import { httpPart } from '#apps/composition/http';
import type { Process } from '#apps/composition/process';
import type { Part } from '#platform/lifecycle';
import { AccessPolicy } from './access.js';
import { InsightsModule } from './insights.module.js';
import { setupBodies, setupDocs, setupMethods } from './setup.js';

/** The HTTP API, with health and metrics. */
export const insightsParts = ({ config, engines, logger, probes }: Process): Part[] => {
  const access = new AccessPolicy(config.apiKeys, config.http.host);
  const module = InsightsModule.register({ ...engines, access, probes });
  return [
    httpPart(module, config, logger, (app) => {
      setupBodies(app);
      setupMethods(app);
      setupDocs(app);
    }),
  ];
};
