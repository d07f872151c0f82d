import type { Clock } from '#application/ports/clock';
import type { Database } from './database.js';

const EVERY_MS = 60_000;
/** Of each partition in one statement: short enough to let others in between. */
const BATCH = 1_000;
/** So long somebody who reads a compacted topic can learn that a key is no more. */
const TOMBSTONES_KEPT_MS = 24 * 60 * 60_000;

export interface RetentionOptions {
  readonly retentionMs: number;
  readonly idleGroupMs: number;
}

/**
 * Removes old messages that every group has finished, so that the queue does not grow for ever; of compacted topics those
 * that a later one of their key stands in for.
 */
export class QueueRetention {
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly options: RetentionOptions,
  ) {
    this.#timer = setInterval(() => {
      this.#running = this.run().catch(() => {});
    }, EVERY_MS).unref();
  }

  async run(): Promise<void> {
    const before = this.clock.now() - this.options.retentionMs;
    while (!this.#isStopped && (await this.#removeSome(before)) > 0);
    while (!this.#isStopped && (await this.#compactOne()));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  async #removeSome(before: number): Promise<number> {
    const [row] = await this.database.query<{ removed: number }>(
      'select tidegate_queue.remove_finished($1, $2, $3) as removed',
      [before, this.options.idleGroupMs, BATCH],
    );
    return row?.removed ?? 0;
  }

  async #compactOne(): Promise<boolean> {
    const before = this.clock.now() - TOMBSTONES_KEPT_MS;
    const [row] = await this.database.query<{ compacted: boolean }>(
      'select tidegate_queue.compact_one($1, $2) as compacted',
      [before, BATCH],
    );
    return row?.compacted === true;
  }
}
