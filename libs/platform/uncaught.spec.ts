import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import { exitOnUncaught } from './uncaught.js';

test('an error that nobody caught is logged, then the process exits', () => {
  const source = new EventEmitter();
  const done: unknown[] = [];
  exitOnUncaught(
    (error) => done.push(error),
    source,
    (code) => done.push(code),
  );
  const bug = new TypeError('undefined is not a function');
  source.emit('uncaughtException', bug, 'unhandledRejection');
  expect(done).toEqual([bug, 1]);
});

test('the process exits though the error cannot be logged', () => {
  const source = new EventEmitter();
  const exits: number[] = [];
  exitOnUncaught(
    () => {
      throw new Error('The pipe is broken.');
    },
    source,
    (code) => exits.push(code),
  );
  expect(() => source.emit('uncaughtException', 'bug')).toThrow('The pipe is broken.');
  expect(exits).toEqual([1]);
});
