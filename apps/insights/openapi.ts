import type { INestApplication } from '@nestjs/common';
import * as swagger from '@nestjs/swagger';
import { definitionsFor } from '#contracts/inbound/schemas';
import { describeTo } from '#platform/api-description';
import { PROBLEM_CONTENT_TYPE } from '#platform/problem';

const about = `Asks the gate to send, and shows what it decided and on what. All answers come from the read model, which is a moment behind the log. Errors are problems by RFC 9457 (\`${PROBLEM_CONTENT_TYPE}\`) that name the field and the remedy.`;

/** What the controllers and the contracts say of the API. */
export const openApiOf = (app: INestApplication): swagger.OpenAPIObject => {
  describeTo(swagger);
  const document = swagger.SwaggerModule.createDocument(
    app,
    new swagger.DocumentBuilder()
      .setOpenAPIVersion('3.1.0')
      .setTitle('Tidegate')
      .setVersion('1')
      .setDescription(about)
      .addBearerAuth(
        {
          type: 'http',
          scheme: 'bearer',
          description: 'A key that `tidegate keys create` made, where keys are asked for',
        },
        'key',
      )
      .addSecurityRequirements('key')
      .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
      .build(),
    { operationIdFactory: (_, method) => method },
  );
  const inSchemas = (json: string): string => json.replaceAll('#/definitions/', '#/components/schemas/');
  const inDefinitions = JSON.stringify(document.paths).replaceAll('#/components/schemas/', '#/definitions/');
  const schemas = JSON.parse(inSchemas(JSON.stringify(definitionsFor(JSON.parse(inDefinitions)))));
  return { ...document, components: { ...document.components, schemas } };
};
