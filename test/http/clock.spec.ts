import { afterEach, describe, expect, test } from '@jest/globals';
import { Clock } from '#application/ports/clock';
import { plus, type Instant } from '#domain/time';
import { SteerableClock } from '#platform/clock';
import { now, openInsights, type Insights } from './api.js';

class Base extends Clock {
  at: Instant = now;
  now(): Instant {
    return this.at;
  }
}

let api: Insights | undefined;
afterEach(() => api?.close());

const steerable = async () => {
  const base = new Base();
  const clock = new SteerableClock(base);
  const opened = await openInsights(clock);
  api = opened;
  return { base, clock, api: opened };
};

describe('a steerable clock', () => {
  test('tells the time that the rules go by', async () => {
    const { api, base } = await steerable();
    base.at = plus(now, 1_500);
    expect(await api.get('/v1/clock')).toMatchObject({
      status: 200,
      body: { now: '2026-05-04T12:00:01.500Z', rate: 1, kind: 'steerable' },
    });
  });

  test('is set, stands still, and leaps', async () => {
    const { api, base, clock } = await steerable();
    expect(await api.put('/v1/clock', { at: '2026-05-05T10:59:00+02:00', rate: 0 })).toMatchObject({
      status: 200,
      body: { now: '2026-05-05T08:59:00.000Z', rate: 0 },
    });
    base.at = plus(now, 60_000);
    expect(await api.put('/v1/clock', { advanceMs: 1 })).toMatchObject({ body: { now: '2026-05-05T08:59:00.001Z' } });
    expect(clock.now()).toBe(Date.UTC(2026, 4, 5, 8, 59, 0, 1));
  });

  test('changes its pace without a leap', async () => {
    const { api, base } = await steerable();
    expect(await api.put('/v1/clock', { rate: 60.5 })).toMatchObject({ body: { rate: 60.5 } });
    base.at = plus(now, 1_000);
    expect(await api.get('/v1/clock')).toMatchObject({ body: { now: '2026-05-04T12:01:00.500Z' } });
  });

  test.each<[string, unknown]>([
    ['', {}],
    ['', []],
    ['at', { at: 'tomorrow' }],
    ['at', { at: '2026-02-30T00:00:00Z' }],
    ['at', { at: 1 }],
    ['advanceMs', { advanceMs: -1 }],
    ['advanceMs', { advanceMs: 0.5 }],
    ['advanceMs', { at: '2026-05-05T00:00:00Z', advanceMs: 1 }],
    ['rate', { rate: -1 }],
    ['rate', { rate: '1' }],
    ['rate', { rate: 100_001 }],
  ])('says which field is wrong, and stays as it is: %s of %j', async (field, body) => {
    const { api, clock } = await steerable();
    expect(await api.put('/v1/clock', body)).toMatchObject({
      status: 422,
      body: { code: 'message-invalid', field, remedy: expect.stringMatching(/\w/) },
    });
    expect([clock.now(), clock.rate]).toEqual([now, 1]);
  });

  test('goes no further than its instants can be written', async () => {
    const { api, clock } = await steerable();
    const last = '9999-12-31T23:59:59.999Z';
    expect(await api.put('/v1/clock', { at: last, rate: 0 })).toMatchObject({ status: 200 });
    expect(await api.put('/v1/clock', { advanceMs: 1 })).toMatchObject({ status: 422, body: { field: 'advanceMs' } });
    expect(new Date(clock.now()).toISOString()).toBe(last);
  });
});

test('the clock of the machine is told, and not steered', async () => {
  api = await openInsights();
  expect(await api.get('/v1/clock')).toMatchObject({ status: 200, body: { rate: 1, kind: 'system' } });
  expect(await api.put('/v1/clock', { advanceMs: 1 })).toMatchObject({
    status: 409,
    body: { code: 'clock-not-steerable', detail: expect.stringContaining('TIDEGATE_CLOCK=steerable') },
  });
});
