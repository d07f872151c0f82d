import { runWorker } from '#apps/composition/process';
import { providerParts } from './parts.js';
import { providerSettingsOf } from './settings.js';

await runWorker('provider', providerParts, providerSettingsOf);
