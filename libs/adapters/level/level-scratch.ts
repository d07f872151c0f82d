import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { InfrastructureError } from '#application/errors';
import { Scratch } from '#application/ports/scratch';

/** Of values that wait to be written: a larger part is sorted at once, and merged less often. */
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024;

type Level = ClassicLevel<string, string>;

/** Scratch in a folder of its own, by LevelDB; there is none before something is put into it. Only its owner can read it. */
export class LevelScratch extends Scratch {
  #opened: Promise<{ readonly folder: string; readonly level: Level }> | undefined;

  /** @param parent where the folder is made, as that of the system for temporary files */
  constructor(private readonly parent: string) {
    super();
  }

  override async get(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    if (this.#opened === undefined) return keys.map(() => undefined);
    return await this.#tried((level) => level.getMany([...keys]));
  }

  override async put(entries: readonly (readonly [key: string, value: string])[]): Promise<void> {
    this.#opened ??= this.#open();
    await this.#tried((level) => level.batch(entries.map(([key, value]) => ({ type: 'put', key, value }))));
  }

  override async *entries(): AsyncGenerator<readonly [key: string, value: string], void, void> {
    if (this.#opened === undefined) return;
    const iterator = await this.#tried(async (level) => level.iterator());
    try {
      for (;;) {
        const entry = await this.#tried(() => iterator.next());
        if (entry === undefined) return;
        yield entry;
      }
    } finally {
      await iterator.close();
    }
  }

  override async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    this.#opened = undefined;
    if (opened === undefined) return;
    try {
      await opened.level.close();
    } finally {
      await removed(opened.folder);
    }
  }

  async #open(): Promise<{ readonly folder: string; readonly level: Level }> {
    const folder = await mkdtemp(join(this.parent, 'tidegate-scratch-'));
    const level: Level = new ClassicLevel(folder, { writeBufferSize: WRITE_BUFFER_BYTES });
    try {
      await level.open();
    } catch (error) {
      await removed(folder);
      throw error;
    }
    return { folder, level };
  }

  async #tried<Result>(work: (level: Level) => Promise<Result>): Promise<Result> {
    try {
      const opened = await this.#opened;
      if (opened === undefined) throw new Error('it is closed');
      return await work(opened.level);
    } catch (cause) {
      throw new InfrastructureError(
        'config-invalid',
        `What does not fit into memory cannot be laid aside in ${this.parent}: ${cause instanceof Error ? cause.message : String(cause)}. Name a folder with room, as TMPDIR.`,
        { cause },
      );
    }
  }
}

const removed = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });
