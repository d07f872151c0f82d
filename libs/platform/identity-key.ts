import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InfrastructureError } from '#application/errors';

/** 32 bytes in hex, readable by its owner only. */
const FILE = 'identity.key';

/**
 * The key of an embedded installation, made once: whoever comes second, also at the same time, reads the first one's.
 * @param keptIn the folders whose contents were made with the key: with them, but without the key, none is made
 * @throws InfrastructureError `config-invalid`
 */
export const embeddedIdentityKey = async (dataFolder: string, keptIn: readonly string[]): Promise<Buffer> => {
  const file = join(dataFolder, FILE);
  if (!existsSync(file)) {
    const orphan = keptIn.find((folder) => existsSync(folder));
    // Another key would make a stranger of every customer, opted out or not.
    if (orphan !== undefined && !existsSync(file)) {
      throw new InfrastructureError(
        'config-invalid',
        `${orphan} holds data, but the key to it, ${file}, is missing. Restore the file from a backup, or set TIDEGATE_IDENTITY_KEY.`,
      );
    }
    await create(file, dataFolder);
  }
  const hex = (await readFile(file, 'utf8')).trim();
  if (!/^([\da-f]{2}){32,}$/i.test(hex)) {
    throw new InfrastructureError(
      'config-invalid',
      `${file} holds no key of 32 bytes in hex. Restore it from a backup.`,
    );
  }
  return Buffer.from(hex, 'hex');
};

const create = async (file: string, folder: string): Promise<void> => {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(folder, { recursive: true });
    await written(draft, `${randomBytes(32).toString('hex')}\n`);
    // Unlike a rename, a link never replaces the key that another process made meanwhile; and it is complete at once.
    await link(draft, file);
    await flush(folder);
  } catch (cause) {
    if (existsSync(file)) return;
    throw new InfrastructureError(
      'config-invalid',
      `TIDEGATE_DATA: ${folder} cannot be written; name another folder.`,
      {
        cause,
      },
    );
  } finally {
    await rm(draft, { force: true }).catch(() => undefined);
  }
};

const written = async (file: string, text: string): Promise<void> => {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Makes the new name itself survive a power cut; Windows has no such call. */
const flush = async (folder: string): Promise<void> => {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};
