/** One event as a client proposed it. */
export interface ProposedEvent {
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

export interface LoggedEvent extends ProposedEvent {
  readonly stream: string;
  readonly revision: number;
  /** Byte offset in the log, as in the real one: ascending, with gaps; commit and prepare position are the same. */
  readonly position: number;
  readonly createdMs: number;
}

export type ExpectedRevision = number | 'any' | 'stream-exists';

export type AppendResult =
  | { readonly kind: 'stored'; readonly revision: number; readonly position: number }
  | { readonly kind: 'wrong-expected-version'; readonly current: number }
  | { readonly kind: 'deleted' };

/** The revision of a stream that does not exist. */
export const NOTHING = -1;

/** How many recent event ids the real server's cache of 8 MiB holds, roughly; lost when it restarts. */
const RECENT_IDS = 100_000;

/** The server's log of all streams, in memory. `check` follows CheckCommit in the server's IndexWriter.cs. */
export class Log {
  readonly events: LoggedEvent[] = [];
  readonly #streams = new Map<string, LoggedEvent[]>();
  readonly #recent = new Map<string, LoggedEvent>();
  readonly #watchers = new Set<() => void>();
  readonly #deleted = new Set<string>();
  #position = 0;

  stream(name: string): readonly LoggedEvent[] {
    return this.#streams.get(name) ?? [];
  }

  isDeleted(stream: string): boolean {
    return this.#deleted.has(stream);
  }

  /** Calls back after each append. Returns how to stop that. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  append(stream: string, expected: ExpectedRevision, proposed: readonly ProposedEvent[]): AppendResult {
    const checked = this.#check(stream, expected, proposed);
    if (checked !== 'new') return checked;
    return this.#store(stream, proposed);
  }

  /** Deletes a stream for good: appends and reads fail, and a `$streamDeleted` event appears in the log. */
  tombstone(stream: string): void {
    const id = crypto.randomUUID();
    this.#store(stream, [
      {
        id,
        type: '$streamDeleted',
        contentType: 'application/octet-stream',
        data: new Uint8Array(),
        metadata: new Uint8Array(),
      },
    ]);
    this.#deleted.add(stream);
  }

  /** Where the next event goes, as if the log had grown to there. */
  growTo(position: number): void {
    this.#position = position;
  }

  /** What a restart does to the weak idempotency of `any`. */
  forgetRecentIds(): void {
    this.#recent.clear();
  }

  #check(stream: string, expected: ExpectedRevision, proposed: readonly ProposedEvent[]): AppendResult | 'new' {
    if (this.#deleted.has(stream)) return { kind: 'deleted' };
    const stored = this.stream(stream);
    const current = stored.length - 1;
    const conflict: AppendResult = { kind: 'wrong-expected-version', current };
    if (expected === 'stream-exists' && current === NOTHING) return conflict;
    if (typeof expected === 'string') {
      const known = proposed
        .map(({ id }) => this.#recent.get(id))
        .map((event) => (event?.stream === stream ? event : undefined));
      if (known[0] === undefined) return 'new';
      return known.includes(undefined) ? conflict : this.#asStored(known.at(-1), conflict);
    }
    if (expected === current) return 'new';
    if (expected > current || proposed.length === 0) return conflict;
    const same = proposed.every(({ id }, index) => stored[expected + 1 + index]?.id === id);
    return same ? this.#asStored(stored[expected + proposed.length], conflict) : conflict;
  }

  #asStored(last: LoggedEvent | undefined, otherwise: AppendResult): AppendResult {
    return last === undefined ? otherwise : { kind: 'stored', revision: last.revision, position: last.position };
  }

  #store(stream: string, proposed: readonly ProposedEvent[]): AppendResult {
    const events = this.#streams.get(stream) ?? [];
    this.#streams.set(stream, events);
    for (const event of proposed) {
      const logged = { ...event, stream, revision: events.length, position: this.#position, createdMs: Date.now() };
      this.#position += 100 + event.data.length + event.metadata.length;
      events.push(logged);
      this.events.push(logged);
      this.#recent.set(event.id, logged);
      const [oldest] = this.#recent.keys();
      if (this.#recent.size > RECENT_IDS && oldest !== undefined) this.#recent.delete(oldest);
    }
    for (const watcher of this.#watchers) watcher();
    return this.#asStored(this.events.at(-1), { kind: 'wrong-expected-version', current: events.length - 1 });
  }
}
