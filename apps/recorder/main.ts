import { runWorker } from '#apps/composition/process';
import { recorderParts } from './parts.js';

await runWorker('recorder', recorderParts);
