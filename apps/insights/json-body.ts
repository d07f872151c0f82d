import { createParamDecorator, type ExecutionContext, UnsupportedMediaTypeException } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';

/** The body as JSON, not yet validated. Of another content type Express reads none, which would look like an empty one. */
export const JsonBody = createParamDecorator((_: unknown, context: ExecutionContext): unknown => {
  const request = context.switchToHttp().getRequest<IncomingMessage & { readonly body?: unknown }>();
  if (/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) return request.body;
  throw new UnsupportedMediaTypeException('Send JSON, with the header Content-Type: application/json.');
});
