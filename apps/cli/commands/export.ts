import { extname, resolve } from 'node:path';
import { Argument, Option, type Command } from 'commander';
import { PostgresAnalytics } from '#adapters/postgres/postgres-analytics';
import { InfrastructureError } from '#application/errors';
import { SystemClock } from '#platform/clock';
import type { Instant } from '#domain/time';
import { accountArgument, instantArgument } from '../arguments.js';
import { exitCodes } from '../exit-codes.js';
import { exportFile } from '../export/export-file.js';
import { encoderOf, exportFormats, type ExportFormat } from '../export/formats.js';
import { exportTableNames, exportTables, type ExportTable, type ExportTableName } from '../export/tables.js';
import { withDatabase, type Runner } from '../session.js';
import { asJson } from '../shown.js';
import { RowDisplay } from '../terminal.js';

interface Options {
  readonly out: string;
  readonly format?: ExportFormat;
  readonly from?: Instant;
  readonly to?: Instant;
  readonly afresh?: true;
  readonly json?: true;
}

const isFormat = (name: string): name is ExportFormat => exportFormats.some((format) => format === name);

const formatOf = ({ out, format }: Options): ExportFormat => {
  const ending = extname(out).slice(1).toLowerCase();
  if (format !== undefined) return format;
  if (isFormat(ending)) return ending;
  throw new InfrastructureError(
    'message-invalid',
    `The name ${out} does not tell the format: let it end with .parquet, .csv or .jsonl, or say --format.`,
    { field: 'format' },
  );
};

export const exportCommand = (program: Command, run: Runner): void => {
  program
    .command('export')
    .summary('sessions, active users, months or decisions to a file: Parquet, CSV or JSON Lines')
    .description(
      'Writes what analysts read to a file of any size, in little memory; the rows are those of the HTTP exports and of ' +
        `the SQL views, as of the projection. ${exportTableNames.map((name) => `${name}: ${exportTables[name].about}`).join('. ')}. ` +
        'The file is there whole or not at all: it is written beside its place as .part, and replaces an earlier one when it is done. ' +
        'Stopped in whatever way, the same command goes on where it was: behind the last row on disk, or for Parquet the last whole group of 25,000.',
    )
    .addArgument(new Argument('<table>', 'what').choices(exportTableNames))
    .argument('<account>', 'whose', accountArgument)
    .requiredOption('--out <file>', 'where to')
    .addOption(new Option('--format <format>', "by default as the file's name ends").choices(exportFormats))
    .option('--from <time>', 'from this instant on, RFC 3339', instantArgument)
    .option('--to <time>', 'before this instant, RFC 3339', instantArgument)
    .option('--afresh', 'begin anew, whatever an export that was stopped left behind')
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      '\nExit codes: 0 written, 66 no such account, 78 the file cannot be written, or an export with other options was stopped there, 130 interrupted.',
    )
    .action((table: ExportTableName, account: string, options: Options) =>
      run((context) => {
        const format = formatOf(options);
        return withDatabase(context, async (database) => {
          const { signal, terminal } = context;
          const analytics = new PostgresAnalytics(database);
          const state = await analytics.account(account);
          if (state?.registered !== true) {
            throw new InfrastructureError('not-found', `Analytics knows no account ${account}.`, { field: 'account' });
          }
          const startedAt = performance.now();
          const asOf = (await analytics.checkpoint())?.recordedAt;
          const file = resolve(options.out);
          const { columns, pages }: ExportTable = exportTables[table];
          const span = { from: options.from, until: options.to };
          const display = new RowDisplay(`export ${table}`, terminal);
          const { rows, bytes, resumedAt } = await exportFile(
            file,
            {
              request: JSON.stringify([table, account, format, span, columns]),
              pages: (after) => pages(analytics, state, span, new SystemClock().now(), after),
              encoder: (from) => encoderOf(format, columns, 'Tidegate', undefined, from),
            },
            { signal, advanced: display.advanced, afresh: options.afresh },
          ).finally(() => display.stop());
          const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(1));
          terminal.out(
            options.json === true
              ? asJson({ table, account, format, file, rows, resumedAt, bytes, seconds, recordedAt: asOf })
              : `${rows} rows of ${table} in ${file}, ${bytes} bytes, in ${seconds} s\n`,
          );
          return exitCodes.ok;
        });
      }),
    );
};
