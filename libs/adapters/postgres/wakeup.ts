/** A remembered knock: who waits is woken, and who comes to wait later does not wait. */
export class Wakeup {
  #knocked = false;
  #wake: (() => void) | undefined;

  readonly knock = (): void => {
    this.#knocked = true;
    this.#wake?.();
  };

  /** Resolves at a knock since the last `answer`, after the time at the latest, or when the signal aborts. */
  async wait(atMostMs: number, signal?: AbortSignal): Promise<void> {
    if (this.#knocked || signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(wake, atMostMs);
      function wake(): void {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        resolve();
      }
      this.#wake = wake;
      signal?.addEventListener('abort', wake);
    });
    this.#wake = undefined;
  }

  /** To be called before looking: a knock while looking counts for the next wait. */
  answer(): void {
    this.#knocked = false;
  }
}

/** The pause before the next attempt: doubling, bounded, and not the same for all who wait. */
export const pauseMs = (attempt: number, firstMs: number, longestMs: number): number =>
  Math.min(longestMs, firstMs * 2 ** attempt) * (0.75 + Math.random() / 2);

export const pause = (ms: number, signal?: AbortSignal): Promise<void> => new Wakeup().wait(ms, signal);
