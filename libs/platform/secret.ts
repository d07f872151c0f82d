import { inspect } from 'node:util';

/** A credential that no log, dump or error shows. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** Undefined for what cannot stand in an HTTP header, such as a file's last line end. */
  static of(value: unknown): Secret | undefined {
    return typeof value === 'string' && /^[\x21-\x7e]+$/u.test(value) ? new Secret(value) : undefined;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [inspect.custom](): string {
    return '***';
  }
}
