import type { Instant } from '#domain/time';

/** The only source of "now" (rules: time comes in as an argument). */
export abstract class Clock {
  abstract now(): Instant;
}
