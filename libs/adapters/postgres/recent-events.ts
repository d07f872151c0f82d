import type { Category, Position, RecordedEvent } from '#application/ports/event-store';

/** Events with consecutive positions. */
interface Stretch {
  readonly first: Position;
  readonly events: readonly RecordedEvent[];
  readonly bytes: number;
  /** Of each category in it, the position of the last event. */
  readonly ends: ReadonlyMap<string, Position>;
}

/** Those behind some position, as of one moment. */
export interface KnownEvents {
  /** Their positions as Postgres writes an `int8multirange`. */
  readonly ranges: string;
  at(position: Position): RecordedEvent | undefined;
}

/** A subscription of this process. */
export interface Follower {
  readonly categories: readonly Category[];
  /** Of the last event that it was given. */
  position: Position;
}

/**
 * What this process has just appended, or read for one of its followers, and others are still to be given. The log alone
 * says which events there are and where; but their content need not travel and be parsed again for each.
 */
export class RecentEvents {
  readonly #followers = new Set<Follower>();
  #stretches: Stretch[] = [];
  #bytes = 0;

  /** @param bytes of content that are remembered at most */
  constructor(private readonly bytes: number) {}

  follow(follower: Follower): void {
    this.#followers.add(follower);
  }

  unfollow(follower: Follower): void {
    this.#followers.delete(follower);
    this.release();
  }

  /** Whether what is read for one follower is wanted by another one. */
  get isShared(): boolean {
    return this.#followers.size > 1;
  }

  /**
   * The oldest are wanted next: where followers lag, what is new will be read from the log, not what they are coming to.
   * @param events with consecutive positions
   * @param categoryOf of an event's stream
   */
  remember(events: readonly RecordedEvent[], bytes: number, categoryOf: (stream: string) => string): void {
    const [first] = events;
    if (first === undefined || this.#bytes + bytes > this.bytes) return;
    const ends = new Map(events.map(({ stream, position }) => [categoryOf(stream), position]));
    if (this.#isPassed({ ends })) return;
    this.#stretches.push({ first: first.position, events, bytes, ends });
    this.#bytes += bytes;
  }

  /**
   * What was read for one follower, where there are others.
   * @param events in the order of their positions
   * @param bytes of all of them
   */
  rememberRead(events: readonly RecordedEvent[], bytes: number, categoryOf: (stream: string) => string): void {
    if (!this.isShared) return;
    for (const run of consecutive(events))
      this.remember(run, Math.ceil((bytes * run.length) / events.length), categoryOf);
  }

  after(position: Position): KnownEvents {
    const stretches = this.#stretches.filter(({ first, events }) => first + events.length - 1 > position);
    return {
      ranges: `{${stretches.map(({ first, events }) => `[${first},${first + events.length})`).join(',')}}`,
      // They come in any order: what was read for one follower may lie before what was appended meanwhile.
      at: (wanted) => {
        const stretch = stretches.find(({ first, events }) => first <= wanted && wanted < first + events.length);
        return stretch?.events[wanted - stretch.first];
      },
    };
  }

  /** Forgets what all followers have been given. */
  release(): void {
    this.#stretches = this.#stretches.filter((stretch) => !this.#isPassed(stretch));
    this.#bytes = this.#stretches.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  forget(): void {
    this.#stretches = [];
    this.#bytes = 0;
  }

  #isPassed({ ends }: Pick<Stretch, 'ends'>): boolean {
    return [...this.#followers].every(({ categories, position }) =>
      categories.every((category) => (ends.get(category) ?? 0) <= position),
    );
  }
}

const consecutive = (events: readonly RecordedEvent[]): readonly (readonly RecordedEvent[])[] => {
  const runs: RecordedEvent[][] = [];
  for (const event of events) {
    const run = runs.at(-1);
    if (run?.at(-1)?.position === event.position - 1) run?.push(event);
    else runs.push([event]);
  }
  return runs;
};
