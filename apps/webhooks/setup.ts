import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { HttpAdapterHost } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ProblemFilter } from '#platform/problem-filter';
import { Posts } from './posts.js';
import { SignedWebhooks } from './signed-webhooks.js';

/**
 * Takes the providers' posts before Nest sees them; all else is Nest's. Before `init` or `listen`.
 * @param failed gets the errors that are not the provider's fault, for the log
 */
export const setupWebhooks = (app: NestExpressApplication, failed: (error: unknown) => void): void => {
  app.useGlobalFilters(new ProblemFilter(app.get(HttpAdapterHost).httpAdapter, failed));
  app.disable('x-powered-by');
  app.set('etag', false);
  const posts = new Posts(app.get(SignedWebhooks), failed);
  const server: Server = app.getHttpServer();
  const others = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (posts.take(request, response)) return;
    for (const listener of others) listener.call(server, request, response);
  });
};
