import {
  MaxAppendSizeExceededError,
  NO_STREAM as NO_STREAM_YET,
  NotLeaderError,
  StreamDeletedError,
  WrongExpectedVersionError,
  type EventStoreDBClient,
} from '@eventstore/db-client';
import { InfrastructureError } from '#application/errors';
import { NO_STREAM, type AppendOutcome } from '#application/ports/event-store';
import { closeClient, openAppendClient } from './client.js';
import { within } from './deadline.js';
import type { PreparedAppend } from './stored-event.js';

export interface AppendConnectionOptions {
  /** An append that is not answered in this time is of unknown outcome. */
  readonly appendTimeoutMs: number;
  /** Appends under way at most. */
  readonly appendConcurrency: number;
  /** Told what mended itself but should be seen. */
  readonly warn: (message: string, cause: unknown) => void;
}

/**
 * The server gets each append's deadline as an instant of our clock, and answers "timeout" at once when its own clock is
 * ahead of that. It has a limit of its own (2 s), so this one only has to be far enough.
 */
const SERVER_DEADLINE_MS = 60 * 60_000;

/**
 * The connection for appends, one for each URL and process: the client keeps the appends that wait for a reply in one
 * place for all its instances, and any broken call fails them all (engineering §2.3 b).
 *
 * It is cold at first and after an append got no answer. One append then goes alone, because many at once can hang a
 * cold client (§2.3 g), and where that fails, what waits behind it is not sent and shares its fate. Once an append is
 * answered the rest goes concurrently. A client that got no answer is replaced when nothing is under way any more: some
 * of its failures, as of looking for the nodes of a cluster, stay with it for ever. Only one that was told of another
 * leader is kept, because it goes there next.
 */
export class AppendConnection {
  static readonly #shared = new Map<string, AppendConnection>();

  /** The process's connection to that URL; the options are those of whoever came first. */
  static to(url: string, options: AppendConnectionOptions): AppendConnection {
    const connection = AppendConnection.#shared.get(url) ?? new AppendConnection(url, options);
    AppendConnection.#shared.set(url, connection);
    connection.#users += 1;
    return connection;
  }

  readonly #open: () => EventStoreDBClient;
  #client: EventStoreDBClient;
  #users = 0;
  #warm = false;
  #underWay = 0;
  #waiting: ((turnedAway: InfrastructureError | undefined) => void)[] = [];

  private constructor(
    private readonly url: string,
    private readonly options: AppendConnectionOptions,
  ) {
    this.#open = () =>
      openAppendClient(url, (error) =>
        options.warn('A reply of the event store to no waiting append was dropped.', error),
      );
    this.#client = this.#open();
  }

  /** The cause of an unknown outcome is an InfrastructureError: `store-unavailable`, `event-too-large`, `not-found`. */
  async append(append: PreparedAppend): Promise<AppendOutcome> {
    const turnedAway = await this.#turn();
    if (turnedAway !== undefined) return { kind: 'unknown', cause: turnedAway };
    const outcome = await this.#send(append);
    await this.#done(outcome);
    return outcome;
  }

  /** Closes the connection when its last user left. */
  async close(): Promise<void> {
    this.#users -= 1;
    if (this.#users > 0) return;
    AppendConnection.#shared.delete(this.url);
    await closeClient(this.#client);
  }

  async #send({ stream, expectedRevision, events }: PreparedAppend): Promise<AppendOutcome> {
    try {
      // Never with credentials: each append would need a call of its own (§2.3 f). They belong into the URL.
      const appended = this.#client.appendToStream(stream, events, {
        expectedRevision: expectedRevision === NO_STREAM ? NO_STREAM_YET : BigInt(expectedRevision),
        deadline: SERVER_DEADLINE_MS,
      });
      const { nextExpectedRevision } = await within(this.options.appendTimeoutMs, appended);
      return { kind: 'appended', revision: Number(nextExpectedRevision) };
    } catch (error) {
      if (error instanceof WrongExpectedVersionError) {
        const { actualVersion } = error;
        return {
          kind: 'conflict',
          actualRevision: typeof actualVersion === 'bigint' ? Number(actualVersion) : NO_STREAM,
        };
      }
      return { kind: 'unknown', cause: failure(stream, error) };
    }
  }

  #turn(): Promise<InfrastructureError | undefined> | undefined {
    if (this.#underWay < this.#limit) {
      this.#underWay += 1;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  get #limit(): number {
    return this.#warm ? this.options.appendConcurrency : 1;
  }

  async #done(outcome: AppendOutcome): Promise<void> {
    const unanswered = outcome.kind === 'unknown' && isUnavailable(outcome.cause);
    this.#warm = !unanswered;
    if (unanswered) {
      this.#turnAway(unavailable('An append was not sent, because one before it got no answer.', outcome.cause));
      if (this.#underWay === 1 && !(outcome.cause.cause instanceof NotLeaderError)) await this.#replaceClient();
    }
    this.#underWay -= 1;
    while (this.#underWay < this.#limit) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#underWay += 1;
      next(undefined);
    }
  }

  #turnAway(cause: InfrastructureError): void {
    for (const turnAway of this.#waiting.splice(0)) turnAway(cause);
  }

  async #replaceClient(): Promise<void> {
    await closeClient(this.#client);
    if (this.#users > 0) this.#client = this.#open();
  }
}

const unavailable = (message: string, cause?: unknown): InfrastructureError =>
  new InfrastructureError('store-unavailable', message, { cause });

const isUnavailable = (error: Error): boolean =>
  error instanceof InfrastructureError && error.code === 'store-unavailable';

const failure = (stream: string, cause: unknown): InfrastructureError => {
  if (cause instanceof MaxAppendSizeExceededError) {
    const limit = `the event store's MaxAppendSize of ${cause.maxAppendSize} bytes`;
    return new InfrastructureError('event-too-large', `An append to ${stream} exceeds ${limit}; raise it.`, { cause });
  }
  if (cause instanceof StreamDeletedError) return deleted(stream, cause);
  return unavailable(`The outcome of an append to ${stream} is unknown.`, cause);
};

export const deleted = (stream: string, cause: unknown): InfrastructureError =>
  new InfrastructureError('not-found', `The stream ${stream} was deleted from the event store.`, { cause });
