/** A JSON object from outside. */
export type Json = Readonly<Record<string, unknown>>;

const none: Json = {};

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object, or an empty one for anything else: what is missing in it is found by the contract of the topic. */
export const recordOf = (value: unknown): Json => (isJson(value) ? value : none);

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A string that says something. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** Unix seconds, as a number or in digits, in RFC 3339; undefined for what is no such time. */
export const timeOfSeconds = (value: unknown): string | undefined => {
  const seconds = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof seconds !== 'number') return undefined;
  const at = new Date(seconds * 1_000);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
};
