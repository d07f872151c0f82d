import { createHash } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { InfrastructureError } from '#application/errors';
import type { EncodedSoFar } from './formats.js';
import type { Cursor } from './tables.js';

const VERSION = 1;

/** How far an export came: so many bytes of the draft are on disk, and hold all rows up to the cursor. */
export interface ExportState extends EncodedSoFar {
  /** What was asked for: another export does not go on from this one. */
  readonly request: string;
  readonly after: Cursor;
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

// JSON has neither 64-bit integers nor bytes.
const written = (_: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return { int64: String(value) };
  return value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('base64') } : value;
};
const read = (_: string, value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return value;
  if ('int64' in value && typeof value.int64 === 'string') return BigInt(value.int64);
  if ('bytes' in value && typeof value.bytes === 'string') return new Uint8Array(Buffer.from(value.bytes, 'base64'));
  return value;
};

/** The file beside a draft that tells how far it came: there whole or not at all. */
export class ExportStateFile {
  constructor(private readonly file: string) {}

  /** After the bytes that it speaks of are on disk. */
  async write(state: ExportState): Promise<void> {
    const text = JSON.stringify({ version: VERSION, ...state }, written);
    const draft = `${this.file}.new`;
    const handle = await open(draft, 'w');
    try {
      await handle.writeFile(`${digestOf(text)}\n${text}`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, this.file);
  }

  /** @throws InfrastructureError `config-invalid` where it belongs to another export, or is damaged */
  async read(request: string): Promise<ExportState | undefined> {
    const content = await readFile(this.file, 'utf8').catch(() => undefined);
    if (content === undefined) return undefined;
    const [digest, text = ''] = content.split('\n', 2);
    if (digest !== digestOf(text)) throw this.#unusable('is damaged');
    // The digest tells that it is what was written.
    const state: ExportState & { readonly version: number } = JSON.parse(text, read);
    if (state.version !== VERSION) throw this.#unusable('was left by another version of Tidegate');
    if (state.request !== request) throw this.#unusable('belongs to an export with other options');
    return state;
  }

  async remove(): Promise<void> {
    await rm(this.file, { force: true });
  }

  #unusable(what: string): InfrastructureError {
    return new InfrastructureError('config-invalid', `${this.file} ${what}: say --afresh to begin anew.`, {
      field: 'out',
    });
  }
}
