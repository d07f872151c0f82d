import type { Connection, Submittable } from 'pg';

/** What of the driver's connection it needs; its types do not name it. */
interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/**
 * `COPY … FROM STDIN` as a query of node-postgres, which calls back by these names (its documented interface for
 * queries of others, as pg-query-stream and pg-copy-streams use it).
 */
export class CopyIn implements Submittable {
  readonly done: Promise<void>;
  /** The client puts its time limit before it, and ends that when it is called. */
  callback: (error?: Error) => void = () => undefined;
  #finish: () => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;

  constructor(
    private readonly sql: string,
    private readonly rows: string,
  ) {
    this.done = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
  }

  submit = (connection: Connection): void => {
    connection.query(this.sql);
  };

  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(Buffer.from(this.rows));
    connection.endCopyFrom();
  }

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
