import { runWorker } from '#apps/composition/process';
import { InfrastructureError } from '#application/errors';
import { configuredWebhooks, webhookSettingsOf } from './parts.js';
import { VARIABLE } from './settings.js';

await runWorker('webhooks', configuredWebhooks, (config) => {
  if (webhookSettingsOf(config) !== undefined) return;
  throw new InfrastructureError('config-invalid', `${VARIABLE}: name the JSON file of the accounts and their secrets`);
});
