import { runProcess } from '#apps/composition/process';
import { insightsParts } from './parts.js';

await runProcess('insights', insightsParts);
