import type { Command } from 'commander';
import { Replay, type ReplayRequest } from '#application/history/replay';
import type { ReplayReport, Side } from '#application/history/replay-report';
import { written } from '#contracts/outbound/outgoing';
import { spokenVerdict } from '#domain/history/rederive';
import type { Instant } from '#domain/time';
import { accountArgument, instantArgument, readPolicy, secondsArgument } from '../arguments.js';
import { CheckpointFile } from '../checkpoint-file.js';
import { exitCodes } from '../exit-codes.js';

import { withProgress, withScratch, withSession, type Runner } from '../session.js';
import { asJson, columns, inline } from '../shown.js';

interface Options {
  readonly from?: Instant;
  readonly to?: Instant;
  readonly account?: string;
  readonly policy?: string;
  readonly copied?: true;
  readonly checkpoint?: string;
  readonly checkpointEvery: number;
  readonly json?: true;
}

/** Of each list, on a screen; `--json` has more. */
const SHOWN = 10;

export const replayCommand = (program: Command, run: Runner): void => {
  program
    .command('replay')
    .summary('decide history again, under its own policies or another one')
    .description(
      'Reads the log once and decides every recorded intent again on the state of its moment. Under the policies of the ' +
        'time the verdicts must be the recorded ones; a difference is a finding. With --policy it reports what that policy ' +
        'would have changed: verdicts, reasons, active users and charges. It never sends and writes nothing to the store.',
    )
    .option('--from <time>', 'judge decisions taken from then on, RFC 3339', instantArgument)
    .option('--to <time>', 'judge decisions taken before then, RFC 3339', instantArgument)
    .option('--account <account>', 'only this account', accountArgument)
    .option('--policy <file>', 'what-if: a JSON file { "preset": …, "overrides": { … } }')
    .option('--copied', 'the log is a copy: take active users as recorded, since positions are those of the source')
    .option('--checkpoint <file>', 'resume from this file when it is there; write it on the way and when interrupted')
    .option('--checkpoint-every <seconds>', 'how often it is written', secondsArgument, 300)
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      '\nCustomers beyond those met last wait in the folder for temporary files; TMPDIR names another one.' +
        '\n\nExit codes: 0 nothing found, 3 verdicts that the log does not lead to, 130 interrupted.',
    )
    .action((options: Options) =>
      run((context) =>
        withSession(context, ({ store }) =>
          withScratch(async (scratch) => {
            const { from, to, account, copied, json } = options;
            const policy = options.policy === undefined ? undefined : await readPolicy(options.policy);
            const request: ReplayRequest = { from, to, account, copied, policy };
            const replay = new Replay(store, request, scratch);
            const file = options.checkpoint === undefined ? undefined : new CheckpointFile(options.checkpoint);
            await file?.restore(replay, request);
            const everyMs = 1_000 * options.checkpointEvery;
            let writtenAt = performance.now();
            const isDone = await withProgress('replay', context, (advanced) =>
              replay.run(context.signal, async (progress) => {
                advanced(progress);
                if (file === undefined || performance.now() - writtenAt < everyMs) return;
                await file.write(replay, request);
                writtenAt = performance.now();
              }),
            );
            if (!isDone) {
              await file?.write(replay, request);
              context.terminal.err(file === undefined ? 'Interrupted.\n' : `Interrupted; run it again to go on.\n`);
              return exitCodes.interrupted;
            }
            const report = await replay.report();
            context.terminal.out(json === true ? asJson(report) : shownReport(report));
            await file?.remove();
            return report.findings.count > 0 ? exitCodes.findings : exitCodes.ok;
          }),
        ),
      ),
    );
};

export const shownReport = (report: ReplayReport): string => {
  const { events, customers, decisions, findings, revised, recorded, whatIf, policy } = report;
  return [
    `${events} events, ${customers} customers, ${decisions} decisions\n`,
    whatIf === undefined ? '' : `\nunder ${policy} instead of the policies of the time\n`,
    whatIf === undefined ? sideTable(recorded) : sidesTable(recorded, whatIf),
    whatIf === undefined
      ? ''
      : `\n${whatIf.changed.count} verdicts changed, ${whatIf.notAsked} decisions would not have been asked for\n${columns(
          Object.entries(whatIf.changed.by)
            .sort(([, a], [, b]) => b - a)
            .map(([change, count]) => [String(count), change]),
        )}`,
    revised.count === 0
      ? ''
      : `\n${revised.count} verdicts would have been others, had a fact not come late\n${columns(
          revised.first
            .slice(0, SHOWN)
            .map(({ intentId, at, said, withLateFacts }) => [
              intentId,
              written(at),
              `${spokenVerdict(said)} → ${spokenVerdict(withLateFacts)}`,
            ]),
        )}`,
    findings.count === 0
      ? '\nEvery verdict is what the log leads to.\n'
      : `\n${findings.count} FINDINGS: verdicts that the log does not lead to\n${columns(
          findings.first
            .slice(0, SHOWN)
            .flatMap(({ stream, revision, intentId, differences }) =>
              differences.map(({ field, a, b }) => [
                `${stream}@${revision}`,
                intentId,
                field,
                `recorded ${inline(a, field)}`,
                `derived ${inline(b, field)}`,
              ]),
            ),
        )}`,
  ].join('');
};

const sections = ['verdicts', 'cost', 'charges', 'activeUsers'] as const;

const sideTable = (side: Side): string =>
  columns(
    sections.flatMap((section) => Object.entries(side[section]).map(([name, count]) => [String(count), section, name])),
  );

const sidesTable = (recorded: Side, whatIf: Side): string =>
  columns(
    sections.flatMap((section) => {
      const was: { readonly [name: string]: number } = recorded[section];
      const would: { readonly [name: string]: number } = whatIf[section];
      return [...new Set([...Object.keys(was), ...Object.keys(would)])].map((name) => [
        `${was[name] ?? 0} → ${would[name] ?? 0}`,
        section,
        name,
      ]);
    }),
  );
