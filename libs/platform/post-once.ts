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

/**
 * Posts exactly once. Never rejects.
 *
 * `fetch` repeats a request by itself: on redirects, and on 421 if it still has the body (Fetch standard, HTTP-network-
 * or-cache fetch, step 16; undici does so). So redirects are answers here, and the body is a stream that can be read
 * only once. A reset on a connection that was kept alive does not tell whether the request was read: unknown.
 */
export const postOnce = async ({ url, headers, body, deadlineMs }: Post): Promise<Answer> => {
  const bytes = new Blob([body]);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': String(bytes.size) },
      body: bytes.stream(),
      duplex: 'half',
      redirect: 'manual',
      signal: AbortSignal.timeout(deadlineMs),
    });
    return { kind: 'answered', status: response.status, json: await jsonOf(response) };
  } catch (error) {
    const cause = causeOf(error);
    return { kind: wasNotSent(cause) ? 'not-sent' : 'unknown', cause: nameOf(cause) };
  }
};

const jsonOf = async (response: Response): Promise<unknown> => {
  try {
    let size = 0;
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > MAX_ANSWER_BYTES) return undefined;
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
};

const fieldOf = (error: unknown, field: string): unknown =>
  typeof error === 'object' && error !== null ? Reflect.get(error, field) : undefined;

/** `fetch` wraps what happened on the network. */
const causeOf = (error: unknown): unknown => fieldOf(error, 'cause') ?? error;

/** A certificate is checked before anything is written. */
const CERTIFICATE = /^(?:CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|ERR_TLS_CERT_)/u;

/** Whether the error says that no connection came about, so that nothing can have been written. */
export const wasNotSent = (cause: unknown): boolean => {
  // One error per address that was tried.
  const errors = fieldOf(cause, 'errors');
  if (Array.isArray(errors)) return errors.length > 0 && errors.every(wasNotSent);
  const syscall = fieldOf(cause, 'syscall');
  const code = String(fieldOf(cause, 'code'));
  return (
    syscall === 'connect' || syscall === 'getaddrinfo' || code === 'UND_ERR_CONNECT_TIMEOUT' || CERTIFICATE.test(code)
  );
};

/** A code, never a message: that may quote an address. */
const nameOf = (cause: unknown): string => {
  const code = fieldOf(cause, 'code');
  return String(typeof code === 'string' ? code : (fieldOf(cause, 'name') ?? 'unknown'));
};
