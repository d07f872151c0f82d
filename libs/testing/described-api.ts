import { Ajv } from 'ajv';

/** A request and its answer. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** The content type. */
  readonly type: string;
  readonly body: unknown;
}

const at = (value: unknown, ...names: readonly string[]): unknown =>
  names.reduce((part, name) => Object.entries(Object(part)).find(([key]) => key === name)?.[1], value);

/** The schema with every object closed: a field that is answered but not described is an error. */
const closed = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const parts = Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, closed(part)]));
  return at(schema, 'type') === 'object' && at(schema, 'properties') !== undefined
    ? { ...parts, additionalProperties: false }
    : parts;
};

/** What an exchange does that the OpenAPI document does not say: empty when it is as described. */
export const undescribed = (document: unknown, { method, path, status, type, body }: Exchange): readonly unknown[] => {
  const [route] = path.split('?');
  const template = Object.keys(Object(at(document, 'paths'))).find((candidate) =>
    new RegExp(`^${candidate.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(route ?? ''),
  );
  if (template === undefined) return [`no path ${route}`];
  const content = at(document, 'paths', template, method.toLowerCase(), 'responses', String(status), 'content');
  const schema = at(content, type.split(';')[0] ?? '', 'schema');
  if (schema === undefined) return [`${method} ${template} says nothing of ${status} ${type}`];
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, discriminator: true });
  const whole = closed({ components: at(document, 'components'), allOf: [schema] });
  const isValid = ajv.compile(Object(whole));
  return isValid(body) ? [] : (isValid.errors ?? []);
};
