import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ReceivedMessage } from '#application/ports/message-queue';
import type { ParkedMessage } from '#application/ports/parking';
import { instantOf } from '#domain/time';
import type { Database } from './database.js';
import { memoryDatabase } from './memory-database.js';
import { prepare } from './open-database.js';
import { PostgresParking } from './postgres-parking.js';

let database: Database;
let parking: PostgresParking;
beforeAll(async () => {
  database = await memoryDatabase();
  await prepare(database);
  parking = new PostgresParking(database);
});
afterAll(() => database.close());

const message = (key: string, offset: number, partition = 0): ReceivedMessage => ({
  topic: 'intents',
  partition,
  offset,
  key,
  value: '{"text":"a\\nb"}',
  headers: { 'content-type': 'application/json' },
  at: instantOf(5),
});
const parked = (own: ReceivedMessage): ParkedMessage => ({
  message: own,
  error: 'TypeError: x is not a function\n\tat y',
  parkedAt: instantOf(9),
});

test('what is parked comes back as it was, in order, by group and page by page', async () => {
  const messages = [message('a\n', 3), message('b', 4), message('a\n', 7), message('c', 1, 1)];
  await parking.park(
    'g',
    [messages[2], messages[3], messages[0], messages[1]].flatMap((one) => (one ? [parked(one)] : [])),
  );
  expect(await parking.parked('g', 'intents', 10)).toEqual(messages.map(parked));
  expect(await parking.parked('g', 'intents', 2)).toEqual(messages.slice(0, 2).map(parked));
  expect(await parking.parked('g', 'intents', 10, message('b', 4))).toEqual(messages.slice(2).map(parked));
  expect(await parking.parked('other', 'intents', 10)).toEqual([]);
  expect(await parking.parkedKeys('g', 'intents', ['a\n', 'z'])).toEqual(new Set(['a\n']));
  expect(await parking.parkedKeys('other', 'intents', ['a\n'])).toEqual(new Set());
});

test('parking twice changes nothing, and what is released is gone', async () => {
  const twice = message('twice', 20);
  await parking.park('h', [parked(twice)]);
  await parking.park('h', [{ ...parked(twice), error: 'another' }]);
  expect(await parking.parked('h', 'intents', 10)).toEqual([parked(twice)]);
  await parking.release('h', [twice]);
  expect(await parking.parkedKeys('h', 'intents', ['twice'])).toEqual(new Set());
});
