import { runWorker } from '#apps/composition/process';
import { projectorParts } from './parts.js';

await runWorker('projector', projectorParts);
