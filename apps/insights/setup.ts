import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { definitions } from '#contracts/inbound/schemas';

/** 8 KiB for each intent of a full batch. Express takes 100 KiB by default. */
const BODY_LIMIT = '8mb';

/** Takes bodies as large as a batch of intents is; before `init` or `listen`. */
export const setupBodies = (app: NestExpressApplication): void => {
  app.useBodyParser('json', { limit: BODY_LIMIT });
};

/** Serves the API's description: for people at `/docs`, for machines at `/docs/openapi.json`. */
export const setupDocs = (app: INestApplication): void => {
  SwaggerModule.setup('docs', app, () => openApiOf(app), { jsonDocumentUrl: 'docs/openapi.json' });
};

const openApiOf = (app: INestApplication): OpenAPIObject => {
  const document = SwaggerModule.createDocument(
    app,
    new DocumentBuilder().setTitle('Tidegate').setVersion('1').build(),
  );
  // The schemas that validate the messages also describe them.
  const schemas = JSON.parse(JSON.stringify(definitions()).replaceAll('#/definitions/', '#/components/schemas/'));
  return { ...document, components: { ...document.components, schemas } };
};
