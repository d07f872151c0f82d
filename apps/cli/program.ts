import { Command, CommanderError } from 'commander';
import { isInfrastructureError } from '#application/errors';
import { asOfCommand } from './commands/as-of.js';
import { completionCommand } from './commands/completion.js';
import { copyCommand } from './commands/copy.js';
import { evidenceCommand } from './commands/evidence.js';
import { explainCommand } from './commands/explain.js';
import { exportCommand } from './commands/export.js';
import { keysCommand } from './commands/keys.js';
import { rebuildCommand } from './commands/rebuild.js';
import { replayCommand } from './commands/replay.js';
import { anchorCommand, verifyCommand } from './commands/verify.js';
import { exitCodeOf, exitCodes, type ExitCode } from './exit-codes.js';
import type { CommandContext, Runner } from './session.js';

const about = `What happened at the gate, and why: for auditors and operators. Tidegate's log is read where the service keeps it; the environment is that of the service (see .env.example).`;

const after = `
Exit codes: 0 done, 1 failed, 3 something was found, 64 wrong command line, 66 not in the log,
69 store not available, 75 the data folder is in use, 78 wrong configuration,
130 interrupted.`;

const commands = [
  explainCommand,
  asOfCommand,
  replayCommand,
  verifyCommand,
  anchorCommand,
  evidenceCommand,
  copyCommand,
  rebuildCommand,
  exportCommand,
  keysCommand,
  completionCommand,
];

export const createProgram = (run: Runner, version: string): Command => {
  const program = new Command('tidegate');
  program.description(about).version(version).addHelpText('after', after).showHelpAfterError('(tidegate --help)');
  for (const add of commands) add(program, run);
  return program;
};

/**
 * Runs one command line. @param words without `node` and the script
 * @returns the code to exit with; never rejects
 */
export const runCommand = async (
  words: readonly string[],
  context: CommandContext,
  version: string,
): Promise<ExitCode> => {
  let exitCode: ExitCode = exitCodes.ok;
  const program = createProgram(async (work) => {
    exitCode = await work(context);
  }, version);
  const { out, err } = context.terminal;
  for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)])
    command.exitOverride().configureOutput({ writeOut: out, writeErr: err });
  try {
    await program.parseAsync(words, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has said what is wrong; help and version are no errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (context.signal.aborted) return exitCodes.interrupted;
    err(`${error instanceof Error ? error.message : String(error)}\n`);
    if (isInfrastructureError(error) && error.code === 'database-locked') err(lockedHint);
    return exitCodeOf(error);
  }
};

const lockedHint =
  'An embedded store belongs to one process at a time, and here that is most likely the service. Stop it for as long as ' +
  'this takes, or keep the log in Postgres or EventStoreDB, where both can read.\n';
