import { performance } from 'node:perf_hooks';
import { describe, expect, test } from '@jest/globals';
import { paceOf } from './pace.js';

// On a server analytics goes behind the read model that the gate decides by.

const SERVER = 'postgres://localhost/tidegate';
const lasting = async (work: Promise<void> | undefined): Promise<number> => {
  const from = performance.now();
  await work;
  return performance.now() - from;
};

describe('after a full batch', () => {
  test('it goes on at once while the gate keeps up', async () => {
    const { rest } = paceOf(SERVER, () => false);
    expect(await lasting(rest?.({ tookMs: 60_000, isFull: true }, new AbortController().signal))).toBeLessThan(200);
  });

  test('it waits while the gate is behind, until the gate is not', async () => {
    let isBehind = true;
    const { rest } = paceOf(SERVER, () => isBehind);
    setTimeout(() => (isBehind = false), 300);
    const waitedMs = await lasting(rest?.({ tookMs: 60_000, isFull: true }, new AbortController().signal));
    expect(waitedMs).toBeGreaterThan(290);
    expect(waitedMs).toBeLessThan(10_000);
  });

  test('it takes a tenth of the time however long the gate is behind', async () => {
    const { rest } = paceOf(SERVER, () => true);
    const waitedMs = await lasting(rest?.({ tookMs: 30, isFull: true }, new AbortController().signal));
    expect(waitedMs).toBeGreaterThan(290);
    expect(waitedMs).toBeLessThan(10_000);
  });
});

test('after a batch that was not full it gathers for a second', async () => {
  const { rest } = paceOf(SERVER, () => false);
  expect(await lasting(rest?.({ tookMs: 1, isFull: false }, new AbortController().signal))).toBeGreaterThan(990);
});

test('it rests no more once it has to stop', async () => {
  const { rest } = paceOf(SERVER, () => true);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 50);
  expect(await lasting(rest?.({ tookMs: 60_000, isFull: false }, stop.signal))).toBeLessThan(900);
});
