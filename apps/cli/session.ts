import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AnchorFiles } from '#adapters/files/anchor-files';
import { LevelScratch } from '#adapters/level/level-scratch';
import type { Database } from '#adapters/postgres/database';
import { openDatabase } from '#adapters/postgres/open-database';
import { CustomerIdentity } from '#application/customer-identity';
import { InfrastructureError } from '#application/errors';
import type { Anchors } from '#application/history/ledger';
import type { Clock } from '#application/ports/clock';
import type { EventStore } from '#application/ports/event-store';
import type { Scratch } from '#application/ports/scratch';
import { type Config, loadConfig } from '#platform/config';
import { SystemClock } from '#platform/clock';
import type { Variables } from '#platform/environment';
import type { ExitCode } from './exit-codes.js';
import { openStore } from './open-store.js';
import { ProgressDisplay, type Terminal } from './terminal.js';

/** What every command is given. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly variables: Variables;
  /** Aborts when the command shall stop. */
  readonly signal: AbortSignal;
}

/** Runs the work of the command that was chosen. */
export type Runner = (work: (context: CommandContext) => Promise<ExitCode>) => Promise<void>;

/** What a command on the configured event store works with. */
export interface Session {
  readonly store: EventStore;
  readonly identity: CustomerIdentity;
  readonly clock: Clock;
  anchors(folder: string | undefined): Anchors;
}

/** What the environment configures, as for the service. @throws InfrastructureError `not-found`, `config-invalid` */
const configOf = async ({ variables }: CommandContext): Promise<Config> => {
  const folder = resolve(variables['TIDEGATE_DATA']?.trim() || './data');
  const isNamed = ['TIDEGATE_IDENTITY_KEY', 'TIDEGATE_DATABASE', 'TIDEGATE_EVENT_STORE'].some(
    (name) => variables[name] !== undefined,
  );
  // Loading the configuration would make a folder and a key where the service never ran.
  if (!isNamed && !existsSync(folder)) {
    throw new InfrastructureError(
      'not-found',
      `There is no data in ${folder}. Run tidegate with the environment of the service: TIDEGATE_DATA, or TIDEGATE_DATABASE and TIDEGATE_EVENT_STORE.`,
    );
  }
  return await loadConfig(variables);
};

/** Opens the event store, and closes it after the work. */
export const withSession = async (
  context: CommandContext,
  work: (session: Session) => Promise<ExitCode>,
): Promise<ExitCode> => {
  const config = await configOf(context);
  const clock = new SystemClock();
  const opened = await openStore(config.eventStore.url, clock, true);
  try {
    return await work({
      store: opened.store,
      identity: new CustomerIdentity(config.identityKey),
      clock,
      anchors: (named) => new AnchorFiles(named ?? join(config.dataFolder, 'ledger')),
    });
  } finally {
    await opened.close();
  }
};

/** Opens the database of the read models, with the event store beside it, and closes both after the work. */
export const withDatabase = async (
  context: CommandContext,
  work: (database: Database, store: EventStore) => Promise<ExitCode>,
): Promise<ExitCode> => {
  const config = await configOf(context);
  const opened = await openStore(config.eventStore.url, new SystemClock(), true);
  try {
    const database = await openDatabase(config.database.url);
    try {
      return await work(database, opened.store);
    } finally {
      await database.close();
    }
  } finally {
    await opened.close();
  }
};

/** Runs a task that reads the log, and shows how far it is. */
export const withProgress = async <Result>(
  task: string,
  { terminal }: CommandContext,
  work: (advanced: ProgressDisplay['advanced']) => Promise<Result>,
): Promise<Result> => {
  const display = new ProgressDisplay(task, terminal);
  try {
    return await work(display.advanced);
  } finally {
    display.stop();
  }
};

/** Gives the work room in the folder for temporary files, and leaves nothing there. */
export const withScratch = async <Result>(work: (scratch: Scratch) => Promise<Result>): Promise<Result> => {
  const scratch = new LevelScratch(tmpdir());
  try {
    return await work(scratch);
  } finally {
    await scratch.close();
  }
};
