import { NotAcceptableException } from '@nestjs/common';

export const JSON_TYPE = 'application/json';
export const LINES_TYPE = 'application/jsonl';
export const CSV_TYPE = 'text/csv';

const offered = new Map<string, string>([
  [JSON_TYPE, JSON_TYPE],
  [LINES_TYPE, LINES_TYPE],
  ['application/x-ndjson', LINES_TYPE],
  ['application/x-jsonlines', LINES_TYPE],
  [CSV_TYPE, CSV_TYPE],
  ['application/*', JSON_TYPE],
  ['text/*', CSV_TYPE],
  ['*/*', JSON_TYPE],
]);

/** What the client prefers of what there is (RFC 9110 §12.5.1); without a wish JSON. */
export const preferredFormat = (accept: string | undefined): string => {
  const wishes = (accept ?? '*/*')
    .split(',')
    .map((wish) => {
      const [type = '', ...parameters] = wish.split(';').map((part) => part.trim().toLowerCase());
      const quality = parameters.find((parameter) => parameter.startsWith('q='));
      return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) };
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality);
  for (const { type } of wishes) {
    const format = offered.get(type);
    if (format !== undefined) return format;
  }
  throw new NotAcceptableException(`There is ${JSON_TYPE}, ${LINES_TYPE} and ${CSV_TYPE}.`);
};
