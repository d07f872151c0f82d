import type { Category, Position } from '#application/ports/event-store';
import type { Process } from './process.js';
import { loopPart } from './parts.js';
import type { Part } from '#platform/lifecycle';

const EVERY_MS = 5_000;
const AT_MOST = 10_000;

/** Measures how far the checkpoint of a projection is behind the log. */
export const gapPart = (
  projection: string,
  categories: readonly Category[],
  checkpoint: () => Promise<Position | undefined>,
  { engines: { store, telemetry }, logger, heartbeats }: Pick<Process, 'engines' | 'logger' | 'heartbeats'>,
): Part =>
  loopPart(
    {
      name: `gap of ${projection}`,
      everyMs: EVERY_MS,
      run: async () => {
        telemetry.gapped(projection, await store.gap(await checkpoint(), categories, AT_MOST));
        return false;
      },
    },
    logger,
    heartbeats,
  );
