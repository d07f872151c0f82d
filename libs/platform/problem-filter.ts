import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { PROBLEM_CONTENT_TYPE, problemOf } from './problem.js';

/** Answers every error of an HTTP application as a problem (RFC 9457). */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  /** @param failed gets the errors that are not the caller's fault, for the log */
  constructor(
    private readonly adapter: AbstractHttpAdapter,
    private readonly failed: (error: unknown) => void,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = problemOf(error);
    if (problem.status >= 500) this.failed(error);
    const response: unknown = host.switchToHttp().getResponse();
    // Half an answer cannot become a problem any more: all that is left is to end it.
    if (this.adapter.isHeadersSent(response)) {
      this.adapter.end(response);
      return;
    }
    this.adapter.setHeader(response, 'Content-Type', PROBLEM_CONTENT_TYPE);
    this.adapter.reply(response, problem, problem.status);
  }
}
