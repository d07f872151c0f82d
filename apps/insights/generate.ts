import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { referenceFiles } from './reference.js';

// Writes everything under docs/reference that comes from the code, and .env.example; with --check, fails where they
// differ. node dist/apps/insights/generate.js [--check], from the root of the repository.

/** The formatter may lay JSON out differently. */
const isSame = (path: string, one: string, other: string): boolean =>
  path.endsWith('.json') ? isDeepStrictEqual(JSON.parse(one), JSON.parse(other)) : one === other;

const isCurrent = (path: string, content: string): boolean => {
  try {
    return isSame(path, readFileSync(path, 'utf8'), content);
  } catch {
    return false;
  }
};

const stale = [...(await referenceFiles())].filter(([path, content]) => !isCurrent(path, content));
if (!process.argv.includes('--check')) {
  for (const [path, content] of stale) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
} else if (stale.length > 0) {
  process.exitCode = 1;
  process.stderr.write(`Not current: ${stale.map(([path]) => path).join(', ')}. Run npm run reference.\n`);
}
