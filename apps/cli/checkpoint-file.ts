import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Replay, ReplayRequest } from '#application/history/replay';
import { checkpointOf, restore } from '#application/history/replay-checkpoint';

const LINES_AT_ONCE = 1_000;

/** A replay's checkpoint in a file: whole or not at all. */
export class CheckpointFile {
  constructor(private readonly file: string) {}

  async write(replay: Replay, request: ReplayRequest): Promise<void> {
    const draft = `${this.file}.new`;
    await pipeline(Readable.from(chunks(checkpointOf(replay, request))), createWriteStream(draft, { flush: true }));
    await rename(draft, this.file);
  }

  /** Nothing happens when there is no file. @throws InfrastructureError `config-invalid` when it cannot be used */
  async restore(replay: Replay, request: ReplayRequest): Promise<void> {
    if (!existsSync(this.file)) return;
    await restore(replay, request, createInterface({ input: createReadStream(this.file), crlfDelay: Infinity }));
  }

  async remove(): Promise<void> {
    await rm(this.file, { force: true });
  }
}

async function* chunks(lines: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  let chunk: string[] = [];
  for await (const line of lines) {
    chunk.push(line, '\n');
    if (chunk.length < 2 * LINES_AT_ONCE) continue;
    yield chunk.join('');
    chunk = [];
  }
  yield chunk.join('');
}
