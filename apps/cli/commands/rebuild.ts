import { Argument, type Command } from 'commander';
import {
  dropAnalyticsRebuild,
  indexAnalyticsRebuild,
  prepareAnalyticsRebuild,
  putAnalyticsInPlace,
} from '#adapters/postgres/analytics-rebuild';
import type { Database } from '#adapters/postgres/database';
import { RebuiltAnalytics } from '#adapters/postgres/rebuilt-analytics';
import { RebuiltViews } from '#adapters/postgres/rebuilt-views';
import { dropRebuild, indexRebuild, prepareRebuild, putInPlace } from '#adapters/postgres/view-rebuild';
import { analyticsCategories, ProjectAnalytics } from '#application/analytics/project-analytics';
import type { EventStore } from '#application/ports/event-store';
import { Project, viewCategories, VIEWS } from '#application/project';
import { rebuild, type Rebuild } from '#application/rebuild';
import { exitCodes } from '../exit-codes.js';
import { withDatabase, withProgress, type Runner } from '../session.js';
import { asJson } from '../shown.js';

/** Of what is read and folded at once: between batches the writing goes on. Rows of many of them are written at once. */
const BATCH = 2_000;
/** Rows that are remembered so as not to read them back. */
const ROOM = 100_000;

const projections = ['analytics', 'views'] as const;
export type Projection = (typeof projections)[number];

export const rebuildOf = (projection: Projection, store: EventStore, database: Database): Rebuild => {
  if (projection === 'analytics') {
    const tables = new RebuiltAnalytics(database);
    return {
      categories: analyticsCategories,
      batchSize: BATCH,
      prepare: () => prepareAnalyticsRebuild(database),
      checkpoint: async () => (await tables.checkpoint())?.position,
      follow: async (signal, applied) => {
        await new ProjectAnalytics(store, tables, ({ recordedAt }, events) => applied(recordedAt, events), ROOM).follow(
          signal,
          { batchSize: BATCH },
        );
        await tables.flush();
      },
      index: () => indexAnalyticsRebuild(database),
      putInPlace: () => putAnalyticsInPlace(database),
    };
  }
  const tables = new RebuiltViews(database);
  return {
    categories: viewCategories,
    batchSize: BATCH,
    prepare: () => prepareRebuild(database),
    checkpoint: () => tables.checkpoint(VIEWS),
    follow: async (signal, applied) => {
      await new Project(store, tables, (_, recordedAt, events) => applied(recordedAt, events), ROOM).follow(
        signal,
        BATCH,
      );
      await tables.flush();
    },
    index: () => indexRebuild(database),
    putInPlace: () => putInPlace(database),
  };
};

interface Options {
  readonly afresh?: true;
  readonly json?: true;
}

export const rebuildCommand = (program: Command, run: Runner): void => {
  program
    .command('rebuild')
    .summary('fold a read model anew from the log, beside the live one')
    .description(
      'Folds the log into new tables beside the live ones, which are read and kept up meanwhile, and puts the new ones in ' +
        'their place when they have caught up. Can be interrupted and run again: it goes on from its checkpoint. ' +
        'It sends nothing and writes nothing to the log.',
    )
    .addArgument(
      new Argument(
        '<projection>',
        'analytics: sessions, active users, decisions. views: what the gate and the API of windows and intents read',
      ).choices(projections),
    )
    .option('--afresh', 'give up what an interrupted rebuild has done')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', '\nExit codes: 0 rebuilt and in place, 130 interrupted.')
    .action((projection: Projection, { afresh, json }: Options) =>
      run((context) =>
        withDatabase(context, async (database, store) => {
          const { signal, terminal } = context;
          if (afresh === true) await (projection === 'analytics' ? dropAnalyticsRebuild : dropRebuild)(database);
          const startedAt = performance.now();
          const { events, isDone } = await withProgress(`rebuild ${projection}`, context, (advanced) =>
            rebuild(store, rebuildOf(projection, store, database), signal, (progress) => void advanced(progress)),
          );
          if (!isDone) {
            terminal.err(`Interrupted after ${events} events; run it again to go on.\n`);
            return exitCodes.interrupted;
          }
          const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(1));
          terminal.out(
            json === true
              ? asJson({ projection, events, seconds })
              : `${projection} rebuilt from ${events} events in ${seconds} s, and in place\n`,
          );
          return exitCodes.ok;
        }),
      ),
    );
};
