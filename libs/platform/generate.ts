import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { referenceFiles } from './reference.js';

// Writes .env.example and the pages on configuration and metrics; with --check, fails where they differ.
// node dist/libs/platform/generate.js [--check], from the root of the repository.

const isCurrent = (path: string, content: string): boolean => {
  try {
    return readFileSync(path, 'utf8') === content;
  } catch {
    return false;
  }
};

const stale = [...referenceFiles()].filter(([path, content]) => !isCurrent(path, content));
if (!process.argv.includes('--check')) {
  for (const [path, content] of stale) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
} else if (stale.length > 0) {
  process.exitCode = 1;
  process.stderr.write(`Not current: ${stale.map(([path]) => path).join(', ')}. Run libs/platform/generate.\n`);
}
