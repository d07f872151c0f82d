import { Agent as PlainAgent, request as requestPlainly, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as requestSecurely } from 'node:https';

/** What became of one request that is never repeated. */
export type Answer =
  /** `json`: undefined where the body broke off, took too long, was too large or no JSON. */
  | { readonly kind: 'answered'; readonly status: number; readonly json: unknown }
  /** Definitely not sent: no connection came about. */
  | { readonly kind: 'not-sent'; readonly cause: string }
  /** It may have been taken. */
  | { readonly kind: 'unknown'; readonly cause: string };

export interface Post {
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
  /** From the call to the last byte of the answer. */
  readonly deadlineMs: number;
}

/** Answers of the providers have some hundred bytes. */
const MAX_ANSWER_BYTES = 65_536;

const plain = new PlainAgent({ keepAlive: true });
const secure = new SecureAgent({ keepAlive: true });

/**
 * Posts exactly once. Never rejects. By Node's own client, which follows no redirect and repeats nothing; `fetch` does
 * both, and does not tell whether anything was written.
 *
 * A reset on a connection that was kept alive does not tell whether the request was read: unknown.
 */
export const postOnce = ({ url, headers, body, deadlineMs }: Post): Promise<Answer> =>
  new Promise((resolve) => {
    const isSecure = url.startsWith('https:');
    let mayBeWritten = false;
    const broken = (error: unknown): void =>
      resolve({ kind: mayBeWritten ? 'unknown' : 'not-sent', cause: nameOf(error) });
    let request: ClientRequest;
    try {
      const options = { method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) } };
      request = isSecure
        ? requestSecurely(url, { ...options, agent: secure })
        : requestPlainly(url, { ...options, agent: plain });
    } catch (error) {
      return broken(error);
    }
    const timer = setTimeout(() => request.destroy(new DeadlineError()), deadlineMs);
    request.on('socket', (socket) => {
      // Nothing is written before the connection stands and, where there is one, the certificate was found good.
      if (socket.connecting) socket.once(isSecure ? 'secureConnect' : 'connect', () => (mayBeWritten = true));
      else mayBeWritten = true;
    });
    // For example, the server turned to another protocol.
    const closed = (): void => broken(new ClosedError());
    request.on('response', (response) => {
      // From here on whatever breaks breaks the body, and the status stands.
      request
        .off('close', closed)
        .off('error', broken)
        .on('error', () => undefined);
      void jsonOf(response).then((json) => resolve({ kind: 'answered', status: response.statusCode ?? 0, json }));
    });
    request.on('error', broken);
    request.on('close', closed).on('close', () => clearTimeout(timer));
    request.end(body);
  });

class DeadlineError extends Error {
  readonly code = 'no-answer-in-time';
}

class ClosedError extends Error {
  readonly code = 'closed-without-answer';
}

const jsonOf = async (response: IncomingMessage): Promise<unknown> => {
  try {
    let size = 0;
    const chunks: Uint8Array[] = [];
    for await (const chunk of response) {
      if (!(chunk instanceof Uint8Array)) return undefined;
      size += chunk.byteLength;
      if (size > MAX_ANSWER_BYTES) return undefined;
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
};

/** A code, never a message: that may quote an address. */
const nameOf = (error: unknown): string => {
  if (typeof error !== 'object' || error === null) return 'unknown';
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' ? code : String(Reflect.get(error, 'name'));
};
