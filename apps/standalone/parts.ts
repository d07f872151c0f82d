import type { Process } from '#apps/composition/process';
import { dispatcherParts } from '#apps/dispatcher/parts';
import { insightsParts } from '#apps/insights/parts';
import { projectorParts } from '#apps/projector/parts';
import { providerParts } from '#apps/provider/parts';
import { recorderParts } from '#apps/recorder/parts';
import { configuredWebhooks } from '#apps/webhooks/parts';
import type { Part } from '#platform/lifecycle';

/** All apps in one process. */
export const standaloneParts = (running: Process): Part[] => [
  ...projectorParts(running),
  ...recorderParts(running),
  ...dispatcherParts(running),
  ...providerParts(running),
  ...insightsParts(running),
  ...configuredWebhooks(running),
];
