import { InfrastructureError } from '#application/errors';
import { parseInstant } from '#contracts/inbound/instants';
import type { Instant } from '#domain/time';

export type Query = { readonly [name: string]: unknown };

const invalid = (field: string, message: string): InfrastructureError =>
  new InfrastructureError('message-invalid', message, { field });

/** One text, or undefined where it is left out. @throws InfrastructureError `message-invalid` */
export const textIn = (query: Query, name: string): string | undefined => {
  const value = query[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '' || value.length > 512) throw invalid(name, `Give one ${name}.`);
  return value;
};

export const oneIn = <Word extends string>(query: Query, name: string, words: readonly Word[]): Word | undefined => {
  const value = textIn(query, name);
  if (value === undefined) return undefined;
  const word = words.find((known) => known === value);
  if (word === undefined) throw invalid(name, `${name} is one of ${words.join(', ')}.`);
  return word;
};

export const instantIn = (query: Query, name: string): Instant | undefined => {
  const value = textIn(query, name);
  if (value === undefined) return undefined;
  const at = parseInstant(value);
  if (at === undefined)
    throw invalid(name, `Give ${name} as an RFC 3339 time with a zone, such as 2026-05-04T12:00:00Z (a + as %2B).`);
  return at;
};

export const countIn = (query: Query, name: string, max: number): number | undefined => {
  const value = textIn(query, name);
  if (value === undefined) return undefined;
  const count = Number(value);
  if (!/^\d{1,9}$/.test(value) || count < 1 || count > max)
    throw invalid(name, `${name} is a whole number from 1 to ${max}.`);
  return count;
};

/** A misspelt filter would otherwise mean everything. @throws InfrastructureError `message-invalid` */
export const onlyKnown = (query: Query, names: readonly string[]): void => {
  const unknown = Object.keys(query).find((name) => !names.includes(name));
  if (unknown !== undefined) throw invalid(unknown, `There is no such parameter. Use ${names.join(', ')}.`);
};
