import type { IncomingMessage, ServerResponse } from 'node:http';
import { PayloadTooLargeException, UnsupportedMediaTypeException } from '@nestjs/common';
import { PROBLEM_CONTENT_TYPE, problemOf } from '#platform/problem';
import type { SignedWebhooks } from './signed-webhooks.js';

/** What Meta sends at most (platforms §2b). */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

const PATH = /^\/webhooks\/(sinch|meta)\/([^/?]+)\/?(?:\?|$)/;

/**
 * The posts of the providers, straight from Node's server: the router and the body parser before a controller cost
 * several times what is done with a webhook (ADR 27). Answers 200 once everything is stored, else a problem (RFC 9457).
 */
export class Posts {
  constructor(
    private readonly webhooks: Pick<SignedWebhooks, 'sinch' | 'meta'>,
    /** Gets the errors that are not the provider's fault, for the log. */
    private readonly failed: (error: unknown) => void,
  ) {}

  /** @returns whether the request is such a post; any other is untouched */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    const [, provider, account] = (request.method === 'POST' && PATH.exec(request.url ?? '')) || [];
    if (account === undefined) return false;
    const take = provider === 'sinch' ? this.webhooks.sinch : this.webhooks.meta;
    bodyOf(request)
      .then((body) => take.call(this.webhooks, account, request.headers, body))
      .then(
        () => void response.writeHead(200, { 'content-length': '0' }).end(),
        (error: unknown) => this.#refuse(response, error),
      );
    return true;
  }

  #refuse(response: ServerResponse, error: unknown): void {
    const problem = problemOf(error);
    if (problem.status >= 500) this.failed(error);
    const body = JSON.stringify(problem);
    response
      .writeHead(problem.status, { 'content-type': PROBLEM_CONTENT_TYPE, 'content-length': Buffer.byteLength(body) })
      .end(body);
  }
}

/** The bytes that were signed, whatever type they claim to be. Never settles when the provider hangs up. */
const bodyOf = (request: IncomingMessage): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const encoding = request.headers['content-encoding'] ?? 'identity';
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      // Read to its end, since whoever is still writing does not see an answer, but not kept.
      if (length > MAX_BODY_BYTES) chunks.length = 0;
      else chunks.push(chunk);
    });
    request.on('end', () => {
      const [first, ...others] = chunks;
      if (length > MAX_BODY_BYTES)
        reject(new PayloadTooLargeException(`Send at most ${MAX_BODY_BYTES} bytes in one webhook.`));
      // Not what was signed.
      else if (encoding.toLowerCase() !== 'identity')
        reject(new UnsupportedMediaTypeException('Send webhooks uncompressed.'));
      else resolve(first !== undefined && others.length === 0 ? first : Buffer.concat(chunks, length));
    });
  });
