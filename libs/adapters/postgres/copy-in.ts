import type { Connection, Submittable } from 'pg';
import type { CopiedTable } from './database.js';

/** What of the driver's connection its types do not name. */
declare module 'pg' {
  interface Connection {
    sendCopyFromChunk(chunk: Buffer): void;
    endCopyFrom(): void;
  }
}

/**
 * `COPY … FROM STDIN` of several tables as one query of node-postgres, which calls back by these names (its documented
 * interface for queries of others, as pg-query-stream and pg-copy-streams use it).
 *
 * The rows are sent right behind the statement: the server, which asks for those of each table, would else wait for as
 * many turns of a process that is busy folding. What it does not want, since a table failed, it drops (PostgreSQL,
 * Frontend/Backend Protocol, COPY Operations).
 */
export class CopyIn implements Submittable {
  readonly done: Promise<void>;
  /** The client puts its time limit before it, and ends that when it is called. */
  callback: (error?: Error) => void = () => undefined;
  #finish: () => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;

  constructor(private readonly tables: readonly CopiedTable[]) {
    this.done = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
  }

  submit = (connection: Connection): void => {
    connection.query(this.tables.map(({ into }) => `copy ${into} from stdin`).join(';'));
    for (const { rows } of this.tables) {
      connection.sendCopyFromChunk(Buffer.from(rows));
      connection.endCopyFrom();
    }
  };

  handleCopyInResponse(): void {}

  handleError(error: Error): void {
    this.#fail(error);
    this.callback(error);
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#finish();
    this.callback();
  }
}
