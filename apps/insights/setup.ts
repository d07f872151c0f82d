import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { PROBLEM_CONTENT_TYPE, type Problem } from '#platform/problem';

/** 8 KiB for each intent of a full batch. Express takes 100 KiB by default. */
const BODY_LIMIT = '8mb';

/** Takes bodies as large as a batch of intents is; before `init` or `listen`. */
export const setupBodies = (app: NestExpressApplication): void => {
  app.disable('x-powered-by');
  app.useBodyParser('json', { limit: BODY_LIMIT });
};

/** Serves the API's description, for people at `/docs`, for machines at `/docs/openapi.json`. Before `init` or `listen`. */
export const setupDocs = (app: INestApplication): void => {
  let docs: Promise<RequestListener> | undefined;
  app.use((request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => {
    if (!/^\/docs(?=[-/?]|$)/.test(request.url ?? '')) return next();
    // Made when somebody looks: what makes it takes long to load.
    docs ??= import('./docs.js').then(({ docsOf }) => docsOf(app));
    docs.then((answer) => answer(request, response), next);
  });
};

/** What Express keeps of its routes. */
interface Routed {
  readonly router: {
    readonly stack: readonly { readonly route?: { readonly path: string; readonly methods: object } }[];
  };
}

/** Answers a method that a path does not have with 405, which Express does not. Before `init` or `listen`. */
export const setupMethods = (app: INestApplication): void => {
  let methods: ReturnType<typeof methodsOf> | undefined;
  app.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
    methods ??= methodsOf(app.getHttpAdapter().getInstance());
    const path = request.url?.split('?')[0] ?? '/';
    const allowed = methods.filter(({ matches }) => matches.test(path)).flatMap(({ allowed }) => allowed);
    if (allowed.length === 0 || allowed.includes(request.method ?? '')) return next();
    const listed = allowed
      .toSorted((a, b) => Number(a === 'HEAD') - Number(b === 'HEAD') || a.localeCompare(b))
      .join(', ');
    const problem: Problem = {
      type: 'about:blank',
      title: 'Method Not Allowed',
      status: 405,
      detail: `${path} takes ${listed}.`,
    };
    response.writeHead(405, { 'Content-Type': PROBLEM_CONTENT_TYPE, Allow: listed }).end(JSON.stringify(problem));
  });
};

/** What each route takes. */
const methodsOf = ({ router }: Routed): readonly { readonly matches: RegExp; readonly allowed: readonly string[] }[] =>
  router.stack.flatMap(({ route }) => {
    if (route === undefined) return [];
    const allowed = Object.keys(route.methods).map((method) => method.toUpperCase());
    return {
      matches: new RegExp(`^${route.path.replaceAll(/:\w+/g, '[^/]+')}/?$`),
      allowed: allowed.includes('GET') ? [...allowed, 'HEAD'] : allowed,
    };
  });
