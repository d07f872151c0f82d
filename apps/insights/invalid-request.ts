import { type ArgumentsHost, Catch, type ExceptionFilter, UnprocessableEntityException } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { ProblemView } from '#contracts/http/problem';
import type { Fault } from '#contracts/inbound/schemas';
import { PROBLEM_CONTENT_TYPE } from '#platform/problem';

/** A request that its contract does not allow: nothing was done. */
export class InvalidRequest extends UnprocessableEntityException {
  /** @param index of the faulty intent in a batch */
  constructor(
    readonly fault: Fault,
    readonly index?: number,
  ) {
    super(fault.message);
  }
}

/** Answers with the field and the remedy as further members of the problem (RFC 9457 §3.2). */
@Catch(InvalidRequest)
export class InvalidRequestFilter implements ExceptionFilter<InvalidRequest> {
  catch({ fault, index }: InvalidRequest, host: ArgumentsHost): void {
    const problem: ProblemView = {
      type: 'urn:tidegate:problem:message-invalid',
      title: 'Unprocessable Entity',
      status: 422,
      detail: fault.message,
      code: 'message-invalid',
      field: fault.field,
      remedy: fault.remedy,
      ...(index === undefined ? {} : { index }),
    };
    const response = host.switchToHttp().getResponse<ServerResponse>();
    response.writeHead(problem.status, { 'Content-Type': PROBLEM_CONTENT_TYPE }).end(JSON.stringify(problem));
  }
}
