import type { Progress } from './history/read-log.js';
import type { Category, EventStore, Position } from './ports/event-store.js';
import type { Instant } from '#domain/time';

/** So near to the end of the log the rebuilt tables take their place: the projector does the rest in a moment. */
const NEAR = 2_000;
/** After so many events it looks how many are left. */
const PASS = 1_000_000;

/** A projection's new tables beside the live ones. */
export interface Rebuild {
  readonly categories: readonly Category[];
  readonly batchSize: number;
  /** Makes the tables, or takes up those of a rebuild that was interrupted. */
  prepare(): Promise<void>;
  checkpoint(): Promise<Position | undefined>;
  /** Follows the log into the new tables until aborted. */
  follow(signal: AbortSignal, applied: (recordedAt: Instant, events: number) => void): Promise<void>;
  /** Once nearly all is folded: makes the indexes that only readers need. Finds those made by a run before. */
  index(): Promise<void>;
  /** Puts the new tables in the place of the live ones. */
  putInPlace(): Promise<void>;
}

/**
 * Folds the whole log into new tables and puts them in the place of the live ones, which are read and kept up meanwhile.
 * @returns how many events were folded in this run; false where it was interrupted, to be taken up by the next run
 */
export const rebuild = async (
  store: EventStore,
  tables: Rebuild,
  signal: AbortSignal,
  advanced: (progress: Progress) => void,
): Promise<{ readonly events: number; readonly isDone: boolean }> => {
  let events = 0;
  /** Up to near the end of the log; false where it was interrupted. */
  const catchUp = async (): Promise<boolean> => {
    for (;;) {
      const left = await store.gap(await tables.checkpoint(), tables.categories, PASS);
      if (signal.aborted) return false;
      if (left < NEAR && (left === 0 || events > 0)) return true;
      const pass = new AbortController();
      let folded = 0;
      await tables.follow(AbortSignal.any([signal, pass.signal]), (recordedAt, count) => {
        events += count;
        folded += count;
        advanced({ events, recordedAt });
        // Not at the first batch that is not full: the log may end with a full one.
        if (folded >= left) pass.abort();
      });
    }
  };
  await tables.prepare();
  // The log grew while the indexes were made.
  const isDone = (await catchUp()) && (await tables.index(), await catchUp());
  // Of an empty log too: the tables may have another shape.
  if (isDone) await tables.putInPlace();
  return { events, isDone };
};
