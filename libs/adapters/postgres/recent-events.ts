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
 * What this process has just appended and its followers are still to be given. The log alone says which events there
 * are and where; but their content need not travel back and be read again for a subscriber beside the writer.
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

  after(position: Position): KnownEvents {
    const stretches = this.#stretches.filter(({ first, events }) => first + events.length - 1 > position);
    return {
      ranges: `{${stretches.map(({ first, events }) => `[${first},${first + events.length})`).join(',')}}`,
      at: (wanted) => {
        const stretch = stretches.findLast(({ first }) => first <= wanted);
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
