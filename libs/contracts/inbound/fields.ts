import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  getMetadataStorage,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsString,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { isZone } from '#domain/calendar';
import { FIRST_PLAUSIBLE } from '#domain/time';
import { parseInstant } from './instants.js';

// The fields that the messages share, each as one decorator. A constraint is written such that class-validator and
// the JSON Schema made from it agree: lengths by patterns, because their own counts differ on emoji.

const all =
  (...decorators: readonly PropertyDecorator[]): PropertyDecorator =>
  (target, property) => {
    for (const decorate of decorators) decorate(target, property);
  };

/** The schema of a field that class-validator-jsonschema does not know, in place of its guess. */
export const Described =
  (schema: object): PropertyDecorator =>
  (target, property) =>
    JSONSchema(({ description }) => ({ ...schema, ...(description === undefined ? {} : { description }) }))(
      target,
      String(property),
    );

/** What the field means, for the published schemas and for the remedies of faults. */
export const About = (description: string): PropertyDecorator =>
  ValidateBy({ name: ABOUT, constraints: [description], validator: { validate: () => true } });
export const ABOUT = 'about';

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

const timeFrom = (earliest: number, schema: object): PropertyDecorator =>
  all(
    ValidateBy({
      name: 'isTime',
      validator: {
        validate: (value: unknown) => {
          const at = typeof value === 'string' ? parseInstant(value) : undefined;
          return at !== undefined && at >= earliest;
        },
        defaultMessage: () => '$property must be an RFC 3339 date-time with a zone',
      },
    }),
    Described({ type: 'string', format: 'date-time', ...schema }),
  );

/** RFC 3339, for example `2026-05-04T12:00:00Z`. */
export const Time = (): PropertyDecorator => timeFrom(Number.NEGATIVE_INFINITY, {});

/** The time of something that happened on WhatsApp: an earlier one is absurd (rules §3). `formatMinimum` is ajv-formats'. */
export const FactTime = (): PropertyDecorator =>
  timeFrom(FIRST_PLAUSIBLE, { formatMinimum: new Date(FIRST_PLAUSIBLE).toISOString() });

/** Another object of the message. Fields that it does not know are ignored. */
export const Nested = (type: () => new () => object): PropertyDecorator =>
  all(IsObject(), ValidateNested(), Type(type));

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** For a class whose unknown fields are faults: `closed` says so in its schema, `NestedClosed` to class-validator. */
export const closed = { additionalProperties: false } as const;
export const NestedClosed = (type: () => new () => object): PropertyDecorator =>
  all(
    Nested(type),
    ValidateBy({
      name: 'hasNoOtherFields',
      validator: {
        validate: (value: unknown) => isRecord(value) && Object.keys(value).every((name) => fieldsOf(type()).has(name)),
        defaultMessage: () => '$property must have no other fields',
      },
    }),
  );

const fieldsOf = (type: new () => object): ReadonlySet<string> =>
  new Set(
    getMetadataStorage()
      .getTargetValidationMetadatas(type, '', false, false)
      .map(({ propertyName }) => propertyName),
  );

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
    Described({ type: ['integer', 'null'], minimum: min, maximum: max }),
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
