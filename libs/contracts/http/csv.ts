const cell = (value: unknown): string => {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** A record by RFC 4180; nothing is an empty field, an object its JSON. */
export const csvRecord = (values: readonly unknown[]): string => `${values.map(cell).join(',')}\r\n`;
