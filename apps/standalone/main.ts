import { runProcess } from '#apps/composition/process';
import { standaloneParts } from './parts.js';

await runProcess('standalone', standaloneParts);
