import { NestFactory } from '@nestjs/core';
import type { OpenAPIObject } from '@nestjs/swagger';
import { readFileSync } from 'node:fs';
import { reportsPage } from '#adapters/postgres/reports';
import { eventsPage } from '#contracts/events/page';
import { referenceFiles as contractFiles } from '#contracts/reference';
import { referenceFiles as platformFiles } from '#platform/reference';
import { InsightsModule } from './insights.module.js';
import { openApiOf } from './openapi.js';

/** The API's description, without engines: in preview Nest makes no instances. */
export const openApi = async (): Promise<OpenAPIObject> => {
  const app = await NestFactory.create(InsightsModule.preview(), { preview: true, logger: false, abortOnError: false });
  const document = openApiOf(app);
  await app.close();
  return document;
};

const golden = (file: string): unknown => JSON.parse(readFileSync(`libs/contracts/events/golden/${file}`, 'utf8'));

/** All files that are written from the code: their paths in the repository, and their text. */
export const referenceFiles = async (): Promise<ReadonlyMap<string, string>> => {
  const json = (content: object): string => `${JSON.stringify(content, null, 2)}\n`;
  return new Map([
    ...platformFiles(),
    ...[...contractFiles()].map(([name, content]): [string, string] => [`docs/reference/${name}`, json(content)]),
    ['docs/reference/events.md', eventsPage(golden)],
    ['docs/reference/sql.md', reportsPage()],
    ['docs/reference/openapi.json', json(await openApi())],
  ]);
};
