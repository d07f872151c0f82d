import type { Command } from 'commander';
import { VerifyLedger, type Tampering, type Verification } from '#application/history/verify';
import type { EntryName } from '#application/history/ledger';
import { accountArgument } from '../arguments.js';
import { exitCodes } from '../exit-codes.js';

import { withProgress, withSession, type Runner } from '../session.js';
import { asJson, columns } from '../shown.js';

interface Options {
  readonly account?: string;
  readonly ledger?: string;
  readonly json?: true;
}

export const verifyCommand = (program: Command, run: Runner): void => {
  program
    .command('verify')
    .summary('check that nobody touched the record')
    .description(
      'Computes the hash chain of each account over its decisions, consents, policies and templates, and compares it with the ' +
        'anchors. Finds what was changed, left out, added or reordered, and gaps between the revisions of any stream.',
    )
    .option('--account <account>', 'only this account', accountArgument)
    .option('--ledger <folder>', 'where the anchors are; default: ledger in the data folder')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', '\nExit codes: 0 the record is whole, 3 it is not.')
    .action(({ account, ledger, json }: Options) =>
      run((context) =>
        withSession(context, async ({ store, anchors }) => {
          const { signal } = context;
          const verification = await withProgress('verify', context, (advanced) =>
            new VerifyLedger(store, anchors(ledger)).run({ account, signal, advanced }),
          );
          context.terminal.out(json === true ? asJson(verification) : shownVerification(verification));
          return verification.findings.length > 0 ? exitCodes.findings : exitCodes.ok;
        }),
      ),
    );
};

export const anchorCommand = (program: Command, run: Runner): void => {
  program
    .command('anchor')
    .summary('verify the record, and note where its hash chains stand now')
    .description(
      'Verifies as `tidegate verify` does and then appends anchors for what came since the last ones. Run it periodically, ' +
        'and keep a copy of the folder where those who can change the event store cannot write.',
    )
    .option('--account <account>', 'only this account', accountArgument)
    .option('--ledger <folder>', 'where the anchors are; default: ledger in the data folder')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', '\nExit codes: 0 anchored, 3 the record is not whole and nothing was anchored.')
    .action(({ account, ledger, json }: Options) =>
      run((context) =>
        withSession(context, async ({ store, anchors, clock }) => {
          const { signal } = context;
          const anchored = await withProgress('anchor', context, (advanced) =>
            new VerifyLedger(store, anchors(ledger)).anchor(clock, { account, signal, advanced }),
          );
          const text = (): string => `${shownVerification(anchored)}${anchored.added} anchors added\n`;
          context.terminal.out(json === true ? asJson(anchored) : text());
          return anchored.findings.length > 0 ? exitCodes.findings : exitCodes.ok;
        }),
      ),
    );
};

const shownVerification = ({ events, ledgers, findings, unlisted }: Verification): string =>
  [
    `${events} events\n`,
    columns(
      ledgers.map(({ account, entries, anchors, unanchored, head }) => [
        account,
        `${entries} entries`,
        `${anchors} anchors`,
        `${unanchored} not anchored yet`,
        head,
      ]),
    ),
    findings.length === 0
      ? 'The record is whole.\n'
      : `${findings.length + unlisted} FINDINGS\n${columns(findings.map(spoken))}`,
  ].join('');

const named = (entry: EntryName | undefined): string =>
  entry === undefined ? 'the beginning' : `${entry.stream}@${entry.revision}`;

const spoken = (finding: Tampering): readonly string[] => {
  switch (finding.kind) {
    case 'gap':
    case 'out-of-order':
      return [finding.kind, finding.stream, `revision ${finding.found} stands where ${finding.expected} should`];
    case 'changed':
      return [
        finding.kind,
        `anchor ${finding.anchor} of ${finding.account}`,
        `after ${named(finding.after)}, up to ${named(finding.upTo)}: ${finding.entriesFound} entries, ${finding.entriesExpected} were anchored`,
      ];
    case 'missing':
      return [
        finding.kind,
        `anchor ${finding.anchor} of ${finding.account}`,
        `${named(finding.entry)} is not in the log`,
      ];
    case 'anchors':
      return [finding.kind, `anchor ${finding.anchor} of ${finding.account}`, 'the file of the anchors was changed'];
  }
};
