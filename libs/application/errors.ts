/** What can go wrong outside the rules. A closed list: mapped once to HTTP and once to retry, dead letter or exit. */
export const errorCodes = [
  'store-unavailable',
  'store-corrupt',
  'event-unserialisable',
  'event-too-large',
  'event-undecodable',
  'too-many-conflicts',
  'queue-unavailable',
  'message-too-large',
  'database-unavailable',
  'database-locked',
  'checkpoint-taken',
  'message-invalid',
  'account-unknown',
  'not-found',
  'config-invalid',
  'clock-not-steerable',
  'outcome-not-unknown',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** What to do with work that failed so. */
export type Reaction = 'retry' | 'dead-letter' | 'exit';

export const reactionTo: Record<ErrorCode, Reaction> = {
  'store-unavailable': 'retry',
  'store-corrupt': 'exit',
  'event-unserialisable': 'dead-letter',
  'event-too-large': 'dead-letter',
  'event-undecodable': 'exit',
  'too-many-conflicts': 'retry',
  'queue-unavailable': 'retry',
  'message-too-large': 'dead-letter',
  'database-unavailable': 'retry',
  'database-locked': 'exit',
  'checkpoint-taken': 'exit',
  'message-invalid': 'dead-letter',
  'account-unknown': 'dead-letter',
  'not-found': 'dead-letter',
  'config-invalid': 'exit',
  'clock-not-steerable': 'dead-letter',
  'outcome-not-unknown': 'dead-letter',
};

/** The only kind of error that Tidegate throws on purpose. The message names what is wrong and the remedy. */
export class InfrastructureError extends Error {
  override readonly name = 'InfrastructureError';
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { readonly cause?: unknown; readonly field?: string },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.field = options?.field;
  }
  /** The input's field at fault, as a path. */
  readonly field: string | undefined;
}

export const isInfrastructureError = (error: unknown): error is InfrastructureError =>
  error instanceof InfrastructureError;
