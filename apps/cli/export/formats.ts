import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { RowGroup, SchemaElement } from 'hyparquet';
import { csvRecord } from '#contracts/http/csv';
import type { ColumnKind, ExportColumn, ExportRow } from './tables.js';

export const exportFormats = ['parquet', 'csv', 'jsonl'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** Makes bytes of rows; what it keeps is at most one row group. */
export interface RowEncoder {
  /** Bytes that are ready, perhaps none yet. */
  rows(rows: readonly ExportRow[]): Uint8Array | string;
  end(): Uint8Array | string;
  /** What another encoder needs to go on behind the bytes handed out; undefined while there are rows that are not among them. */
  saved(): SavedEncoder | undefined;
}

/** Plain data but for 64-bit integers and bytes. */
export interface SavedEncoder {
  readonly rowGroups: readonly RowGroup[];
}

/** Where an earlier encoder stopped. */
export interface EncodedSoFar {
  readonly bytes: number;
  readonly rows: number;
  readonly encoder: SavedEncoder;
}
const NO_GROUPS: SavedEncoder = { rowGroups: [] };

const jsonl = (): RowEncoder => ({
  rows: (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
  end: () => '',
  saved: () => NO_GROUPS,
});

const csv = (columns: readonly ExportColumn[], from: EncodedSoFar | undefined): RowEncoder => {
  let head = from !== undefined ? '' : csvRecord(columns.map(({ name }) => name));
  const taken = (): string => {
    const text = head;
    head = '';
    return text;
  };
  return {
    rows: (rows) => taken() + rows.map((row) => csvRecord(columns.map(({ name }) => row[name]))).join(''),
    end: taken,
    saved: () => NO_GROUPS,
  };
};

/** A reader loads what it wants of a group; larger ones are read faster and take more memory here: about 40 MB. */
const ROWS_PER_GROUP = 25_000;

/** Parquet's logical types: instants in milliseconds UTC, counts as 64-bit integers. */
const elementOf: Readonly<Record<ColumnKind, Omit<SchemaElement, 'name'>>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  json: { type: 'BYTE_ARRAY', converted_type: 'JSON', logical_type: { type: 'JSON' } },
  count: { type: 'INT64', converted_type: 'INT_64', logical_type: { type: 'INTEGER', bitWidth: 64, isSigned: true } },
  time: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MILLIS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
  },
};

const valueOf: Readonly<Record<ColumnKind, (value: unknown) => unknown>> = {
  text: String,
  json: (value) => value,
  count: (value) => BigInt(Number(value)),
  time: (value) => BigInt(Date.parse(String(value))),
};

const parquet = (
  columns: readonly ExportColumn[],
  createdBy: string,
  rowsPerGroup: number,
  from: EncodedSoFar | undefined,
): RowEncoder => {
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({
    writer: bytes,
    createdBy,
    schema: [
      { name: 'root', num_children: columns.length },
      ...columns.map(({ name, kind, isNullable }): SchemaElement => ({
        name,
        repetition_type: isNullable ? 'OPTIONAL' : 'REQUIRED',
        ...elementOf[kind],
      })),
    ],
  });
  if (from !== undefined) {
    // The groups that are written, as its footer will tell of them; their places count from the start of the file.
    writer.row_groups.push(...from.encoder.rowGroups);
    writer.num_rows = BigInt(from.rows);
    bytes.index = 0;
    bytes.offset = from.bytes;
  }
  const group = columns.map(({ name, kind }) => ({ name, valueOf: valueOf[kind], data: [] as unknown[] }));
  /** Copied, as the writer goes on in the same memory. */
  const taken = (): Uint8Array => {
    const ready = bytes.getBytes().slice();
    bytes.index = 0;
    return ready;
  };
  const writeGroup = (): void => {
    if ((group[0]?.data.length ?? 0) === 0) return;
    // An index of pages would be kept for all groups until the end: readers skip groups by their statistics.
    void writer.write({
      rowGroupSize: group[0]?.data.length ?? rowsPerGroup,
      columnData: group.map(({ name, data }) => ({ name, data, offsetIndex: false })),
    });
    for (const column of group) column.data = [];
  };
  return {
    rows: (rows) => {
      for (const row of rows) {
        for (const { name, data, valueOf: of } of group) {
          const value = row[name];
          data.push(value === null || value === undefined ? null : of(value));
        }
      }
      if ((group[0]?.data.length ?? 0) < rowsPerGroup) return '';
      writeGroup();
      return taken();
    },
    end: () => {
      writeGroup();
      void writer.finish();
      return taken();
    },
    saved: () => ((group[0]?.data.length ?? 0) === 0 ? { rowGroups: writer.row_groups } : undefined),
  };
};

/** @param createdBy named in Parquet files @param from goes on behind an earlier one */
export const encoderOf = (
  format: ExportFormat,
  columns: readonly ExportColumn[],
  createdBy: string,
  rowsPerGroup = ROWS_PER_GROUP,
  from?: EncodedSoFar,
): RowEncoder => {
  switch (format) {
    case 'parquet':
      return parquet(columns, createdBy, rowsPerGroup, from);
    case 'csv':
      return csv(columns, from);
    case 'jsonl':
      return jsonl();
  }
};
