import { Option, type Command } from 'commander';
import { PostgresApiKeys } from '#adapters/postgres/postgres-api-keys';
import { issueKey } from '#application/api-keys';
import { InfrastructureError } from '#application/errors';
import { roles, type ApiKey, type Role } from '#application/ports/api-keys';
import { written } from '#contracts/outbound/outgoing';
import { SystemClock } from '#platform/clock';
import type { Instant } from '#domain/time';
import { accountArgument, instantArgument } from '../arguments.js';
import { exitCodes } from '../exit-codes.js';
import { withDatabase, type Runner } from '../session.js';
import { asJson, columns } from '../shown.js';

interface CreateOptions {
  readonly role: Role;
  readonly name: string;
  readonly expires?: Instant;
  readonly json?: true;
}

const writtenOrNull = (at: Instant | undefined): string | null => (at === undefined ? null : written(at));

const shownKey = ({ id, account, role, name, createdAt, expiresAt, revokedAt }: ApiKey): object => ({
  id,
  account,
  role,
  name,
  createdAt: written(createdAt),
  expiresAt: writtenOrNull(expiresAt),
  revokedAt: writtenOrNull(revokedAt),
});

export const keysCommand = (program: Command, run: Runner): void => {
  const keys = program
    .command('keys')
    .summary('keys to the HTTP API: create, list, revoke')
    .description('Keys to the HTTP API, each of one account.');
  const clock = new SystemClock();

  keys
    .command('create')
    .summary('make a key')
    .description(
      'Makes a key and prints it, once: only a hash of it is stored. A reader sees sessions, active users, decisions, ' +
        'windows and templates; an auditor explanations and past states as well; an operator may also send and cancel. ' +
        'Once there is a key, every request needs one, within seconds.',
    )
    .argument('<account>', 'the account that it is for, and no other', accountArgument)
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).makeOptionMandatory())
    .requiredOption('--name <name>', 'whose it is, for people')
    .option('--expires <time>', 'when it ends, RFC 3339', instantArgument)
    .option('--json', 'one JSON object on standard output')
    .action((account: string, options: CreateOptions) =>
      run((context) =>
        withDatabase(context, async (database) => {
          const { role, name, expires: expiresAt, json } = options;
          const { key, token } = issueKey({ account, role, name, expiresAt }, clock.now());
          await new PostgresApiKeys(database).add(key);
          context.terminal.out(json === true ? asJson({ ...shownKey(key), token }) : `${token}\n`);
          context.terminal.err('Keep it now: it cannot be shown again.\n');
          return exitCodes.ok;
        }),
      ),
    );

  keys
    .command('list')
    .summary('list keys, without their secrets')
    .description('Lists keys, without their secrets.')
    .argument('[account]', 'only of this account', accountArgument)
    .option('--json', 'one JSON object on standard output')
    .action((account: string | undefined, { json }: { readonly json?: true }) =>
      run((context) =>
        withDatabase(context, async (database) => {
          const found = await new PostgresApiKeys(database).list(account);
          const now = clock.now();
          context.terminal.out(
            json === true
              ? asJson({ keys: found.map(shownKey) })
              : columns(
                  found.map(({ id, account: of, role, name, createdAt, expiresAt, revokedAt }) => [
                    id,
                    of,
                    role,
                    written(createdAt),
                    revokedAt !== undefined
                      ? `revoked ${written(revokedAt)}`
                      : expiresAt === undefined
                        ? 'in force'
                        : `${expiresAt <= now ? 'expired' : 'until'} ${written(expiresAt)}`,
                    name,
                  ]),
                ),
          );
          return exitCodes.ok;
        }),
      ),
    );

  keys
    .command('revoke')
    .summary('take a key out of force')
    .description('Takes a key out of force for good. A running service notices within seconds.')
    .argument('<id>', 'the id, which is the part of the key between its two underscores')
    .action((id: string) =>
      run((context) =>
        withDatabase(context, async (database) => {
          if (!(await new PostgresApiKeys(database).revoke(id, clock.now())))
            throw new InfrastructureError('not-found', 'There is no key of that id. See tidegate keys list.', {
              field: 'id',
            });
          return exitCodes.ok;
        }),
      ),
    );
};
