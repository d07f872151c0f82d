import type { Command } from 'commander';
import { customerNamed } from '#application/history/customer-name';
import { Explain, type DecisionExplained, type Explanation } from '#application/history/explain';
import { written } from '#contracts/outbound/outgoing';
import { spokenVerdict } from '#domain/history/rederive';
import { policyVersion } from '#domain/policy';
import { accountArgument } from '../arguments.js';
import { exitCodes } from '../exit-codes.js';

import { withSession, type Runner } from '../session.js';
import { asJson, columns, fields, inline } from '../shown.js';

interface Options {
  readonly countUsers?: true;
  readonly json?: true;
}

export const explainCommand = (program: Command, run: Runner): void => {
  program
    .command('explain')
    .summary('why an intent was decided as it was, derived again from the log')
    .description(
      'Tells the verdict on a send intent, each rule with what it looked at, the facts relied on, the policy, the effect on ' +
        'the bill and what would have changed it. Everything is derived again from the log and compared with the record.',
    )
    .argument('<account>', 'the account', accountArgument)
    .argument('<customer>', '+ and E.164 digits, a customer id, or the provider’s user id')
    .argument('<intentId>', 'the intent')
    .option('--count-users', 'count active users from the log instead of taking the count that the record implies')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', '\nExit codes: 0 the record agrees, 3 it differs, 66 no such decision.')
    .action((account: string, customer: string, intentId: string, options: Options) =>
      run((context) =>
        withSession(context, async ({ store, identity }) => {
          const key = { account, customer: customerNamed(customer, account, identity), intentId };
          const explanation = await new Explain(store).run(key, {
            countUsers: options.countUsers,
            signal: context.signal,
          });
          context.terminal.out(options.json === true ? asJson(explanation) : explained(explanation));
          return explanation.agrees ? exitCodes.ok : exitCodes.findings;
        }),
      ),
    );
};

export const explained = ({ account, customer, intentId, decisions, course, agrees }: Explanation): string =>
  [
    `${account} / ${customer} / ${intentId}\n`,
    ...decisions.map((decision, index) => explainedDecision(decision, index + 1, decisions.length)),
    course.length === 0
      ? ''
      : `\nwhat else happened\n${columns(course.map(({ type, revision, at }) => [type, `revision ${revision}`, written(at)]))}`,
    agrees ? '\nDerived again from the log: the same.\n' : '\nDerived again from the log: NOT the same.\n',
  ].join('');

const explainedDecision = (decision: DecisionExplained, number: number, of: number): string => {
  const { said, rule, policy, cost, remedy, rules, fallbackRules, facts, differences, revisions = [] } = decision;
  return [
    `\ndecision ${number} of ${of}, ${written(decision.at)}, revision ${decision.revision}, event ${decision.id}\n`,
    `  ${spokenVerdict(said)}${rule === undefined ? '' : ` (rule ${rule})`}\n`,
    policy === undefined ? '' : `  policy ${policyVersion(policy)}, cost ${cost}\n`,
    remedy === undefined ? '' : `  would have changed it: ${remedy}\n`,
    ...revisions.map(
      ({ was, withLateFacts, fact, trueAt, recordedAt, because }) =>
        `  a late fact changes it: ${spokenVerdict(was)} → ${spokenVerdict(withLateFacts)}, by ${fact} of ` +
        `${written(trueAt)}, recorded ${written(recordedAt)}, event ${because}\n`,
    ),
    rules.length === 0 ? '' : `rules\n${rulesTable(rules)}`,
    fallbackRules === undefined ? '' : `rules on the fallback\n${rulesTable(fallbackRules)}`,
    facts.length === 0
      ? ''
      : `facts\n${columns(
          facts.map(({ as, type, stream, revision, at, recordedAt, id }) => [
            as,
            type,
            `${stream}@${revision}`,
            `at ${written(at)}`,
            `recorded ${written(recordedAt)}`,
            id,
          ]),
        )}`,
    differences.length === 0
      ? ''
      : `differences\n${columns(
          differences.map(({ field, a, b }) => [field, `recorded ${inline(a, field)}`, `derived ${inline(b, field)}`]),
        )}`,
  ].join('');
};

const rulesTable = (rules: DecisionExplained['rules']): string =>
  columns(rules.map(({ rule, result, name, inputs }) => [rule, result, name, fields(inputs)]));
