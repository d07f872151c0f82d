import { HttpAdapterHost } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ProblemFilter } from '#platform/problem-filter';

/** What Meta sends at most (platforms §2b). */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

/**
 * Bodies stay the bytes that were signed, whatever type they claim to be; compressed ones would be other bytes.
 * Before `init` or `listen`.
 * @param failed gets the errors that are not the provider's fault, for the log
 */
export const setupWebhooks = (app: NestExpressApplication, failed: (error: unknown) => void): void => {
  app.useBodyParser('raw', { type: () => true, limit: MAX_BODY_BYTES, inflate: false });
  app.useGlobalFilters(new ProblemFilter(app.get(HttpAdapterHost).httpAdapter, failed));
  app.disable('x-powered-by');
  app.set('etag', false);
};
