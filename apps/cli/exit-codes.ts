import { isInfrastructureError, type ErrorCode } from '#application/errors';
import { exitCodes as processExitCodes } from '#platform/lifecycle';

/** What the shell learns. Those of the service keep their meaning; the others follow sysexits.h. */
export const exitCodes = {
  ok: 0,
  failed: processExitCodes.failed,
  findings: 3,
  usage: 64,
  notFound: 66,
  unavailable: 69,
  locked: 75,
  misconfigured: processExitCodes.misconfigured,
  interrupted: processExitCodes.impatient,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const meanings: { readonly [name in keyof typeof exitCodes]: string } = {
  ok: 'done; nothing was found.',
  failed: 'something failed for good.',
  findings: 'the command did its work and found something: a difference, a gap, a change.',
  usage: 'the command line is wrong (EX_USAGE).',
  notFound: 'the log holds nothing of what was asked for (EX_NOINPUT).',
  unavailable: 'the event store does not answer (EX_UNAVAILABLE).',
  locked: 'another process holds the data folder (EX_TEMPFAIL).',
  misconfigured: 'the environment, the policy file or the checkpoint is wrong (EX_CONFIG).',
  interrupted: 'interrupted; what can be resumed goes on from its checkpoint.',
};

const ofErrors: { readonly [code in ErrorCode]?: ExitCode } = {
  'not-found': exitCodes.notFound,
  'store-unavailable': exitCodes.unavailable,
  'database-unavailable': exitCodes.unavailable,
  'database-locked': exitCodes.locked,
  'config-invalid': exitCodes.misconfigured,
  'message-invalid': exitCodes.usage,
};

export const exitCodeOf = (error: unknown): ExitCode =>
  (isInfrastructureError(error) ? ofErrors[error.code] : undefined) ?? exitCodes.failed;
