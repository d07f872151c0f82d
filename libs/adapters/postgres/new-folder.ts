import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

/** CommonJS, as evaluated workers are. */
const script = `
  const { workerData } = require('node:worker_threads');
  const { PGlite } = require(workerData.pglite);
  PGlite.create({ dataDir: workerData.folder, postgresqlconf: workerData.configuration }).then((lite) => lite.close());
`;

/**
 * Makes the folder of an empty database, unless there is one. In a thread of its own, because initdb is a second
 * WebAssembly program that would keep some 400 MB of this process for good; and beside its place, so that a killed
 * process leaves no half of a database there.
 */
export const makeFolder = async (folder: string, configuration: readonly string[]): Promise<void> => {
  if (existsSync(folder)) return;
  const draft = `${folder}.new`;
  await rm(draft, { recursive: true, force: true });
  const pglite = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  const worker = new Worker(script, { eval: true, workerData: { pglite, folder: draft, configuration } });
  await new Promise<void>((resolve, reject) => {
    worker.once('error', reject).once('exit', () => resolve());
  });
  await rename(draft, folder);
};
