import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export type ProviderName = 'sinch' | 'meta';
export const templateStatuses = ['APPROVED', 'PAUSED', 'DISABLED', 'REJECTED', 'PENDING', 'DELETED'] as const;
export type TemplateStatus = (typeof templateStatuses)[number];
export const categories = ['marketing', 'utility', 'authentication'] as const;
export type Category = (typeof categories)[number];

/** A sender and a customer at a provider. Times are the platform's, in epoch milliseconds. */
interface Chat {
  readonly provider: ProviderName;
  readonly account: string;
  readonly sender: string;
  /** Phone number in bare digits, or user id. */
  readonly person: string;
}

/** What a webhook tells. */
export type Update = Told | Report;
interface Timed {
  readonly id: string;
  readonly at: number;
}

/** What the customer or the platform did. */
export type Told = Timed &
  (
    | (Chat & {
        readonly kind: 'wrote';
        readonly type: InboundType;
        readonly text?: string | undefined;
        /** The customer has a username: webhooks name the user id alone. */
        readonly hidden?: true | undefined;
        /** Its text opts out of everything. */
        readonly stop?: true | undefined;
      })
    | (Chat & { readonly kind: 'preferred'; readonly provider: 'meta'; readonly value: 'stop' | 'resume' })
    | {
        readonly kind: 'template';
        readonly provider: 'meta';
        readonly account: string;
        readonly name: string;
        readonly language: string;
        readonly category: Category;
        readonly status: TemplateStatus;
      }
  );

export type Report = Timed &
  Chat & {
    readonly kind: 'report';
    readonly messageId: string;
    readonly correlation: string;
    readonly status: 'sent' | 'delivered' | 'read' | 'failed';
    readonly refusal?: Refusal | undefined;
  };

export const inboundTypes = ['text', 'image', 'location', 'reaction'] as const;
export type InboundType = (typeof inboundTypes)[number];

/** Why the platform does not take a message, in no provider's words. */
export type Refusal =
  | 'window-closed'
  | 'opted-out'
  | 'template-unknown'
  | 'template-paused'
  | 'template-disabled'
  | 'pair-limit'
  | 'overloaded';

export const breaches = [
  /** A session message outside the window. */
  'outside-window',
  /** A message after an opt-out that the gate had been told of, but for one confirmation. */
  'after-stop',
  /** A template whose status the gate had been told of does not allow it. */
  'template-unavailable',
  /** More than 45 at once, or one in six seconds, from one sender to one customer. */
  'pair-limit',
  /** A message whose correlation had been taken before. */
  'repeated',
] as const;
export type Breach = (typeof breaches)[number];

/** One attempt of the gate and what became of it. */
export type Attempt = Timed &
  Chat & {
    readonly kind: 'attempt';
    readonly correlation: string;
    readonly session: boolean;
    /** `lost`: not taken, and not answered. */
    readonly fate: 'taken' | 'refused' | 'lost';
    /** Taken, and not answered. */
    readonly silent?: true | undefined;
    readonly refusal?: Refusal | undefined;
    readonly breaches?: readonly Breach[] | undefined;
    /** Is the one confirmation of an opt-out. */
    readonly confirms?: true | undefined;
  };

export type Entry =
  | { readonly kind: 'told'; readonly update: Told }
  /** The gate has taken these updates in. */
  | { readonly kind: 'acked'; readonly ids: readonly string[]; readonly at: number }
  /** The customer agreed to be written to again, elsewhere than in a chat. */
  | { readonly kind: 'consented'; readonly account: string; readonly person: string; readonly at: number }
  | Attempt
  /** The platform's clock runs ahead of the machine's by so much. */
  | { readonly kind: 'clock'; readonly aheadMs: number };

const kinds: ReadonlySet<unknown> = new Set(['told', 'acked', 'consented', 'attempt', 'clock']);
const isEntry = (value: unknown): value is Entry =>
  typeof value === 'object' && value !== null && 'kind' in value && kinds.has(value.kind);

/** The platform's memory: an append-only file of JSON lines that survives a killed process, of one process at a time. */
export class Book {
  readonly #file: number;

  /** @param entered gets every entry once, in order: those of the file now, each other as it is appended */
  constructor(
    path: string,
    private readonly entered: (entry: Entry) => void,
  ) {
    mkdirSync(dirname(path), { recursive: true });
    this.#file = openSync(path, 'a+');
    for (const line of readFileSync(path, 'utf8').split('\n')) this.#enter(line);
    // Ends a line that a killed process left half: what it told had not been answered yet.
    writeSync(this.#file, '\n');
  }

  /** On return the entries are with the operating system. */
  append(...entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    writeSync(this.#file, `${entries.map((entry) => JSON.stringify(entry)).join('\n')}\n`);
    for (const entry of entries) this.entered(entry);
  }

  close(): void {
    closeSync(this.#file);
  }

  #enter(line: string): void {
    if (line === '') return;
    try {
      const entry: unknown = JSON.parse(line);
      if (isEntry(entry)) this.entered(entry);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
}
