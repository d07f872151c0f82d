import type { Command } from 'commander';
import { ReadAsOf, type AsOf, type TemplateName } from '#application/history/as-of';
import { customerNamed } from '#application/history/customer-name';
import { written } from '#contracts/outbound/outgoing';
import type { Picture } from '#domain/history/as-of';
import type { Instant } from '#domain/time';
import { accountArgument, instantArgument, templateArgument } from '../arguments.js';
import { exitCodes } from '../exit-codes.js';

import { withSession, type Runner } from '../session.js';
import { asJson, columns, fields, inline } from '../shown.js';

interface Options {
  readonly at: Instant;
  readonly template?: readonly TemplateName[];
  readonly json?: true;
}

export const asOfCommand = (program: Command, run: Runner): void => {
  program
    .command('as-of')
    .summary('what was true of a customer at an instant, and what was known then')
    .description(
      'Shows windows, consent, templates and MAU of a customer at an instant twice: by event time (what was true, whenever ' +
        'it became known) and by recorded time (what the gate knew then), with the difference and the facts that make it.',
    )
    .argument('<account>', 'the account', accountArgument)
    .argument('<customer>', '+ and E.164 digits, a customer id, or the provider’s user id')
    .requiredOption('--at <time>', 'the instant, RFC 3339', instantArgument)
    .option(
      '--template <name/language>',
      'a template to show besides those of the intents; repeatable',
      templateArgument,
    )
    .option('--json', 'one JSON object on standard output')
    .action((account: string, customer: string, options: Options) =>
      run((context) =>
        withSession(context, async ({ store, identity }) => {
          const key = { account, customer: customerNamed(customer, account, identity) };
          const asOf = await new ReadAsOf(store).run(key, options.at, options.template);
          context.terminal.out(options.json === true ? asJson(asOf) : shownAsOf(asOf));
          return exitCodes.ok;
        }),
      ),
    );
};

export const shownAsOf = ({ account, customer, at, trueThen, knownThen, differences, apart }: AsOf): string =>
  [
    `${account} / ${customer} at ${written(at)}\n`,
    `\nwhat was true\n${shownPicture(trueThen)}`,
    differences.length === 0 ? '\nThe gate knew the same.\n' : `\nwhat was known\n${shownPicture(knownThen)}`,
    differences.length === 0
      ? ''
      : `\ndifference\n${columns(
          differences.map(({ field, a, b }) => [
            field,
            `true ${inline(a, lastOf(field))}`,
            `known ${inline(b, lastOf(field))}`,
          ]),
        )}`,
    apart.length === 0
      ? ''
      : `\nfacts\n${columns(
          apart.map(({ is, type, stream, revision, at: trueAt, recordedAt, id }) => [
            is,
            type,
            `${stream}@${revision}`,
            `at ${written(trueAt)}`,
            `recorded ${written(recordedAt)}`,
            id,
          ]),
        )}`,
  ].join('');

const lastOf = (path: string): string => path.slice(path.lastIndexOf('.') + 1);

const shownPicture = ({ windows, consents, templates, mau, policy, allowance, survivor, intents }: Picture): string =>
  columns([
    ...Object.entries(windows).map(([sender, window]) => ['window', sender, fields({ ...window })]),
    ...Object.entries(consents).map(([scope, consent]) => ['consent', scope, fields({ ...consent })]),
    ...Object.entries(templates).map(([name, template]) => ['template', name, fields({ ...template })]),
    ...Object.entries(intents).map(([intentId, status]) => ['intent', intentId, status]),
    ['mau', mau.month, fields({ active: mau.active, firstAt: mau.firstAt, firstId: mau.firstId })],
    ['policy', policy, fields({ allowance })],
    ...(survivor === undefined ? [] : [['linked', survivor, 'goes on there']]),
  ]);
