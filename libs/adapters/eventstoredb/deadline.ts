/** The server did not answer in time; the client itself waits for ever (engineering §2.3 d). */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  constructor(waitedMs: number) {
    super(`The event store did not answer within ${waitedMs} ms.`);
  }
}

/** @throws DeadlineError when the promise is not settled in time; what it settles to later is dropped */
export const within = <T>(ms: number, promise: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new DeadlineError(ms)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
