import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** What the platform knows, a line each. Times: `at` is the clock's, in epoch milliseconds. */
export type Entry =
  /** A customer's message that opens a window; `stop` when its text opts out. */
  | {
      readonly kind: 'wrote';
      readonly sender: string;
      readonly person: string;
      readonly at: number;
      readonly stop?: true;
    }
  /** The customer agreed to be written to again, or asked not to be, elsewhere than in this chat. */
  | { readonly kind: 'consented'; readonly person: string; readonly status: 'in' | 'out'; readonly at: number }
  /** A message that the platform took. */
  | ({ readonly kind: 'took'; readonly id: string; readonly at: number } & Taken)
  /** Reports that the queue has. */
  | { readonly kind: 'reported'; readonly reports: readonly (readonly [id: string, status: ReportStatus])[] }
  | { readonly kind: 'breach'; readonly breach: Breach; readonly correlation: string; readonly at: number };

export interface Taken {
  readonly account: string;
  readonly sender: string;
  readonly to: { readonly phone?: string | undefined; readonly userId?: string | undefined };
  readonly correlation: string;
  readonly session: boolean;
  readonly read: boolean;
}

export const reportStatuses = ['sent', 'delivered', 'read'] as const;
export type ReportStatus = (typeof reportStatuses)[number];

/** What a gate must never let happen. */
export const breaches = [
  /** A session message outside the window. */
  'outside-window',
  /** A message after an opt-out, but for one confirmation of it. */
  'after-stop',
  /** A message whose correlation had been taken before. */
  'repeated',
] as const;
export type Breach = (typeof breaches)[number];

const kinds: ReadonlySet<unknown> = new Set(['wrote', 'consented', 'took', 'reported', 'breach']);
const isEntry = (value: unknown): value is Entry =>
  typeof value === 'object' && value !== null && 'kind' in value && kinds.has(value.kind);

const READ_BYTES = 1 << 18;

/**
 * The platform's book: an append-only file of JSON lines that survives a killed process. Several processes may keep one
 * together: what is appended stands in one order for all (`O_APPEND`), so the first line about a message decides.
 */
export class Book {
  readonly #file: number;
  readonly #chunk = Buffer.alloc(READ_BYTES);
  #read = 0;
  #half: Buffer = Buffer.alloc(0);

  /** @param entered gets every entry once, in the order of the file, its own included */
  constructor(
    path: string,
    private readonly entered: (entry: Entry) => void,
  ) {
    mkdirSync(dirname(path), { recursive: true });
    this.#file = openSync(path, 'a+');
    this.refresh();
  }

  /** On return the entries, and all that others appended before, were handed to `entered`. */
  append(...entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    // In one write, so that no other process's line comes between; a line that a killed process left half ends here.
    writeSync(this.#file, `\n${entries.map((entry) => JSON.stringify(entry)).join('\n')}\n`);
    this.refresh();
  }

  /** Reads what other processes have appended. */
  refresh(): void {
    while (fstatSync(this.#file).size > this.#read) {
      const bytes = readSync(this.#file, this.#chunk, 0, READ_BYTES, this.#read);
      if (bytes === 0) return;
      this.#read += bytes;
      const text = Buffer.concat([this.#half, this.#chunk.subarray(0, bytes)]);
      const end = text.lastIndexOf(0x0a) + 1;
      this.#half = text.subarray(end);
      for (const line of text.toString('utf8', 0, end).split('\n')) this.#enter(line);
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #enter(line: string): void {
    if (line === '') return;
    let entry: unknown;
    try {
      entry = JSON.parse(line);
    } catch {
      // The half line of a process that was killed while it wrote: it was not answered yet.
      return;
    }
    if (isEntry(entry)) this.entered(entry);
  }
}
