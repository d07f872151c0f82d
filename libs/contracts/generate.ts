import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { referenceFiles } from './reference.js';

// Writes the JSON Schemas and the AsyncAPI document to docs/reference; with --check, fails where they differ.
// node dist/libs/contracts/generate.js [--check], from the root of the repository.

const folder = 'docs/reference';

const isCurrent = (path: string, content: object): boolean => {
  try {
    // The formatter may lay the JSON out differently.
    return isDeepStrictEqual(JSON.parse(readFileSync(path, 'utf8')), JSON.parse(JSON.stringify(content)));
  } catch {
    return false;
  }
};

const stale = [...referenceFiles()].filter(([name, content]) => !isCurrent(join(folder, name), content));
if (!process.argv.includes('--check')) {
  for (const [name, content] of stale) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`);
  }
} else if (stale.length > 0) {
  process.exitCode = 1;
  process.stderr.write(`Not current: ${stale.map(([name]) => name).join(', ')}. Run libs/contracts/generate.\n`);
}
