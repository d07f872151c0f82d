import { expect, test } from '@jest/globals';
import { instantOf } from '#domain/time';
import type { IntentKey, WakeRow } from './ports/read-model.js';
import { ReleaseHolds } from './release-holds.js';

const row = (intentId: string, wakeAt = 1): WakeRow => ({
  account: 'acme',
  customer: 'c',
  intentId,
  status: 'held',
  wakeAt: instantOf(wakeAt),
});

/** A loop over these rows, in which only the named intents can be released. */
const looping = (rows: readonly WakeRow[], releasable: readonly string[]) => {
  const looks: string[][] = [];
  let now = 10;
  const holds = new ReleaseHolds(
    {
      release: async (intents: readonly IntentKey[]) => {
        looks.push(intents.map(({ intentId }) => intentId));
        return intents.filter(({ intentId }) => releasable.includes(intentId));
      },
    },
    { awake: async (_statuses, _now, limit) => rows.slice(0, limit) },
    { now: () => instantOf(now) },
  );
  return { holds, looks, pass: (ms: number) => (now += ms) };
};

test('a hold that cannot go is not looked at again at once, and keeps nobody else waiting', async () => {
  const { holds, looks, pass } = looping([row('stuck'), row('free')], ['free']);
  await holds.run();
  await holds.run();
  pass(5_000);
  await holds.run();
  expect(looks).toEqual([['stuck', 'free'], ['free'], ['stuck', 'free']]);
});

test('holds that cannot go, however many, take nobody’s place', async () => {
  const stuck = Array.from({ length: 700 }, (_, index) => row(`stuck${index}`));
  const { holds, looks } = looping([...stuck, row('free', 2)], ['free']);
  await holds.run();
  await holds.run();
  expect(looks.map((look) => look.length)).toEqual([500, 201]);
  expect(looks[1]?.at(-1)).toBe('free');
});

test('a hold that becomes due anew is looked at though its last look was in vain', async () => {
  const rows = [row('a')];
  const { holds, looks } = looping(rows, []);
  await holds.run();
  rows[0] = row('a', 2);
  await holds.run();
  expect(looks).toEqual([['a'], ['a']]);
});

test('there may be more at once only when a full look released something', async () => {
  const full = Array.from({ length: 500 }, (_, index) => row(`i${index}`));
  expect(await looping(full, ['i7']).holds.run()).toBe(true);
  expect(await looping(full, []).holds.run()).toBe(false);
  expect(await looping([row('a')], ['a']).holds.run()).toBe(false);
});
