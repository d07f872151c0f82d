import { InfrastructureError } from '#application/errors';
import { Database, type Parameter, type Transaction } from './database.js';

const unavailable = (): InfrastructureError => new InfrastructureError('database-unavailable', 'Disturbed by a test.');

/** For specs: somebody's view of a database that can fail for this one alone. */
export class DisturbedDatabase extends Database {
  /** From now on nothing is answered and nothing heard, as if the process had died. */
  isCut = false;
  /** How many were sent outside transactions. */
  statements = 0;
  #losesReplyTo: RegExp | undefined;

  constructor(private readonly database: Database) {
    super();
  }

  /** The next statement that matches takes effect, but its answer never arrives. */
  loseReplyTo(statement: RegExp): void {
    this.#losesReplyTo = statement;
  }

  async query<Row>(sql: string, parameters?: readonly Parameter[]): Promise<readonly Row[]> {
    this.#checkUncut();
    this.statements += 1;
    const rows = await this.database.query<Row>(sql, parameters);
    this.#checkUncut();
    if (this.#losesReplyTo?.test(sql) === true) {
      this.#losesReplyTo = undefined;
      throw unavailable();
    }
    return rows;
  }

  async script(sql: string): Promise<void> {
    this.#checkUncut();
    await this.database.script(sql);
  }

  async transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    this.#checkUncut();
    return await this.database.transaction(work);
  }

  listen(channel: string, heard: (payload: string | undefined) => void): () => void {
    return this.database.listen(channel, (payload) => {
      if (!this.isCut) heard(payload);
    });
  }

  notify(channel: string, payload: string): void {
    if (!this.isCut) this.database.notify(channel, payload);
  }

  async close(): Promise<void> {}

  /** Closes the database behind it. */
  async end(): Promise<void> {
    await this.database.close();
  }

  #checkUncut(): void {
    if (this.isCut) throw unavailable();
  }
}
