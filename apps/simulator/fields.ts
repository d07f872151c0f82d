import { BadRequestException } from '@nestjs/common';

/** Reads the fields of a request; each fault names the field and the remedy. */
export class Fields {
  /** @param path of the body itself, for what is said of its fields */
  constructor(
    private readonly body: unknown,
    private readonly path = '',
  ) {}

  /** The full name of a field. */
  nameOf(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  /** The value at a path; undefined where there is none. */
  at(...path: readonly (string | number)[]): unknown {
    return path.reduce<unknown>(
      (part, key) =>
        typeof part === 'object' && part !== null && Object.hasOwn(part, key) ? Reflect.get(part, key) : undefined,
      this.body,
    );
  }

  part(name: string): Fields | undefined {
    const value = this.at(name);
    return value === undefined ? undefined : new Fields(value, this.nameOf(name));
  }

  entries(): readonly (readonly [name: string, fields: Fields])[] {
    return typeof this.body === 'object' && this.body !== null
      ? Object.entries(this.body).map(([name, value]) => [name, new Fields(value, this.nameOf(name))] as const)
      : [];
  }

  /** An object of texts. */
  texts(name: string): { readonly [name: string]: string } {
    const entries = this.part(name)?.entries() ?? [];
    if (entries.length === 0) throw new BadRequestException(`${this.nameOf(name)}: give an object of texts`);
    return Object.fromEntries(entries.map(([key]) => [key, this.part(name)?.needed(key) ?? '']));
  }

  text(...path: readonly (string | number)[]): string | undefined {
    const value = this.at(...path);
    return typeof value === 'string' ? value : undefined;
  }

  needed(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw new BadRequestException(`${this.nameOf(name)}: give a text`);
    return value;
  }

  oneOf<T extends string>(name: string, values: readonly T[], otherwise?: T): T {
    const given = this.text(name) ?? otherwise;
    const found = values.find((value) => value === given);
    if (found === undefined) throw new BadRequestException(`${this.nameOf(name)}: use ${values.join(', ')}`);
    return found;
  }

  duration(name: string): number {
    const value = this.at(name) ?? 0;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
      throw new BadRequestException(`${this.nameOf(name)}: use a whole number of milliseconds`);
    return value;
  }
}
