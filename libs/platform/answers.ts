import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from './api-description.js';
import { ProblemView } from '#contracts/http/problem';
import { PROBLEM_CONTENT_TYPE } from './problem.js';

/** The schema of a class of the contracts: what validates requests also describes them. */
export const schemaRef = ({ name }: { readonly name: string }): { readonly $ref: string } => ({
  $ref: `#/components/schemas/${name}`,
});

/** The answer when all is well, with an example of its body. */
export const Answers = (
  status: number,
  view: { readonly name: string },
  description: string,
  example: object,
): MethodDecorator =>
  ApiResponse({ status, description, content: { 'application/json': { schema: schemaRef(view), example } } });

/** The answers when it is not: why, by status. */
export const Problems = (whys: { readonly [status: number]: string }): MethodDecorator =>
  applyDecorators(
    ...Object.entries(whys).map(([status, description]) =>
      ApiResponse({
        status: Number(status),
        description,
        content: { [PROBLEM_CONTENT_TYPE]: { schema: schemaRef(ProblemView) } },
      }),
    ),
  );

/** Why any question can fail. */
export const UNREADABLE = 'The read model or the event store is away: ask again';
