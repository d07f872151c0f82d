import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InfrastructureError } from '#application/errors';
import { Anchors, type Anchor } from '#application/history/ledger';

const SUFFIX = '.jsonl';

/**
 * Anchors in a folder, one file of JSON lines per account that is only ever appended to. Outside the event store on
 * purpose: who can change the store should not be able to change these (ADR 0018).
 */
export class AnchorFiles extends Anchors {
  constructor(private readonly folder: string) {
    super();
  }

  override async accounts(): Promise<readonly string[]> {
    const names = await readdir(this.folder).catch(missingAs<string[]>([]));
    return names.flatMap((name) => (name.endsWith(SUFFIX) ? [name.slice(0, -SUFFIX.length)] : [])).sort();
  }

  override async read(account: string): Promise<readonly Anchor[]> {
    const file = this.#file(account);
    const text = await readFile(file, 'utf8').catch(missingAs(''));
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line, index) => {
        const anchor = parsed(line);
        if (anchor !== undefined) return anchor;
        throw new InfrastructureError(
          'store-corrupt',
          `Line ${index + 1} of ${file} is no anchor. Restore the file from a copy; if only its last line was cut off by a crash, delete that line.`,
        );
      });
  }

  override async append(account: string, anchors: readonly Anchor[]): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const lock = `${this.#file(account)}.lock`;
    const held = await open(lock, 'wx').catch((cause: unknown) => {
      throw new InfrastructureError(
        'database-locked',
        `Another run is adding anchors for ${account}. If there is none, delete ${lock}.`,
        { cause },
      );
    });
    try {
      const last = (await this.read(account)).at(-1);
      if (last !== undefined && anchors[0]?.previous !== last.hash) {
        throw new InfrastructureError('checkpoint-taken', `Anchors for ${account} were added meanwhile. Run it again.`);
      }
      const file = await open(this.#file(account), 'a');
      try {
        await file.writeFile(anchors.map((anchor) => `${JSON.stringify(anchor)}\n`).join(''));
        await file.sync();
      } finally {
        await file.close();
      }
    } finally {
      await held.close();
      await rm(lock, { force: true });
    }
  }

  #file(account: string): string {
    return join(this.folder, `${account}${SUFFIX}`);
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const missingAs =
  <Result>(result: Result) =>
  (error: unknown): Result => {
    if (isRecord(error) && error['code'] === 'ENOENT') return result;
    throw error;
  };

const isAnchor = (value: unknown): value is Anchor =>
  isRecord(value) &&
  ['account', 'head', 'previous', 'hash'].every((field) => typeof value[field] === 'string') &&
  ['number', 'entries', 'at'].every((field) => Number.isSafeInteger(value[field])) &&
  isRecord(value['last']) &&
  typeof value['last']['id'] === 'string';

const parsed = (line: string): Anchor | undefined => {
  try {
    const value: unknown = JSON.parse(line);
    return isAnchor(value) ? value : undefined;
  } catch {
    return undefined;
  }
};
