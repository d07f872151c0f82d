import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { PgliteDatabase } from './pglite-database.js';

const packages = fileURLToPath(new URL('../../../node_modules/', import.meta.url));
const caches = join(packages, '.cache');

/** For specs: an empty PGlite in memory, from a template, since to make a new one takes seconds. */
export const memoryDatabase = async (): Promise<PgliteDatabase> => {
  const manifest: { version: string } = JSON.parse(
    await readFile(join(packages, '@electric-sql/pglite/package.json'), 'utf8'),
  );
  const file = join(caches, `pglite-${manifest.version}.tar`);
  const stored = await readFile(file).catch(() => undefined);
  if (stored !== undefined) return await PgliteDatabase.inMemory(new Blob([stored]));
  const made = await PGlite.create();
  const template = await made.dumpDataDir('none');
  await made.close();
  await mkdir(caches, { recursive: true });
  await writeFile(`${file}.${process.pid}`, Buffer.from(await template.arrayBuffer()));
  await rename(`${file}.${process.pid}`, file);
  return await PgliteDatabase.inMemory(template);
};
