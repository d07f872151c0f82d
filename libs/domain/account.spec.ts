import { describe, expect, test } from '@jest/globals';
import { iso } from '#testing/scenario';
import {
  allowanceAt,
  billingMonth,
  evolveAccount,
  initialAccount,
  policyAt,
  zoneAt,
  type AccountEvent,
  type AccountState,
} from './account.js';
import { plus } from './time.js';

const registered: AccountEvent = { type: 'AccountRegistered', at: iso('2026-01-01T00:00:00Z'), zone: 'Europe/Berlin' };
const after = (...events: readonly AccountEvent[]): AccountState =>
  [registered, ...events].reduce(evolveAccount, initialAccount('acme'));

describe('an account', () => {
  test('is unregistered, and follows the default policy in UTC, before it says anything', () => {
    const state = initialAccount('acme');
    expect(state).toMatchObject({ registered: false, revision: -1 });
    expect(policyAt(state, iso('2026-11-23T00:00:00Z')).name).toBe('sinch-2021');
    expect(zoneAt(state, iso('2026-11-23T00:00:00Z'))).toBe('UTC');
    expect(allowanceAt(state, iso('2026-11-23T00:00:00Z'))).toBeUndefined();
  });

  test('keeps its zone when it is registered once more', () => {
    expect(after({ ...registered, zone: 'America/New_York' })).toEqual(after());
  });

  test('keeps its senders apart, and takes the last word on each', () => {
    const sender = (name: string, onboardedAt: string): AccountEvent => ({
      type: 'SenderRegistered',
      at: iso('2026-02-01T00:00:00Z'),
      sender: name,
      onboardedAt: iso(onboardedAt),
    });
    expect(
      after(
        sender('111', '2026-01-05T00:00:00Z'),
        sender('222', '2026-01-06T00:00:00Z'),
        sender('111', '2026-01-07T00:00:00Z'),
      ).senders,
    ).toEqual({
      '111': { onboardedAt: iso('2026-01-07T00:00:00Z') },
      '222': { onboardedAt: iso('2026-01-06T00:00:00Z') },
    });
  });

  test('leaves its state to an event that it does not know', () => {
    const state = after();
    expect(evolveAccount(state, { type: 'Renamed', at: state.zones[0]?.effectiveAt } as unknown as AccountEvent)).toBe(
      state,
    );
  });

  test('takes its own opt-out words instead of the usual ones', () => {
    expect(after().optOutKeywords).toContain('stop');
    const changed = after({ type: 'KeywordsChanged', at: iso('2026-02-01T00:00:00Z'), optOut: ['iptal'] });
    expect(changed.optOutKeywords).toEqual(['iptal']);
  });
});

describe("an account's policy", () => {
  const effectiveAt = iso('2026-10-01T00:00:00Z');
  const state = after({
    type: 'PolicyChanged',
    at: iso('2026-09-01T00:00:00Z'),
    effectiveAt,
    preset: 'meta-2026-10',
    version: 7,
    overrides: { marginMs: 1_000 },
  });

  test('is the preset with the overrides and its own version, from the instant of effect on', () => {
    expect(policyAt(state, plus(effectiveAt, -1))).toMatchObject({ name: 'sinch-2021', version: 1, marginMs: 60_000 });
    expect(policyAt(state, effectiveAt)).toMatchObject({
      name: 'meta-2026-10',
      version: 7,
      marginMs: 1_000,
      slots: null,
    });
  });

  test('of the past stays what it was after another change', () => {
    const later = evolveAccount(state, {
      type: 'PolicyChanged',
      at: iso('2026-11-01T00:00:00Z'),
      effectiveAt: iso('2026-12-01T00:00:00Z'),
      preset: 'meta-2024-11',
      version: 8,
      overrides: {},
    });
    expect(policyAt(later, iso('2026-11-30T23:59:59Z')).version).toBe(7);
    expect(policyAt(later, iso('2026-12-01T00:00:00Z'))).toMatchObject({ version: 8, marginMs: 60_000 });
  });
});

test('case 27: the allowance holds from its own instant on, and null lifts it', () => {
  const allowance = (from: string, users: number | null): AccountEvent => ({
    type: 'AllowanceChanged',
    at: iso('2026-01-02T00:00:00Z'),
    effectiveAt: iso(from),
    users,
  });
  const state = after(allowance('2026-03-01T00:00:00Z', null), allowance('2026-02-01T00:00:00Z', 1_000));
  expect(allowanceAt(state, iso('2026-01-31T23:59:59Z'))).toBeUndefined();
  expect(allowanceAt(state, iso('2026-02-01T00:00:00Z'))).toBe(1_000);
  expect(allowanceAt(state, iso('2026-03-01T00:00:00Z'))).toBeUndefined();
});

describe('case 26: the billing zone', () => {
  const moved: AccountEvent = { type: 'ZoneChanged', at: iso('2026-11-10T00:00:00Z'), zone: 'America/New_York' };

  test('decides the month', () => {
    expect(billingMonth(after(), iso('2026-10-31T23:30:00Z')).month).toBe('2026-11');
  });

  test('is the first one said for what happened before that', () => {
    expect(billingMonth(after(), iso('2025-05-31T22:30:00Z')).month).toBe('2025-06');
  });

  test('changes with the next month, as the old zone counts it', () => {
    expect(zoneAt(after(moved), iso('2026-11-30T22:59:59.999Z'))).toBe('Europe/Berlin');
    expect(zoneAt(after(moved), iso('2026-11-30T23:00:00Z'))).toBe('America/New_York');
  });

  test('is the last said of two changes in one month', () => {
    const again: AccountEvent = { type: 'ZoneChanged', at: iso('2026-11-12T00:00:00Z'), zone: 'Asia/Tokyo' };
    expect(zoneAt(after(moved, again), iso('2026-12-05T00:00:00Z'))).toBe('Asia/Tokyo');
  });

  test('names no month twice and leaves none out when it changes', () => {
    const state = after(moved);
    let month = billingMonth(state, iso('2026-10-15T00:00:00Z')).month;
    const names = [month];
    for (let hour = 0; hour < 24 * 100; hour += 1) {
      const next = billingMonth(state, plus(iso('2026-10-15T00:00:00Z'), hour * 3_600_000)).month;
      if (next !== month) names.push(next);
      month = next;
    }
    expect(names).toEqual(['2026-10', '2026-11', '2026-12', '2027-01']);
  });
});
