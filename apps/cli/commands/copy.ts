import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { InfrastructureError } from '#application/errors';
import { compareLogs, copyLog, type CopyVerification } from '#application/history/copy';
import { Clock } from '#application/ports/clock';
import type { Position } from '#application/ports/event-store';
import { SystemClock } from '#platform/clock';
import { instantOf, type Instant } from '#domain/time';
import { exitCodes } from '../exit-codes.js';
import { openStore } from '../open-store.js';

import { withProgress, type Runner } from '../session.js';
import { asJson, columns } from '../shown.js';

interface Options {
  readonly from: string;
  readonly to: string;
  readonly checkpoint?: string;
  readonly verify: boolean;
  readonly json?: true;
}

/** Says the time at which the source recorded what is copied next. */
class RecordingClock extends Clock {
  at: Instant = instantOf(0);
  now(): Instant {
    return this.at;
  }
}

const urls = 'esdb://…, postgres://… or pglite:<folder>';

export const copyCommand = (program: Command, run: Runner): void => {
  program
    .command('copy')
    .summary('move a log to another event store')
    .description(
      'Appends all events of one store to another: the same ids, revisions and order. Can be interrupted and run again; ' +
        'afterwards both logs are read and compared. Stop the services of both stores first.',
    )
    .requiredOption('--from <url>', `the source: ${urls}`)
    .requiredOption('--to <url>', `the target, empty or filled by an earlier run: ${urls}`)
    .option('--checkpoint <file>', 'remember here how far it is, so that a next run need not begin at the start')
    .option('--no-verify', 'do not compare the logs afterwards')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', '\nExit codes: 0 copied and the same, 3 the logs differ, 130 interrupted.')
    .action((options: Options) =>
      run(async (context) => {
        const { signal, terminal } = context;
        if (options.from === options.to)
          throw new InfrastructureError('message-invalid', 'Source and target are the same.', { field: 'to' });
        const clock = new RecordingClock();
        const source = await openStore(options.from, new SystemClock(), true);
        try {
          const target = await openStore(options.to, clock, false);
          try {
            const { checkpoint } = options;
            const after = checkpoint === undefined ? undefined : await readCheckpoint(checkpoint, options);
            const copied = await withProgress('copy', context, (advanced) =>
              copyLog(source.store, target.store, {
                after,
                signal,
                recordAt: target.usesClock ? (at) => void (clock.at = at) : undefined,
                advanced: async (progress) => {
                  advanced(progress);
                  if (checkpoint !== undefined) await writeCheckpoint(checkpoint, options, progress.position);
                },
              }),
            );
            if (signal.aborted) {
              terminal.err(`Interrupted after ${copied} events; run it again to go on.\n`);
              return exitCodes.interrupted;
            }
            if (!options.verify) {
              terminal.out(options.json === true ? asJson({ copied }) : `${copied} events copied, not compared\n`);
              return exitCodes.ok;
            }
            const compared = await withProgress('compare', context, (advanced) =>
              compareLogs(source.store, target.store, signal, advanced),
            );
            terminal.out(options.json === true ? asJson({ copied, ...compared }) : shownCopy(copied, compared));
            if (compared.differingCount > 0) return exitCodes.findings;
            if (checkpoint !== undefined) await rm(checkpoint, { force: true });
            return exitCodes.ok;
          } finally {
            await target.close();
          }
        } finally {
          await source.close();
        }
      }),
    );
};

const shownCopy = (
  copied: number,
  { events, streams, differing, differingCount, sameOrder }: CopyVerification,
): string =>
  [
    `${copied} events copied; the source has ${events.source} in ${streams} streams, the target ${events.target}\n`,
    differingCount === 0 ? 'All streams are the same.\n' : `${differingCount} streams DIFFER\n`,
    columns(differing.map((stream) => [stream])),
    sameOrder
      ? 'The order across streams is the same: anchors of the source hold for the target.\n'
      : 'The order across streams is another one: anchor the target anew.\n',
  ].join('');

const isCheckpoint = (
  value: unknown,
): value is { readonly from: string; readonly to: string; readonly position: Position } =>
  typeof value === 'object' &&
  value !== null &&
  'from' in value &&
  'to' in value &&
  'position' in value &&
  Number.isSafeInteger(value.position);

/** A URL may hold a password: only where it leads is kept. */
const place = (url: string): string => url.replace(/\/\/[^@/]*@/, '//');

const readCheckpoint = async (file: string, { from, to }: Options): Promise<Position | undefined> => {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const content: unknown = JSON.parse(text);
  if (isCheckpoint(content) && content.from === place(from) && content.to === place(to)) return content.position;
  throw new InfrastructureError(
    'config-invalid',
    `The checkpoint ${file} is not of this copy. Delete it to begin anew.`,
  );
};

const writeCheckpoint = async (file: string, { from, to }: Options, position: Position): Promise<void> => {
  await writeFile(`${file}.new`, JSON.stringify({ from: place(from), to: place(to), position }), { flush: true });
  await rename(`${file}.new`, file);
};
