/** A value as JSON would carry it: a field that is undefined is a field that is not there. */
type Plain = { readonly [field: string]: unknown };

const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null;

/** Whether two values are the same once written as JSON, whatever the order of their fields. */
export const same = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true;
  if (!isPlain(a) || !isPlain(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  for (const field in a) if (!same(a[field], b[field])) return false;
  for (const field in b) if (b[field] !== undefined && a[field] === undefined) return false;
  return true;
};

/** One field that two accounts of the same thing do not share. */
export interface Difference {
  /** A path such as `evidence.windowEnd`. */
  readonly field: string;
  readonly a: unknown;
  readonly b: unknown;
}

/** Down to the values that differ; lists are compared as a whole. */
export const differences = (a: unknown, b: unknown, path = ''): readonly Difference[] => {
  if (same(a, b)) return [];
  if (!isPlain(a) || !isPlain(b) || Array.isArray(a) || Array.isArray(b)) return [{ field: path, a, b }];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((field) =>
    differences(a[field], b[field], path === '' ? field : `${path}.${field}`),
  );
};

/**
 * JSON with the fields of objects in the order of their UTF-16 code units and without blanks: the same value is the
 * same text, so that a hash of it can be computed again anywhere (RFC 8785, JSON Canonicalization Scheme).
 */
export const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map((entry) => canonical(entry ?? null)).join(',')}]`;
  if (!isPlain(value)) return JSON.stringify(value ?? null);
  const fields: string[] = [];
  for (const field of Object.keys(value).sort()) {
    const entry = value[field];
    if (entry !== undefined) fields.push(`${JSON.stringify(field)}:${canonical(entry)}`);
  }
  return `{${fields.join(',')}}`;
};
