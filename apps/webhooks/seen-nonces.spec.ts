import { expect, test } from '@jest/globals';
import { instantOf, plus } from '#domain/time';
import { SeenNonces } from './seen-nonces.js';

const now = instantOf(Date.UTC(2026, 4, 4, 12));

test('case 38: a nonce is taken once while its signature can count as fresh', () => {
  const nonces = new SeenNonces();
  expect(nonces.take('a', now, 1_000)).toBe(true);
  expect(nonces.take('a', plus(now, 1_000), 1_000)).toBe(false);
  expect(nonces.take('b', plus(now, 1_000), 1_000)).toBe(true);
  expect(nonces.take('a', plus(now, 1_001), 1_000)).toBe(true);
});

test('a nonce that was given back can be taken again', () => {
  const nonces = new SeenNonces();
  nonces.take('a', now, 1_000);
  nonces.giveBack('a');
  expect(nonces.take('a', now, 1_000)).toBe(true);
});

test('the memory is bounded: the oldest are forgotten first', () => {
  const nonces = new SeenNonces(2);
  for (const nonce of ['a', 'b', 'c']) nonces.take(nonce, now, 1_000);
  expect(['c', 'b'].map((nonce) => nonces.take(nonce, now, 1_000))).toEqual([false, false]);
  expect(nonces.take('a', now, 1_000)).toBe(true);
});
