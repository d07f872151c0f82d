import { Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SwaggerModule } from '@nestjs/swagger';
import type { RequestListener } from 'node:http';
import { openApiOf } from './openapi.js';

@Module({})
class DocsModule {}

/** Answers `/docs` and `/docs/openapi.json`: an application of its own, since the one that it describes already listens. */
export const docsOf = async (app: INestApplication): Promise<RequestListener> => {
  const docs = await NestFactory.create<NestExpressApplication>(DocsModule, { logger: false, bodyParser: false });
  docs.disable('x-powered-by');
  SwaggerModule.setup('docs', docs, openApiOf(app), { jsonDocumentUrl: 'docs/openapi.json' });
  await docs.init();
  return docs.getHttpAdapter().getInstance();
};
