import { InfrastructureError } from '#application/errors';
import { Clock } from '#application/ports/clock';
import { type Instant, instantOf } from '#domain/time';

export class SystemClock extends Clock {
  now(): Instant {
    return instantOf(Date.now());
  }
}

/** A clock for trials and demonstrations: set, advanced, sped up or stopped. Starts as the clock it runs on. */
export class SteerableClock extends Clock {
  readonly #listeners = new Set<(now: Instant) => void>();
  #origin: number;
  #anchor: number;
  #rate = 1;

  /** @param base what it runs on */
  constructor(private readonly base: Clock = new SystemClock()) {
    super();
    this.#anchor = base.now();
    this.#origin = this.#anchor;
  }

  now(): Instant {
    return instantOf(Math.floor(this.#origin + (this.base.now() - this.#anchor) * this.#rate));
  }

  /** How many times faster than its base it runs. */
  get rate(): number {
    return this.#rate;
  }

  /** Runs on from there, which may be the past, from the first moment at that pace. @throws InfrastructureError `message-invalid` */
  set(at: Instant, rate: number = this.#rate): void {
    if (!Number.isSafeInteger(at)) throw invalid('at', 'a whole number of milliseconds since 1970');
    this.#steer(at, rate);
  }

  /** @throws InfrastructureError `message-invalid` for anything but whole milliseconds from 0 on */
  advance(durationMs: number): void {
    if (!Number.isSafeInteger(durationMs) || durationMs < 0) {
      throw invalid('durationMs', 'a whole number of milliseconds, at least 0');
    }
    this.#steer(this.now() + durationMs, this.#rate);
  }

  /** 1 runs as its base does, 0 stands still. @throws InfrastructureError `message-invalid` */
  runAt(rate: number): void {
    this.#steer(this.now(), rate);
  }

  /** Called with the new time after every change that somebody made. @returns what ends that */
  onChange(listener: (now: Instant) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #steer(at: number, rate: number): void {
    if (!Number.isFinite(rate) || rate < 0) throw invalid('rate', 'a number, at least 0');
    this.#anchor = this.base.now();
    this.#origin = at;
    this.#rate = rate;
    for (const listener of this.#listeners) listener(this.now());
  }
}

const invalid = (field: string, what: string): InfrastructureError =>
  new InfrastructureError('message-invalid', `${field} must be ${what}.`, { field });
