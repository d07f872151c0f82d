import { writeFileSync } from 'node:fs';
import { cliReference, REFERENCE_FILE } from './reference.js';

// Writes the page on the command line: node dist/apps/cli/generate.js, from the root of the repository.

writeFileSync(REFERENCE_FILE, cliReference());
