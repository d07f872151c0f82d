import { runProcess } from '#apps/composition/process';
import { providerSettingsOf } from '#apps/provider/settings';
import { webhookSettingsOf } from '#apps/webhooks/parts';
import { standaloneParts } from './parts.js';

await runProcess('standalone', standaloneParts, (config) => {
  providerSettingsOf(config);
  webhookSettingsOf(config);
});
