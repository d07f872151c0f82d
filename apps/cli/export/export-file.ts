import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { InfrastructureError } from '#application/errors';
import { ExportStateFile, type ExportState } from './export-state.js';
import type { EncodedSoFar, RowEncoder } from './formats.js';
import type { Cursor, ExportPage } from './tables.js';

export interface Exported {
  readonly rows: number;
  readonly bytes: number;
  /** Rows that an earlier run had written. */
  readonly resumedAt: number;
}

export interface ExportWork {
  /** What is asked for, in one text: only the same is resumed. */
  readonly request: string;
  pages(after: Cursor | undefined): AsyncIterable<ExportPage>;
  encoder(from: EncodedSoFar | undefined): RowEncoder;
}

export interface ExportRun {
  readonly signal: AbortSignal;
  /** Called between pages, with the rows so far. */
  readonly advanced?: ((rows: number) => void) | undefined;
  /** Begins anew, whatever an earlier run left. */
  readonly afresh?: boolean | undefined;
  /** How often it is noted how far it came. */
  readonly saveEveryMs?: number | undefined;
}

const opened = (file: string, flags: string): Promise<FileHandle> =>
  open(file, flags).catch((cause: unknown) => {
    throw new InfrastructureError(
      'config-invalid',
      `${file} cannot be written: name a file in a folder that is there.`,
      {
        cause,
        field: 'out',
      },
    );
  });

/** The draft that a state speaks of, without what was written after the state. */
const resumed = async (draft: string, { bytes }: ExportState): Promise<FileHandle | undefined> => {
  const handle = await open(draft, 'r+').catch(() => undefined);
  if (handle === undefined) return undefined;
  if ((await handle.stat()).size < bytes) {
    await handle.close();
    return undefined;
  }
  await handle.truncate(bytes);
  return handle;
};

/**
 * Writes rows to a file that is there whole or not at all: under another name first, on disk before it takes its own.
 * What an earlier export left under that name is replaced at that moment. Stopped in whatever way, the same export goes
 * on behind the last row that was surely on disk.
 * @throws InfrastructureError `config-invalid` where the file cannot be written, or another export was stopped there
 */
export const exportFile = async (
  file: string,
  work: ExportWork,
  { signal, advanced, afresh, saveEveryMs = 1_000 }: ExportRun,
): Promise<Exported> => {
  const draft = `${file}.part`;
  const state = new ExportStateFile(`${draft}.state`);
  if (afresh === true) await state.remove();
  const known = await state.read(work.request);
  const handleOfKnown = known && (await resumed(draft, known));
  const from = handleOfKnown && known;
  if (from === undefined) await state.remove();
  const handle = handleOfKnown ?? (await opened(draft, 'w'));
  const encoder = work.encoder(from);
  let rows = from?.rows ?? 0;
  let bytes = from?.bytes ?? 0;
  let isSaved = from !== undefined;
  let savedAt = performance.now();
  const write = async (content: Uint8Array | string): Promise<void> => {
    const data = typeof content === 'string' ? Buffer.from(content) : content;
    // A write may take only a part.
    for (let at = 0; at < data.byteLength;) {
      const { bytesWritten } = await handle.write(data, at, data.byteLength - at, bytes);
      at += bytesWritten;
      bytes += bytesWritten;
    }
  };
  const save = async (after: Cursor): Promise<void> => {
    const saved = encoder.saved();
    if (saved === undefined || performance.now() - savedAt < saveEveryMs) return;
    await handle.datasync();
    await state.write({ request: work.request, bytes, rows, encoder: saved, after });
    isSaved = true;
    savedAt = performance.now();
  };
  try {
    for await (const page of work.pages(from?.after)) {
      signal.throwIfAborted();
      await write(encoder.rows(page.rows));
      rows += page.rows.length;
      await save(page.after);
      advanced?.(rows);
    }
    signal.throwIfAborted();
    await write(encoder.end());
    await handle.sync();
    await handle.close();
    await rename(draft, file);
    await state.remove();
  } catch (error) {
    await handle.close().catch(() => undefined);
    if (!isSaved) await rm(draft, { force: true });
    throw error;
  }
  return { rows, bytes, resumedAt: from?.rows ?? 0 };
};
