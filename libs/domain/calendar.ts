import { DAY_MS, HOUR_MS, MINUTE_MS, instantOf, plus, type Instant } from './time.js';

/** An IANA time zone, for example `Europe/Berlin`. */
export type Zone = string;
/** A calendar month of some zone, `2026-11`. */
export type Month = string;

const formats = new Map<Zone, Intl.DateTimeFormat>();

const formatOf = (zone: Zone): Intl.DateTimeFormat => {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-u-ca-iso8601-hc-h23', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    formats.set(zone, format);
  }
  return format;
};

export const isZone = (zone: string): boolean => {
  try {
    return formatOf(zone) !== undefined;
  } catch {
    return false;
  }
};

const offsets = new Map<Zone, { readonly minute: number; readonly offsetMs: number }>();

/**
 * Milliseconds to add to UTC to get the zone's wall clock at that instant. The last answer is remembered for its
 * minute: every change of an offset since 1973 in the tz database falls on a whole minute of UTC.
 */
const offsetMs = (at: Instant, zone: Zone): number => {
  if (zone === 'UTC') return 0;
  const minute = Math.floor(at / MINUTE_MS);
  const known = offsets.get(zone);
  if (known?.minute === minute) return known.offsetMs;
  const offset = { minute, offsetMs: askedOffsetMs(at, zone) };
  offsets.set(zone, offset);
  return offset.offsetMs;
};

const askedOffsetMs = (at: Instant, zone: Zone): number => {
  const fields: Record<string, number> = {};
  for (const part of formatOf(zone).formatToParts(at)) fields[part.type] = Number(part.value);
  const days = daysFromCivil(fields['year'] ?? 1970, fields['month'] ?? 1, fields['day'] ?? 1);
  const clock = (fields['hour'] ?? 0) * HOUR_MS + (fields['minute'] ?? 0) * MINUTE_MS + (fields['second'] ?? 0) * 1_000;
  return days * DAY_MS + clock - Math.floor(at / 1_000) * 1_000;
};

/** Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
const daysFromCivil = (year: number, month: number, day: number): number => {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
};

/** The inverse: year and month of a day number (same source). */
const civilFromDays = (days: number): { year: number; month: number } => {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month };
};

/** The first instant at which the zone's wall clock shows this local time (milliseconds since the local 1970-01-01). */
const fromLocal = (localMs: number, zone: Zone): Instant => {
  // A day either way lies on both sides of a change of the offset, whatever the zone (case 25: daylight saving).
  const before = offsetMs(instantOf(localMs - DAY_MS), zone);
  const after = offsetMs(instantOf(localMs + DAY_MS), zone);
  const first = instantOf(localMs - before);
  const second = instantOf(localMs - after);
  // A local time that the clocks skip is read by the old offset: never earlier than the skip itself.
  return offsetMs(first, zone) !== before && offsetMs(second, zone) === after ? second : first;
};

const monthStart = (year: number, month: number, zone: Zone): Instant =>
  fromLocal(daysFromCivil(month > 12 ? year + 1 : year, month > 12 ? 1 : month, 1) * DAY_MS, zone);

export interface MonthSpan {
  readonly month: Month;
  readonly from: Instant;
  readonly until: Instant;
}

const spans = new Map<Zone, MonthSpan>();

/** The calendar month of the zone that holds the instant; `from` inclusive, `until` exclusive. */
export const monthOf = (at: Instant, zone: Zone): MonthSpan => {
  const known = spans.get(zone);
  // Nearly every call asks for the same month: remembering the last answer keeps Intl off the hot path.
  if (known !== undefined && at >= known.from && at < known.until) return known;
  const { year, month } = civilFromDays(Math.floor((at + offsetMs(at, zone)) / DAY_MS));
  const span = {
    month: `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}`,
    from: monthStart(year, month, zone),
    until: monthStart(year, month + 1, zone),
  };
  spans.set(zone, span);
  return span;
};

/** The month by its name, `2026-11`, in the zone. Undefined for what names no month. */
export const monthNamed = (month: string, zone: Zone): MonthSpan | undefined => {
  const [, year = '', number = ''] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(month) ?? [];
  if (number === '') return undefined;
  // Its middle lies within it in every zone.
  return monthOf(instantOf(daysFromCivil(Number(year), Number(number), 15) * DAY_MS), zone);
};

/** The day of the month that the zone's wall clock shows, from 1. */
export const dayOfMonth = (at: Instant, zone: Zone): number => {
  const days = Math.floor((at + offsetMs(at, zone)) / DAY_MS);
  const { year, month } = civilFromDays(days);
  return days - daysFromCivil(year, month, 1) + 1;
};

/** Local minutes of the day; `from` later than `until` spans midnight. */
export interface QuietHours {
  readonly fromMinute: number;
  readonly untilMinute: number;
}

/** When the quiet hours that hold now will end, or undefined outside them. Local time of the zone. */
export const quietUntil = (now: Instant, quiet: QuietHours, zone: Zone): Instant | undefined => {
  const local = now + offsetMs(now, zone);
  const midnight = Math.floor(local / DAY_MS) * DAY_MS;
  const minute = Math.floor((local - midnight) / MINUTE_MS);
  const { fromMinute, untilMinute } = quiet;
  const spansMidnight = fromMinute > untilMinute;
  const isQuiet = spansMidnight
    ? minute >= fromMinute || minute < untilMinute
    : minute >= fromMinute && minute < untilMinute;
  if (!isQuiet) return undefined;
  const day = spansMidnight && minute >= fromMinute ? midnight + DAY_MS : midnight;
  const end = fromLocal(day + untilMinute * MINUTE_MS, zone);
  // When clocks go back, the local end may have passed once already: then its second time counts.
  return end > now ? end : plus(now, day + untilMinute * MINUTE_MS - local);
};
