import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { formatLimitDefinition } from 'ajv-formats/dist/limit.js';
import { MATCHES } from 'class-validator';
import { validationMetadatasToSchemas } from 'class-validator-jsonschema';
import { isZone } from '#domain/calendar';
import { ABOUT } from './fields.js';
import { parseInstant } from './instants.js';

// The decorators of the DTOs are the only source: JSON Schema is made from them and compiled, because a compiled
// schema validates a message many times faster than class-transformer and class-validator do.

/** Each DTO's JSON Schema (draft 07) by class name, of the classes imported so far. */
export const definitions = (): Record<string, object> => ({
  ...validationMetadatasToSchemas({
    refPointerPrefix: '#/definitions/',
    additionalConverters: {
      [ABOUT]: ({ constraints }) => ({ description: constraints[0] }),
      // The words for people travel along: a fault then says more than that a pattern does not match.
      [MATCHES]: ({ constraints, message }) => ({ type: 'string', pattern: constraints[0].source, $comment: message }),
    },
  }),
});

/** The class as one JSON Schema, with all it refers to. */
export const schemaOf = (dto: { readonly name: string }): object => ({
  $ref: `#/definitions/${dto.name}`,
  definitions: definitions(),
});

// strictTypes would refuse `$ref` beside `type: object`, which the generator writes. `verbose` gives errors their schema.
const ajv = new Ajv({ discriminator: true, strictTypes: false, strictRequired: false, verbose: true });
ajv.addKeyword(formatLimitDefinition);
ajv.addFormat('date-time', {
  type: 'string',
  validate: (text: string) => parseInstant(text) !== undefined,
  compare: (a: string, b: string) => (parseInstant(a) ?? Number.NaN) - (parseInstant(b) ?? Number.NaN),
});
ajv.addFormat('iana-time-zone', isZone);

/** Compiles the validation of a message as one class. */
export const validatorOf = <T>(dto: new () => T): ValidateFunction<T> => ajv.compile<T>(schemaOf(dto));

/** A message that the contract does not allow. */
export interface Fault {
  readonly kind: 'invalid';
  /** The path of the field, `message.text`; empty for the message as a whole. */
  readonly field: string;
  /** Never quotes a value: it may be personal. */
  readonly message: string;
  readonly remedy: string;
}

export const fault = (field: string, what: string, remedy: string): Fault => ({
  kind: 'invalid',
  field,
  message: `${field === '' ? 'The message' : field} ${what}.`,
  remedy: `${remedy}, and send the message again.`,
});

/** The error that names a field best: the deepest, and of those a missing field. */
export const faultOf = (errors: readonly ErrorObject[] | null | undefined): Fault => {
  const rank = (error: ErrorObject): number => 2 * pathOf(error).length + (error.keyword === 'required' ? 1 : 0);
  const [error] = [...(errors ?? [])].sort((a, b) => rank(b) - rank(a));
  if (error === undefined) return fault('', 'is invalid', 'Correct it');
  const path = pathOf(error);
  const about = textOf(schemaOfField(error, path.at(-1)), 'description');
  const remedy = remedies[error.keyword] ?? 'Correct the field';
  return fault(path.join('.'), whatIsWrong(error), about === undefined ? remedy : `${remedy} (${about})`);
};

/** Ajv reports these at the object that holds the field. */
const namedBy: Readonly<Record<string, string>> = {
  required: 'missingProperty',
  additionalProperties: 'additionalProperty',
  discriminator: 'tag',
};

const pathOf = ({ instancePath, keyword, params }: ErrorObject): readonly string[] => {
  // A JSON pointer (RFC 6901).
  const parts = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const named: unknown = params[namedBy[keyword] ?? ''];
  return typeof named === 'string' ? [...parts, named] : parts;
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (schema: unknown, name: '$comment' | 'description'): string | undefined => {
  const text = isRecord(schema) ? schema[name] : undefined;
  return typeof text === 'string' ? text : undefined;
};

const schemaOfField = ({ keyword, parentSchema }: ErrorObject, field = ''): unknown => {
  if (!(keyword in namedBy)) return parentSchema;
  const fields: unknown = isRecord(parentSchema) ? parentSchema['properties'] : undefined;
  return isRecord(fields) ? fields[field] : undefined;
};

const whatIsWrong = ({ keyword, parentSchema, params, message = 'is invalid' }: ErrorObject): string => {
  switch (keyword) {
    case 'required':
      return textOf(parentSchema, '$comment') ?? 'is missing';
    case 'pattern':
      return textOf(parentSchema, '$comment') ?? message;
    case 'enum': {
      const allowed: unknown = params['allowedValues'];
      return Array.isArray(allowed) ? `must be one of ${allowed.join(', ')}` : message;
    }
    case 'format':
      return params['format'] === 'date-time'
        ? 'must be an RFC 3339 time with Z or an offset, for example 2026-05-04T12:00:00Z'
        : 'must be an IANA time zone, for example Europe/Berlin';
    case 'formatMinimum':
      return `is absurd: nothing can have happened before ${params['limit']}`;
    case 'additionalProperties':
      return 'is not a known field';
    case 'discriminator':
      return 'is not a known type';
    default:
      return message;
  }
};

const remedies: Readonly<Record<string, string>> = {
  required: 'Add the field',
  additionalProperties: 'Correct its name or leave it out',
};
