import { instantOf, type Instant } from '#domain/time';

const rfc3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** An RFC 3339 date-time as an instant, finer digits than milliseconds cut off; undefined for anything else. */
export const parseInstant = (text: string): Instant | undefined => {
  const [, year, month, day] = rfc3339.exec(text) ?? [];
  if (year === undefined || !isDay(Number(year), Number(month), Number(day))) return undefined;
  const at = Date.parse(text.toUpperCase());
  return Number.isNaN(at) ? undefined : instantOf(at);
};

// Date.parse reads 31 February as 3 March.
const isDay = (year: number, month: number, day: number): boolean =>
  month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);

const daysIn = (year: number, month: number): number => {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
};

/** A time of a validated message. */
export const instantFrom = (text: string): Instant => {
  const at = parseInstant(text);
  if (at === undefined) throw new RangeError(`${text} is not an RFC 3339 date-time`);
  return at;
};

export const optionalInstant = (text: string | undefined): Instant | undefined =>
  text === undefined ? undefined : instantFrom(text);
