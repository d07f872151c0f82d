import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsString,
  MATCHES,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { isZone } from '#domain/calendar';
import { parseInstant } from './instants.js';

// The fields that the messages share, each as one decorator. A constraint is written such that class-validator and
// the JSON Schema made from it agree: lengths by patterns, because their own counts differ on emoji.

const all =
  (...decorators: readonly PropertyDecorator[]): PropertyDecorator =>
  (target, property) => {
    for (const decorate of decorators) decorate(target, property);
  };

export type Schema = Exclude<Parameters<typeof JSONSchema>[0], (...args: never[]) => unknown>;

/** The schema of a decorator that class-validator-jsonschema does not know, in place of its guess. */
export const Described =
  (schema: Schema): PropertyDecorator =>
  (target, property) =>
    JSONSchema(({ description }) => (description === undefined ? schema : { description, ...schema }))(
      target,
      String(property),
    );

const SAYS = 'says';

/** What the field means, in the place of a doc comment: it reaches the published schemas. Checks nothing. */
export const Says = (meaning: string): PropertyDecorator =>
  ValidateBy({ name: SAYS, constraints: [meaning], validator: { validate: () => true } });

/** A field that Tidegate writes and never reads: described, not checked. */
export const Shown = (schema: Schema): PropertyDecorator =>
  all(ValidateBy({ name: 'isShown', validator: { validate: () => true } }), Described(schema));

interface Rule {
  readonly constraints?: readonly unknown[];
  readonly message?: unknown;
}

const patternOf = ({ constraints }: Rule): string => {
  const [pattern] = constraints ?? [];
  if (!(pattern instanceof RegExp)) throw new TypeError('Matches takes a regular expression');
  return pattern.source;
};

/** How class-validator-jsonschema puts what it does not know by itself: meanings, and what to say of a wrong pattern. */
export const converters = {
  [SAYS]: ({ constraints }: Rule): Schema => ({ description: String(constraints?.[0]) }),
  [MATCHES]: (rule: Rule): Schema => ({
    type: 'string',
    pattern: patternOf(rule),
    ...(typeof rule.message === 'string' ? { $comment: rule.message } : {}),
  }),
};

/** May be left out. Null is not the same as left out, unlike with class-validator's IsOptional. */
export const Optional = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

/** Lower-case name of a tenant; part of stream names. */
export const Account = (): PropertyDecorator =>
  all(IsString(), Matches(/^[a-z0-9_]{1,64}$/u, { message: 'must match [a-z0-9_]+, at most 64 characters' }));

/** One to `max` characters, none of them a control character. */
export const Id = (max = 256): PropertyDecorator =>
  all(
    IsString(),
    Matches(new RegExp(`^\\P{Cc}{1,${max}}$`, 'u'), {
      message: `must be 1 to ${max} characters without control characters`,
    }),
  );

/** Free text of at most `max` characters. */
export const Text = (max: number, min: 0 | 1 = 0): PropertyDecorator =>
  all(
    IsString(),
    Matches(new RegExp(`^[\\s\\S]{${min},${max}}$`, 'u'), { message: `must be ${min} to ${max} characters` }),
  );

export const OneOf = (values: readonly string[]): PropertyDecorator => all(IsString(), IsIn([...values]));

/** RFC 3339, for example `2026-05-04T12:00:00Z`. */
export const Time = (): PropertyDecorator =>
  all(
    ValidateBy({
      name: 'isTime',
      validator: {
        validate: (value: unknown) => typeof value === 'string' && parseInstant(value) !== undefined,
        defaultMessage: () => '$property must be an RFC 3339 date-time with a zone',
      },
    }),
    Described({ type: 'string', format: 'date-time' }),
  );

/** Another object of the message. */
export const Nested = (type: () => new () => object): PropertyDecorator =>
  all(IsObject(), ValidateNested(), Type(type));

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object with a string under each name. */
export const StringMap = (): PropertyDecorator =>
  all(
    ValidateBy({
      name: 'isStringMap',
      validator: {
        validate: (value: unknown) =>
          isRecord(value) && Object.values(value).every((entry) => typeof entry === 'string'),
        defaultMessage: () => '$property must be an object of strings',
      },
    }),
    Described({ type: 'object', additionalProperties: { type: 'string' } }),
  );

/** An array of at most `max` strings of 1 to 256 characters. */
export const StringList = (max: number): PropertyDecorator =>
  all(
    ValidateBy({
      name: 'isStringList',
      validator: {
        validate: (value: unknown) =>
          Array.isArray(value) &&
          value.length <= max &&
          value.every((entry) => typeof entry === 'string' && /^[\s\S]{1,256}$/u.test(entry)),
        defaultMessage: () => `$property must be at most ${max} strings of 1 to 256 characters`,
      },
    }),
    Described({ type: 'array', maxItems: max, items: { type: 'string', pattern: '^[\\s\\S]{1,256}$' } }),
  );

/** A whole number from `min` to `max`. */
export const Count = (min: number, max: number): PropertyDecorator =>
  all(IsInt(), Min(min), Max(max), Described({ type: 'integer', minimum: min, maximum: max }));

/** A whole number from `min` to `max`, or null for none. */
export const CountOrNull = (min: number, max: number): PropertyDecorator =>
  all(
    ValidateBy({
      name: 'isCountOrNull',
      validator: {
        validate: (value: unknown) =>
          value === null || (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max),
        defaultMessage: () => `$property must be a whole number from ${min} to ${max}, or null`,
      },
    }),
    Described({ anyOf: [{ type: 'integer', minimum: min, maximum: max }, { type: 'null' }] }),
  );

export const Flag = (): PropertyDecorator => IsBoolean();

export const SomeOf = (values: readonly string[]): PropertyDecorator =>
  all(IsArray(), IsIn([...values], { each: true }));

/** An IANA time zone that this process knows. */
export const TimeZone = (): PropertyDecorator =>
  all(
    ValidateBy({
      name: 'isTimeZone',
      validator: {
        validate: (value: unknown) => typeof value === 'string' && isZone(value),
        defaultMessage: () => '$property must be an IANA time zone, for example Europe/Berlin',
      },
    }),
    Described({ type: 'string', format: 'iana-time-zone' }),
  );
