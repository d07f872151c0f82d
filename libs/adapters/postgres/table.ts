import type { CopiedTable } from './database.js';
import { copied, lines, rowsOf, toLine } from './lines.js';

type Type = Parameters<typeof rowsOf>[1];

/** A column of a table, and what a row has in it. */
export interface Column<Row> {
  readonly name: string;
  readonly type: Type;
  readonly value: (row: Row) => string | number | null;
}

/** Rows in one statement at most: it has a time limit, its text is held twice, and a rebuild hands over many. */
const ROWS_AT_ONCE = 5_000;

export const inParts = async <Row>(
  rows: readonly Row[],
  write: (part: readonly Row[]) => Promise<unknown>,
): Promise<void> => {
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) await write(rows.slice(from, from + ROWS_AT_ONCE));
};

/** A table as it is written: many rows in one statement, an older row never over a newer one. */
export class Table<Row> {
  readonly #insert: string;
  readonly #into: string;
  readonly #update: string;
  readonly #values: readonly Column<Row>['value'][];

  /**
   * @param key its primary key
   * @param isNewer when a row takes the place of the one that is `stored`
   */
  constructor(
    name: string,
    columns: readonly Column<Row>[],
    key: readonly string[],
    isNewer = 'excluded.position > stored.position',
  ) {
    const names = columns.map((column) => column.name);
    const set = names
      .filter((column) => !key.includes(column))
      .map((column) => `${column} = excluded.${column}`)
      .join(', ');
    this.#values = columns.map(({ value }) => value);
    this.#into = `${name} (${names.join(', ')})`;
    this.#insert = `insert into ${name} as stored (${names.join(', ')})
      select * from ${rowsOf(1, ...columns.map(({ type }) => type))}`;
    this.#update = `on conflict (${key.join(', ')}) do update set ${set} where ${isNewer}`;
  }

  /** For COPY; nothing where there are no rows. */
  copied(rows: readonly Row[]): readonly CopiedTable[] {
    return rows.length === 0 ? [] : [{ into: this.#into, rows: copied(rows, this.#values) }];
  }

  statement(rows: readonly Row[]): readonly [sql: string, parameters: readonly string[]] {
    return [`${this.#insert} ${this.#update}`, this.#parameters(rows)];
  }

  /** What is there stays as it is; the table may be without its key. */
  addition(rows: readonly Row[]): readonly [sql: string, parameters: readonly string[]] {
    return [`${this.#insert} on conflict do nothing`, this.#parameters(rows)];
  }

  #parameters(rows: readonly Row[]): readonly string[] {
    return this.#values.map((value) => lines(rows.map(value)));
  }
}

export const text = <Row>(name: string, of: (row: Row) => string | null): Column<Row> => ({
  name,
  type: 'text',
  value: (row) => {
    const value = of(row);
    return value === null ? null : toLine(value);
  },
});
export const number = <Row>(name: string, value: (row: Row) => number | null): Column<Row> => ({
  name,
  type: 'bigint',
  value,
});
export const id = <Row>(name: string, value: (row: Row) => string): Column<Row> => ({ name, type: 'uuid', value });
export const json = <Row>(name: string, of: (row: Row) => object): Column<Row> => ({
  name,
  type: 'text',
  value: (row) => JSON.stringify(of(row)),
});
