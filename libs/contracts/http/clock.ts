import { IsNumber, Max, Min } from 'class-validator';
import { DAY_MS, type Instant } from '#domain/time';
import { Count, Optional, Says, Time } from '../inbound/fields.js';
import { optionalInstant } from '../inbound/instants.js';
import { faultOf, validatorOf, type Fault } from '../inbound/schemas.js';

/** A hundred thousand times faster is more than a day per second. */
const FASTEST = 100_000;

/** Where to steer the clock: to an instant or by a duration, and how fast it goes on. */
export class SteerDto {
  @Says('The instant to go on from, which may be the past.') @Optional() @Time() at?: string;
  @Says('Milliseconds to go ahead by, instead of `at`.') @Optional() @Count(0, 3_660 * DAY_MS) advanceMs?: number;
  @Says("How many times faster than the machine's clock it goes on; 0 stands still.")
  @Optional()
  @IsNumber()
  @Min(0)
  @Max(FASTEST)
  rate?: number;
}

export interface Steer {
  readonly at?: Instant | undefined;
  readonly advanceMs?: number | undefined;
  readonly rate?: number | undefined;
}

const steerValidator = validatorOf(SteerDto);
const wrong = (field: string, message: string, remedy: string): Fault => ({ kind: 'invalid', field, message, remedy });

export const readSteer = (body: unknown): ({ readonly kind: 'valid' } & Steer) | Fault => {
  const isSteer = steerValidator();
  if (!isSteer(body)) return faultOf(isSteer.errors);
  const { at, advanceMs, rate } = body;
  if (at !== undefined && advanceMs !== undefined) {
    return wrong('advanceMs', 'advanceMs: at is given, too.', 'Give one of the two, and ask again.');
  }
  if (at === undefined && advanceMs === undefined && rate === undefined) {
    return wrong('', 'The request steers nothing.', 'Give at, advanceMs or rate, and ask again.');
  }
  return { kind: 'valid', at: optionalInstant(at), advanceMs, rate };
};
