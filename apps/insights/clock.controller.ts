import { Controller, Get, Put, UseFilters } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '#platform/api-description';
import { InfrastructureError } from '#application/errors';
import { Clock } from '#application/ports/clock';
import { readSteer, SteerDto } from '#contracts/http/clock';
import { ClockView } from '#contracts/http/views';
import { written } from '#contracts/outbound/outgoing';
import { instantOf, type Instant } from '#domain/time';
import { SteerableClock } from '#platform/clock';
import { Answers, Problems, schemaRef } from '#platform/answers';
import { Needs } from './access.js';
import { clockExample } from './examples.js';
import { InvalidRequest, InvalidRequestFilter } from './invalid-request.js';
import { JsonBody } from './json-body.js';

/** The last instant that RFC 3339 can write. */
const LAST = instantOf(Date.UTC(9999, 11, 31, 23, 59, 59, 999));

/** The clock that the rules go by, for an acceptance test to check a verdict at any instant. */
@ApiTags('operation')
@Controller('v1/clock')
@Needs('reader')
@UseFilters(InvalidRequestFilter)
export class ClockController {
  constructor(private readonly clock: Clock) {}

  @Get()
  @ApiOperation({ summary: 'The time that the rules go by' })
  @Answers(200, ClockView, 'The time as of the answer', clockExample)
  time(): ClockView {
    const { clock } = this;
    const isSteerable = clock instanceof SteerableClock;
    return {
      now: written(clock.now()),
      rate: isSteerable ? clock.rate : 1,
      kind: isSteerable ? 'steerable' : 'system',
    };
  }

  @Put()
  @Needs('operator')
  @ApiOperation({
    summary: 'Set the clock, let it leap, or change its pace',
    description:
      'Only where the process runs with `TIDEGATE_CLOCK=steerable`, and of this process alone: run all parts in one. Only the time that the rules go by changes: leases, time-outs and polling stay on the time of the machine, so what a leap makes due happens within about a second of it, and what is still on its way meets the new time. Wait for what you have sent before you leap.',
  })
  @ApiBody({
    schema: schemaRef(SteerDto),
    examples: {
      at: { value: { at: '2026-05-05T08:59:00Z', rate: 0 } },
      advance: { value: { advanceMs: 86_400_000 } },
    },
  })
  @Answers(200, ClockView, 'The time from which it goes on', clockExample)
  @Problems({
    400: 'The body is not JSON',
    409: 'The process runs on the clock of the machine (`clock-not-steerable`)',
    415: 'The body is not sent as JSON',
    422: 'Nothing was steered; `field` and `remedy` say why',
  })
  steer(@JsonBody() body: unknown): ClockView {
    const { clock } = this;
    if (!(clock instanceof SteerableClock)) {
      throw new InfrastructureError(
        'clock-not-steerable',
        'This process runs on the clock of the machine. Start it with TIDEGATE_CLOCK=steerable to steer it.',
      );
    }
    const steer = readSteer(body);
    if (steer.kind === 'invalid') throw new InvalidRequest(steer);
    const to = steer.at ?? reached(clock.now(), steer.advanceMs ?? 0);
    if (steer.at !== undefined || steer.advanceMs !== undefined) clock.set(to, steer.rate);
    else if (steer.rate !== undefined) clock.runAt(steer.rate);
    return this.time();
  }
}

const reached = (now: Instant, advanceMs: number): Instant => {
  const to = now + advanceMs;
  if (to <= LAST) return instantOf(to);
  throw new InvalidRequest({
    kind: 'invalid',
    field: 'advanceMs',
    message: 'advanceMs: leads beyond the year 9999.',
    remedy: 'Advance by less, and ask again.',
  });
};
