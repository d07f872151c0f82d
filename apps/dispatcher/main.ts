import { runWorker } from '#apps/composition/process';
import { dispatcherParts } from './parts.js';

await runWorker('dispatcher', dispatcherParts);
