import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PROBLEM_CONTENT_TYPE, type Problem } from '#platform/problem';
import { openApiOf } from './openapi.js';

/** 8 KiB for each intent of a full batch. Express takes 100 KiB by default. */
const BODY_LIMIT = '8mb';

/** Takes bodies as large as a batch of intents is; before `init` or `listen`. */
export const setupBodies = (app: NestExpressApplication): void => {
  app.disable('x-powered-by');
  app.useBodyParser('json', { limit: BODY_LIMIT });
};

/**
 * Serves the API's description, for people at `/docs`, for machines at `/docs/openapi.json`, and answers a method that
 * a described path does not have with 405, which Express does not. Before `init` or `listen`.
 */
export const setupDocs = (app: INestApplication): void => {
  let document: OpenAPIObject | undefined;
  const described = (): OpenAPIObject => (document ??= openApiOf(app));
  let methods: ReturnType<typeof methodsOf> | undefined;
  app.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
    methods ??= methodsOf(described());
    const path = request.url?.split('?')[0] ?? '/';
    const allowed = methods.find(({ matches }) => matches.test(path))?.allowed ?? [];
    if (allowed.length === 0 || allowed.includes(request.method ?? '')) return next();
    const problem: Problem = {
      type: 'about:blank',
      title: 'Method Not Allowed',
      status: 405,
      detail: `${path} takes ${allowed.join(', ')}.`,
    };
    response
      .writeHead(405, { 'Content-Type': PROBLEM_CONTENT_TYPE, Allow: allowed.join(', ') })
      .end(JSON.stringify(problem));
  });
  SwaggerModule.setup('docs', app, described, { jsonDocumentUrl: 'docs/openapi.json' });
};

/** What each described path takes. */
const methodsOf = ({
  paths,
}: OpenAPIObject): readonly { readonly matches: RegExp; readonly allowed: readonly string[] }[] =>
  Object.entries(paths).map(([path, operations]) => {
    const allowed = Object.keys(operations).map((method) => method.toUpperCase());
    return {
      matches: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}/?$`),
      allowed: allowed.includes('GET') ? [...allowed, 'HEAD'] : allowed,
    };
  });
