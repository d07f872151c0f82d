import { written } from '#contracts/outbound/outgoing';
import { instantOf } from '#domain/time';

/** Fields that hold an instant, at any depth. */
const instants: ReadonlySet<string> = new Set([
  'at',
  'confirmsOptOutAt',
  'correctedAt',
  'effectiveAt',
  'end',
  'expiresAt',
  'firstAt',
  'from',
  'onboardedAt',
  'openerAt',
  'receivedAt',
  'recordedAt',
  'sendAt',
  'startedAt',
  'to',
  'until',
  'validUntil',
  'wakeAt',
  'windowEnd',
]);
/** The fingerprint is a digest of personal content, short enough to guess what was hashed. */
const hidden: ReadonlySet<string> = new Set(['personal', 'fingerprint']);

const replacer = (name: string, value: unknown): unknown => {
  if (hidden.has(name)) return undefined;
  return instants.has(name) && typeof value === 'number' ? written(instantOf(value)) : value;
};

/** As JSON for other programs: nothing personal, instants as RFC 3339. */
export const asJson = (value: unknown): string => `${JSON.stringify(value, replacer, 2)}\n`;

/** A value within a line of text. */
export const inline = (value: unknown, name = ''): string => {
  const json = JSON.stringify({ [name]: value }, replacer);
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
