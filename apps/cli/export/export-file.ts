import { open, rename, rm } from 'node:fs/promises';
import { InfrastructureError } from '#application/errors';
import type { ExportRow } from './tables.js';
import type { RowEncoder } from './formats.js';

export interface Exported {
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Writes rows to a file that is there whole or not at all: under another name first, on disk before it takes its own.
 * What an earlier export left under that name is replaced at that moment.
 * @param advanced between batches, with the rows so far
 * @throws InfrastructureError `config-invalid` where the file cannot be written
 */
export const exportFile = async (
  file: string,
  batches: AsyncIterable<readonly ExportRow[]>,
  encoder: RowEncoder,
  signal: AbortSignal,
  advanced: (rows: number) => void,
): Promise<Exported> => {
  const draft = `${file}.part`;
  const handle = await open(draft, 'w').catch((cause: unknown) => {
    throw new InfrastructureError(
      'config-invalid',
      `${file} cannot be written: name a file in a folder that is there.`,
      {
        cause,
        field: 'out',
      },
    );
  });
  let rows = 0;
  let bytes = 0;
  const write = async (content: Uint8Array | string): Promise<void> => {
    const data = typeof content === 'string' ? Buffer.from(content) : content;
    // A write may take only a part.
    for (let at = 0; at < data.byteLength;) at += (await handle.write(data, at)).bytesWritten;
    bytes += data.byteLength;
  };
  try {
    for await (const batch of batches) {
      signal.throwIfAborted();
      await write(encoder.rows(batch));
      rows += batch.length;
      advanced(rows);
    }
    signal.throwIfAborted();
    await write(encoder.end());
    await handle.sync();
    await handle.close();
    await rename(draft, file);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(draft, { force: true });
    throw error;
  }
  return { rows, bytes };
};
