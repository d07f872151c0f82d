import { type ArgumentsHost, Catch, type ExceptionFilter, UnprocessableEntityException } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { Fault } from '#contracts/inbound/schemas';
import { PROBLEM_CONTENT_TYPE, type Problem } from '#platform/problem';

/** A request of which nothing was published. */
export class InvalidIntents extends UnprocessableEntityException {
  /** @param index of the faulty intent in a batch */
  constructor(
    readonly fault: Fault,
    readonly index?: number,
  ) {
    super(fault.message);
  }
}

/** Answers with the field and the remedy as further members of the problem (RFC 9457 §3.2). */
@Catch(InvalidIntents)
export class InvalidIntentsFilter implements ExceptionFilter<InvalidIntents> {
  catch({ fault, index }: InvalidIntents, host: ArgumentsHost): void {
    const problem: Problem & { readonly remedy: string; readonly index?: number | undefined } = {
      type: 'urn:tidegate:problem:message-invalid',
      title: 'Unprocessable Entity',
      status: 422,
      detail: fault.message,
      code: 'message-invalid',
      field: fault.field,
      remedy: fault.remedy,
      index,
    };
    const response = host.switchToHttp().getResponse<ServerResponse>();
    response.writeHead(problem.status, { 'Content-Type': PROBLEM_CONTENT_TYPE }).end(JSON.stringify(problem));
  }
}
