import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { accountStream, mauStream } from '#application/streams';
import { mergedInto, openAnalytics, utc, wroteAt, type AnalyticsStage } from './stage.js';

const ACCOUNT = 'acme';
const october = mauStream(ACCOUNT, '2026-10');

describe('a month', () => {
  let stage: AnalyticsStage;
  /** Registered in September; two customers write in October, by the clock of Berlin. */
  beforeEach(async () => {
    stage = await openAnalytics(utc('2026-09-15T00:00:00Z'));
    await stage.put(accountStream(ACCOUNT), {
      type: 'AccountRegistered',
      at: utc('2026-09-15T00:00:00Z'),
      zone: 'Europe/Berlin',
    });
    stage.clock.at = utc('2026-10-31T22:59:00Z');
    await stage.customer(ACCOUNT, 'a', wroteAt(utc('2026-10-10T10:00:00Z'), '1'));
    await stage.customer(ACCOUNT, 'b', wroteAt(utc('2026-10-31T22:59:00Z'), '1'));
    await stage.project();
  });
  afterEach(() => stage.close());

  const closeAt = async (at: string): Promise<void> => {
    stage.clock.at = utc(at);
    await stage.closer().run();
    await stage.project();
  };
  const monthOf = async (month: string) =>
    (await stage.analytics.months(ACCOUNT)).find((candidate) => candidate.month === month);

  test('closes three days after its end by the billing zone, also when nobody came, and once', async () => {
    await closeAt('2026-11-03T22:59:59.999Z');
    expect(await stage.stream(october)).toEqual([]);
    const [september] = await stage.stream(mauStream(ACCOUNT, '2026-09'));
    expect(september?.event).toMatchObject({ type: 'MonthClosed', month: '2026-09', users: 0, zone: 'Europe/Berlin' });

    const counted = (await stage.analytics.checkpoint())?.position;
    await closeAt('2026-11-03T23:00:00Z');
    await closeAt('2026-11-03T23:00:01Z');
    const events = await stage.stream(october);
    expect(events.map(({ event }) => event)).toEqual([
      {
        type: 'MonthClosed',
        at: utc('2026-11-03T23:00:00Z'),
        month: '2026-10',
        zone: 'Europe/Berlin',
        rule: 'sent-or-received-v1',
        users: 2,
        position: counted,
      },
    ]);
    expect(await monthOf('2026-10')).toMatchObject({
      users: 2,
      adjusted: 0,
      closed: { users: 2 },
      days: { 10: 1, 31: 1 },
    });
    expect(await monthOf('2026-11')).toBeUndefined();
  });

  test('case 26: a fact that comes after the close adjusts it once, and edits nothing', async () => {
    await closeAt('2026-11-05T00:00:00Z');
    const [late] = await stage.customer(ACCOUNT, 'c', wroteAt(utc('2026-10-20T10:00:00Z'), '1'));
    // Neither a second fact of a counted user nor an earlier one changes the count.
    await stage.customer(ACCOUNT, 'c', wroteAt(utc('2026-10-21T10:00:00Z'), '2'));
    await stage.customer(ACCOUNT, 'a', wroteAt(utc('2026-10-01T10:00:00Z'), '0'));
    await stage.project();
    expect(await monthOf('2026-10')).toMatchObject({ users: 3, adjusted: 0, closed: { users: 2 } });
    await closeAt('2026-11-05T00:00:01Z');
    await closeAt('2026-11-05T00:00:02Z');
    expect((await stage.stream(october)).map(({ event }) => event).slice(1)).toEqual([
      {
        type: 'MauAdjusted',
        at: utc('2026-11-05T00:00:01Z'),
        month: '2026-10',
        customer: 'c',
        change: 1,
        because: late,
      },
    ]);
    expect(await monthOf('2026-10')).toMatchObject({ users: 3, adjusted: 1, closed: { users: 2 } });
    expect(await stage.analytics.unsettled(9)).toEqual([]);
  });

  test('what came after the count and before the close is stored is adjusted too', async () => {
    stage.clock.at = utc('2026-11-05T00:00:00Z');
    await stage.put(accountStream('other'), { type: 'AccountRegistered', at: stage.clock.at, zone: 'UTC' });
    await stage.project();
    // Not folded yet when the month is counted.
    const [late] = await stage.customer(ACCOUNT, 'c', wroteAt(utc('2026-10-20T10:00:00Z'), '1'));
    await stage.closer().run();
    await stage.project();
    await stage.closer().run();
    expect((await stage.stream(october)).map(({ event }) => event)).toMatchObject([
      { type: 'MonthClosed', users: 2 },
      { type: 'MauAdjusted', customer: 'c', change: 1, because: late },
    ]);
  });

  test('case 23: two counted users that turn out to be one are adjusted, one that only moved is not', async () => {
    await closeAt('2026-11-05T00:00:00Z');
    const [moved] = await stage.customer(ACCOUNT, 'z', mergedInto(stage.clock.at, 'b'));
    await stage.project();
    expect(await monthOf('2026-10')).toMatchObject({ users: 2 });
    const [merge] = await stage.customer(ACCOUNT, 'z', mergedInto(stage.clock.at, 'a'));
    await stage.project();
    await closeAt('2026-11-06T00:00:00Z');
    expect((await stage.stream(october)).map(({ event }) => event).slice(1)).toMatchObject([
      { type: 'MauAdjusted', customer: 'a', change: -1, because: merge },
    ]);
    expect(moved).not.toBe(merge);
    const users = await stage.analytics.users(ACCOUNT, '2026-10', undefined, 9);
    expect(users).toMatchObject([{ customer: 'z', firstAt: utc('2026-10-10T10:00:00Z') }]);
    expect(await monthOf('2026-10')).toMatchObject({ users: 1, adjusted: -1, closed: { users: 2 } });
  });

  test('of two processes that close it at once one does; one that died after the append is repeated for nothing', async () => {
    stage.clock.at = utc('2026-11-05T00:00:00Z');
    // Neither has folded what the other appended.
    await Promise.all([stage.closer().run(), stage.closer().run()]);
    await stage.closer().run();
    expect(await stage.stream(october)).toHaveLength(1);
    await stage.project();
    await stage.customer(ACCOUNT, 'c', wroteAt(utc('2026-10-20T10:00:00Z'), '1'));
    await stage.customer(ACCOUNT, 'd', wroteAt(utc('2026-10-20T10:00:00Z'), '1'));
    await stage.project();
    await Promise.all([stage.closer().run(), stage.closer().run()]);
    await stage.closer().run();
    expect(await stage.stream(october)).toHaveLength(3);
  });

  test('is not closed while analytics is behind the log', async () => {
    stage.clock.at = utc('2026-11-05T00:00:00Z');
    await stage.customer(ACCOUNT, 'c', wroteAt(utc('2026-10-20T10:00:00Z'), '1'));
    await stage.closer().run();
    expect(await stage.stream(october)).toEqual([]);
    await stage.project();
    await stage.closer().run();
    expect((await stage.stream(october))[0]?.event).toMatchObject({ users: 3 });
  });
});
