import { runWorker } from '#apps/composition/process';
import { providerParts } from './parts.js';

await runWorker('provider', providerParts);
