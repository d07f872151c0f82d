import { DatabaseError } from 'pg';
import { InfrastructureError, type ErrorCode } from '#application/errors';

/**
 * SQLSTATEs that another try may cure (PostgreSQL appendix A): connection, rollback by deadlock or serialisation,
 * resources, intervention of an operator, system, lock time-out, and read-only after a failover.
 */
const passing = /^(08|40|53|57|58|55P03|25006)/;
/** Wrong user or password, no such database. */
const misconfigured = /^(28|3D)/;

/** What a call of the server's driver rejected with, in our words; a mistake in a statement stays as it is. */
export const driverFailure = (error: unknown): unknown => {
  if (error instanceof DatabaseError) {
    const code = error.code ?? '';
    if (misconfigured.test(code))
      return new InfrastructureError('config-invalid', `The database refuses us: ${error.message}.`, { cause: error });
    if (!passing.test(code)) return error;
  }
  // Without an SQLSTATE it is Node's or the driver's word about the connection; some have a code and no message.
  const reason = error instanceof Error ? error.message || ('code' in error ? String(error.code) : error.name) : error;
  return new InfrastructureError('database-unavailable', `The database does not answer: ${String(reason)}.`, {
    cause: error,
  });
};

export const isUnavailable = (error: unknown): error is InfrastructureError =>
  error instanceof InfrastructureError && error.code === 'database-unavailable';

/** The same failure in the words of a port. */
export const unavailableAs = async <Result>(code: ErrorCode, work: Promise<Result>): Promise<Result> => {
  try {
    return await work;
  } catch (error) {
    throw isUnavailable(error) ? new InfrastructureError(code, error.message, { cause: error }) : error;
  }
};
