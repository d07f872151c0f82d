import { beforeEach, expect, test } from '@jest/globals';
import { Heartbeats } from './heartbeats.js';

let now = 0;
let heartbeats = new Heartbeats(() => now);
beforeEach(() => {
  now = 5_000;
  heartbeats = new Heartbeats(() => now);
});

test('a loop is stalled when it is silent for longer than it may be', () => {
  heartbeats.watch('releaser', 100);
  now += 100;
  expect(heartbeats.stalled()).toEqual([]);
  now += 1;
  expect(heartbeats.stalled()).toEqual(['releaser']);
});

test('every beat starts its time anew, and only its own', () => {
  const { beat } = heartbeats.watch('releaser', 100);
  heartbeats.watch('projector', 100);
  now += 60;
  beat();
  now += 60;
  expect(heartbeats.stalled()).toEqual(['projector']);
});

test('a stalled loop that goes on is well again', () => {
  const { beat } = heartbeats.watch('releaser', 100);
  now += 101;
  beat();
  expect(heartbeats.stalled()).toEqual([]);
});

test('a loop that ended is not missed, though another of its name is', () => {
  const { end } = heartbeats.watch('releaser', 100);
  heartbeats.watch('releaser', 200);
  end();
  now += 201;
  expect(heartbeats.stalled()).toEqual(['releaser']);
});
