import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The repository: pom.xml and server.properties stay in the sources, so dist/ has to look for them from here. */
export const root = findRoot(import.meta.dirname);

export const sources = join(root, 'deploy', 'kafka');

/** Git-ignored: the class path, and the broker of `npm run kafka:up`. */
export const home = join(root, '.kafka');

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error(`No package.json above ${import.meta.dirname}: run this from the repository.`);
  return findRoot(parent);
}
