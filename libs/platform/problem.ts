import { HttpException } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';
import { type ErrorCode, isInfrastructureError } from '#application/errors';

export const statusOf: Record<ErrorCode, number> = {
  'store-unavailable': 503,
  'store-corrupt': 500,
  'event-unserialisable': 422,
  'event-too-large': 413,
  'event-undecodable': 500,
  'too-many-conflicts': 503,
  'queue-unavailable': 503,
  'message-too-large': 413,
  'database-unavailable': 503,
  'database-locked': 503,
  'checkpoint-taken': 503,
  'message-invalid': 400,
  'account-unknown': 404,
  'not-found': 404,
  'config-invalid': 500,
  'clock-not-steerable': 409,
  'outcome-not-unknown': 409,
};

/** An error as RFC 9457 has it (`application/problem+json`); `code` and `field` are its extension members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly code?: ErrorCode;
  readonly field?: string;
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** Nothing of an error that is not meant for the caller gets out: those of the server and unknown ones have no detail. */
export const problemOf = (error: unknown): Problem => {
  if (isInfrastructureError(error)) {
    const { code, message, field } = error;
    const status = statusOf[code];
    return {
      type: `urn:tidegate:problem:${code}`,
      title: titleOf(status),
      status,
      code,
      ...(status === 500 ? {} : { detail: message }),
      ...(field === undefined ? {} : { field }),
    };
  }
  // "about:blank" says that the status is all there is to know (RFC 9457 §4.2.1).
  if (error instanceof HttpException) {
    const status = error.getStatus();
    const detail = status < 500 ? { detail: error.message } : {};
    return { type: 'about:blank', title: titleOf(status), status, ...detail };
  }
  return { type: 'about:blank', title: titleOf(500), status: 500 };
};

const titleOf = (status: number): string => STATUS_CODES[status] ?? 'Error';
