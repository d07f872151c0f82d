import { getPriority, setPriority } from 'node:os';
import { runWorker } from '#apps/composition/process';
import { projectorParts } from './parts.js';

/** On cores that it shares with the gate, in the scheduler's steps: it still gets a quarter of what another one gets. */
const GIVES_WAY = 5;
const LOWEST = 19;

// The log keeps what the read models come to later; somebody waits for what is to be decided.
setPriority(Math.min(getPriority() + GIVES_WAY, LOWEST));

await runWorker('projector', projectorParts);
