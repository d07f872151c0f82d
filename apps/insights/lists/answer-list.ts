import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AnalyticsCheckpoint } from '#application/ports/analytics';
import { readCursor, writeCursor } from './cursor.js';
import { csvRecord } from '#contracts/http/csv';
import { CSV_TYPE, JSON_TYPE, preferredFormat } from './formats.js';
import { countIn, textIn, type Query } from './query.js';

/** Rows that are read at a time for an export: what it keeps in memory, whatever its size. */
const BATCH = 1_000;
const MAX_PAGE = 1_000;
const DEFAULT_PAGE = 100;

/** A list that is read on and on behind the row that was last. */
export interface List<Row> {
  /** The name of the rows in a JSON answer. */
  readonly name: string;
  /** The names of the fields of `view`, in their order. */
  readonly fields: readonly string[];
  /** @param after what `placeOf` said of the row that was last */
  page(after: readonly (string | number)[] | undefined, limit: number): Promise<readonly Row[]>;
  placeOf(row: Row): readonly (string | number)[];
  view(row: Row): { readonly [field: string]: unknown };
}

export interface ListRequest extends Pick<IncomingMessage, 'method' | 'headers'> {
  readonly path: string;
  readonly query: Query;
}

export type ListResponse = ServerResponse;

/** The question without where to go on: cursors belong to it. */
const questionOf = ({ path, query }: ListRequest): string => {
  const { cursor: _cursor, limit: _limit, ...filters } = query;
  return `${path}?${new URLSearchParams(Object.entries(filters).map(([name, value]): [string, string] => [name, String(value)])).toString()}`;
};

/**
 * Answers with one page as JSON, or with all that is left as JSON Lines or CSV, as the client accepts. An export is read
 * in batches at the pace of the client; rows that change meanwhile are as they are when they are read.
 */
export const answerList = async <Row>(
  list: List<Row>,
  request: ListRequest,
  response: ListResponse,
  checkpoint: () => Promise<AnalyticsCheckpoint | undefined>,
): Promise<void> => {
  const format = preferredFormat(request.headers.accept);
  const question = questionOf(request);
  const cursor = textIn(request.query, 'cursor');
  const after = cursor === undefined ? undefined : readCursor(question, cursor);
  const limit = countIn(request.query, 'limit', format === JSON_TYPE ? MAX_PAGE : 1_000_000_000);
  response.setHeader('Vary', 'Accept');
  if (format === JSON_TYPE) {
    const size = limit ?? DEFAULT_PAGE;
    const rows = await list.page(after, size + 1);
    const last = rows[size - 1];
    const more = rows.length > size && last !== undefined ? writeCursor(question, list.placeOf(last)) : undefined;
    const next = more === undefined ? null : nextPath(question, more, limit);
    const body = JSON.stringify({ [list.name]: rows.slice(0, size).map((row) => list.view(row)), next });
    if (isKnown(body, request, response)) return;
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.end(body);
    return;
  }
  const position = (await checkpoint())?.position ?? 0;
  if (isKnown(`${position} ${question} ${format} ${cursor ?? ''} ${limit ?? ''}`, request, response)) return;
  response.setHeader('Content-Type', format === CSV_TYPE ? 'text/csv; charset=utf-8; header=present' : format);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const texts = written(list, format, after, limit ?? Infinity);
  // Before the headers are out, what fails can still be answered as a problem.
  const first = await texts.next();
  await pipeline(
    Readable.from(chained(first.done === true ? '' : first.value, texts), { objectMode: false }),
    response,
  ).catch((error: unknown) => {
    // The client has left: nobody to tell.
    if (!response.destroyed) throw error;
  });
};

/** Tags the answer by what it is made of, and answers 304 where the client has it. Express would not for what `fetch` sends. */
const isKnown = (content: string, { headers }: ListRequest, response: ListResponse): boolean => {
  const tag = `W/"${hash('sha256', content).slice(0, 22)}"`;
  response.setHeader('ETag', tag);
  if (headers['if-none-match']?.split(/\s*,\s*/).includes(tag) !== true) return false;
  response.writeHead(304).end();
  return true;
};

const nextPath = (question: string, cursor: string, limit: number | undefined): string =>
  `${question}${question.endsWith('?') ? '' : '&'}${limit === undefined ? '' : `limit=${limit}&`}cursor=${cursor}`;

async function* chained(first: string, rest: AsyncGenerator<string, void, void>): AsyncGenerator<string, void, void> {
  if (first !== '') yield first;
  yield* rest;
}

/** The rows as text, a batch at a time. */
async function* written<Row>(
  list: List<Row>,
  format: string,
  from: readonly (string | number)[] | undefined,
  limit: number,
): AsyncGenerator<string, void, void> {
  let after = from;
  let left = limit;
  let head = format === CSV_TYPE ? csvRecord(list.fields) : '';
  for (;;) {
    const rows = await list.page(after, Math.min(BATCH, left));
    const texts = rows.map((row) => {
      const view = list.view(row);
      return format === CSV_TYPE ? csvRecord(list.fields.map((field) => view[field])) : `${JSON.stringify(view)}\n`;
    });
    if (head !== '' || texts.length > 0) yield head + texts.join('');
    head = '';
    left -= rows.length;
    const last = rows.at(-1);
    if (last === undefined || rows.length < BATCH || left <= 0) return;
    after = list.placeOf(last);
  }
}
