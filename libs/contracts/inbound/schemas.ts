import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { validationMetadatasToSchemas } from 'class-validator-jsonschema';
import { isZone } from '#domain/calendar';
import { converters } from './fields.js';
import { parseInstant } from './instants.js';

// The decorators of the DTOs are the only source: JSON Schema is made from them and compiled, because a compiled
// schema validates a message many times faster than class-transformer and class-validator do.

/** Each DTO's JSON Schema (draft 07) by class name, of the classes imported so far. */
export const definitions = (): Record<string, object> => ({
  ...validationMetadatasToSchemas({ refPointerPrefix: '#/definitions/', additionalConverters: converters }),
});

const referred = (schema: unknown): readonly string[] =>
  [...JSON.stringify(schema).matchAll(/"#\/definitions\/(\w+)"/g)].flatMap(([, name]) => name ?? []);

/** The definitions that a schema refers to, and those that they refer to. */
export const definitionsFor = (schema: unknown): Record<string, object> => {
  const all = definitions();
  const needed: Record<string, object> = {};
  const follow = (part: unknown): void => {
    for (const name of referred(part)) {
      const definition = all[name];
      if (definition === undefined || Object.hasOwn(needed, name)) continue;
      needed[name] = definition;
      follow(definition);
    }
  };
  follow(schema);
  return needed;
};

let made: Record<string, object> = {};

/** The definitions, this one and all it refers to among them: made again only for a class imported since. */
const definitionsWith = (name: string): Record<string, object> =>
  Object.hasOwn(made, name) ? made : (made = definitions());

/** The class as one JSON Schema, with all it refers to. */
export const schemaOf = (dto: { readonly name: string }): object => ({
  $ref: `#/definitions/${dto.name}`,
  definitions: definitionsWith(dto.name),
});

// strictTypes would refuse `$ref` beside `type: object`, which the generator writes.
// Verbose errors carry their schema, where a pattern says in words what it wants.
const ajv = new Ajv({ discriminator: true, strictTypes: false, strictRequired: false, verbose: true });
ajv.addFormat('date-time', (text: string) => parseInstant(text) !== undefined);
ajv.addFormat('iana-time-zone', isZone);

/** What makes it is called once, when it is asked for. */
const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
};

/** The validation of a message as one class, compiled when it is first asked for: a start need not wait for all of them. */
export const validatorOf = <T>(dto: new () => T): (() => ValidateFunction<T>) =>
  once(() => ajv.compile<T>(schemaOf(dto)));

/** The same of one field of a class, for what can be read of a message that is invalid as a whole. */
export const fieldValidatorOf = <T, F extends keyof T & string>(
  dto: new () => T,
  field: F,
): (() => ValidateFunction<T[F]>) =>
  once(() =>
    ajv.compile<T[F]>({
      $ref: `#/definitions/${dto.name}/properties/${field}`,
      definitions: definitionsWith(dto.name),
    }),
  );

/** A message that the contract does not allow. */
export interface Fault {
  readonly kind: 'invalid';
  /** The path of the field, `message.text`; empty for the message as a whole. */
  readonly field: string;
  readonly message: string;
  readonly remedy: string;
}

const pathOf = (error: ErrorObject): readonly string[] => {
  const parts = error.instancePath.split('/').slice(1);
  const missing: unknown = error.params['missingProperty'];
  return typeof missing === 'string' ? [...parts, missing] : parts;
};

const wordsOf = (error: ErrorObject): string => {
  if (error.keyword === 'required') return 'is missing';
  const words: unknown = error.keyword === 'pattern' ? error.parentSchema?.['$comment'] : undefined;
  return typeof words === 'string' ? words : (error.message ?? error.keyword);
};

/** The error that names a field best: the deepest, and of those a missing field. */
export const faultOf = (errors: readonly ErrorObject[] | null | undefined): Fault => {
  const rank = (error: ErrorObject): number => 2 * pathOf(error).length + (error.keyword === 'required' ? 1 : 0);
  const [error] = [...(errors ?? [])].sort((a, b) => rank(b) - rank(a));
  if (error === undefined) return { kind: 'invalid', field: '', message: 'The message is invalid.', remedy: '' };
  const field = pathOf(error).join('.');
  return {
    kind: 'invalid',
    field,
    message: `${field === '' ? 'The message' : field}: ${wordsOf(error)}.`,
    remedy: `${remedies[error.keyword] ?? 'Give a value that the schema allows'}, and send the message again.`,
  };
};

const remedies: Readonly<Record<string, string>> = {
  required: 'Add the field',
  enum: 'Use one of the values that the schema lists',
  type: 'Use the type that the schema names',
  pattern: 'Give a value of the form that the schema describes',
  format: 'Give an RFC 3339 time with a zone, or a known IANA time zone',
  discriminator: 'Give a message type that the schema lists',
};
