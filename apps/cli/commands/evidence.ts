import { mkdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { InfrastructureError } from '#application/errors';
import { customerNamed } from '#application/history/customer-name';
import { CollectEvidence, evidenceLine, type EvidencePack } from '#application/history/evidence';
import { accountArgument } from '../arguments.js';
import { exitCodes } from '../exit-codes.js';
import { packReadme, packVerifier } from '../pack.js';

import { withProgress, withSession, type Runner } from '../session.js';
import { asJson } from '../shown.js';

interface Options {
  readonly account: string;
  readonly customer: string;
  readonly out: string;
  readonly ledger?: string;
  readonly personal?: true;
  readonly json?: true;
}

export const evidenceCommand = (program: Command, run: Runner): void => {
  program
    .command('evidence')
    .summary('export all that the log holds on a customer, with proofs that verify without Tidegate')
    .description(
      'Writes a folder with the customer’s events, the decisions explained, the policies and templates they stood on, the ' +
        'anchors and the proof that the ledger holds them. `node verify.mjs` in that folder checks it, without Tidegate.',
    )
    .requiredOption('--account <account>', 'the account', accountArgument)
    .requiredOption('--customer <customer>', '+ and E.164 digits, a customer id, or the provider’s user id')
    .requiredOption('--out <folder>', 'the folder to write; it must not be there yet')
    .option('--ledger <folder>', 'where the anchors are; default: ledger in the data folder')
    .option('--personal', 'with addresses, names and texts; without it they are left out')
    .option('--json', 'one JSON object on standard output')
    .action((options: Options) =>
      run((context) =>
        withSession(context, async ({ store, identity, anchors }) => {
          const { account, out } = options;
          if (existsSync(out))
            throw new InfrastructureError('message-invalid', `${out} is there already. Name a new folder.`, {
              field: 'out',
            });
          const customer = customerNamed(options.customer, account, identity);
          const pack = await withProgress('evidence', context, (advanced) =>
            new CollectEvidence(store, anchors(options.ledger)).run(
              { account, customer },
              { advanced, signal: context.signal },
            ),
          );
          await writePack(out, pack, options.personal === true);
          const unproven = pack.proof.segments.filter(({ anchor }) => anchor === undefined).length > 0;
          const summary = {
            folder: out,
            events: pack.events.length,
            decisions: pack.decisions.length,
            unanchored: unproven,
          };
          context.terminal.out(
            options.json === true
              ? asJson(summary)
              : `${out}: ${summary.events} events, ${summary.decisions} decisions. Verify with: node ${join(out, 'verify.mjs')}\n`,
          );
          if (unproven)
            context.terminal.err(
              'Some entries are not anchored yet: run `tidegate anchor` first to prove those too.\n',
            );
          return exitCodes.ok;
        }),
      ),
    );
};

const writePack = async (folder: string, pack: EvidencePack, withPersonal: boolean): Promise<void> => {
  await mkdir(folder, { recursive: true });
  const lines = (values: readonly string[]): string => values.map((value) => `${value}\n`).join('');
  const files = {
    'README.md': packReadme(pack, withPersonal),
    'verify.mjs': packVerifier,
    'events.jsonl': lines(pack.events.map((event) => evidenceLine(event, withPersonal))),
    'decisions.json': asJson(pack.decisions),
    'anchors.jsonl': lines(pack.anchors.map((anchor) => JSON.stringify(anchor))),
    'proof.json': `${JSON.stringify(pack.proof)}\n`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { flag: 'wx' });
};
