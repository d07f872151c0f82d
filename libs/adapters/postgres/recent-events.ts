import type { Position, RecordedEvent } from '#application/ports/event-store';

/** Events with consecutive positions. */
interface Stretch {
  readonly first: Position;
  readonly events: readonly RecordedEvent[];
  readonly bytes: number;
}

/** Those behind some position, as of one moment. */
export interface KnownEvents {
  /** Their positions as Postgres writes an `int8multirange`. */
  readonly ranges: string;
  at(position: Position): RecordedEvent | undefined;
}

/**
 * What this process has just appended. The log alone says which events there are and where; but their content need not
 * travel back and be read again to be handed to a subscriber beside the writer.
 */
export class RecentEvents {
  #stretches: Stretch[] = [];
  #bytes = 0;

  /** @param bytes of content that are remembered at most */
  constructor(private readonly bytes: number) {}

  remember(events: readonly RecordedEvent[], bytes: number): void {
    const [first] = events;
    if (first === undefined || bytes > this.bytes) return;
    this.#stretches.push({ first: first.position, events, bytes });
    this.#bytes += bytes;
    while (this.#bytes > this.bytes) this.#bytes -= this.#stretches.shift()?.bytes ?? 0;
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

  forget(): void {
    this.#stretches = [];
    this.#bytes = 0;
  }
}
