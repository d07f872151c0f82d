/** What the watched loop calls and ends. */
export interface Heartbeat {
  /** It progressed. */
  readonly beat: () => void;
  /** It ended in order, and is silent from now on. */
  readonly end: () => void;
}

interface Watched {
  readonly name: string;
  readonly withinMs: number;
  beatAt: number;
}

/**
 * Which loops of the process still progress: a hung one fails no request and exits no process, so only its silence
 * tells (liveness). Whether an engine answers is readiness: restarting for that would help nobody.
 */
export class Heartbeats {
  readonly #watched = new Set<Watched>();

  /** @param nowMs time that nobody steers and that never goes back; in milliseconds */
  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** @param withinMs the longest silence of a healthy loop, its longest pause after a failure (loops.ts) included */
  watch(name: string, withinMs: number): Heartbeat {
    const watched = { name, withinMs, beatAt: this.nowMs() };
    this.#watched.add(watched);
    return {
      beat: () => {
        watched.beatAt = this.nowMs();
      },
      end: () => {
        this.#watched.delete(watched);
      },
    };
  }

  /** Names of those that are silent for too long; empty when all is well. */
  stalled(): readonly string[] {
    const now = this.nowMs();
    return [...this.#watched].filter(({ beatAt, withinMs }) => now - beatAt > withinMs).map(({ name }) => name);
  }
}
