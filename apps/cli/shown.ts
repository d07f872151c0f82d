import { showable } from '#contracts/outbound/showable';

/** As JSON for other programs: nothing personal, instants as RFC 3339. */
export const asJson = (value: unknown): string => `${JSON.stringify(value, showable, 2)}\n`;

/** A value within a line of text. */
export const inline = (value: unknown, name = ''): string => {
  const json = JSON.stringify({ [name]: value }, showable);
  return json.slice(JSON.stringify(name).length + 2, -1) || 'none';
};

/** `name=value` of what is there. */
export const fields = (values: { readonly [name: string]: unknown }): string =>
  Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${inline(value, name)}`)
    .join(' ');

/** Rows in columns as wide as their widest cell; the last is not padded. */
export const columns = (rows: readonly (readonly string[])[]): string => {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  return rows
    .map((row) =>
      `  ${row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join('  ')}`.trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
};
