import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { instantOf } from '#domain/time';
import { ProgressDisplay } from './terminal.js';

describe('progress', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test('where nobody watches it is a line every few seconds, with the rate and the time that the log has reached', () => {
    const lines: string[] = [];
    const terminal = { out: () => undefined, err: (text: string) => void lines.push(text), watched: false };
    const display = new ProgressDisplay('replay', terminal);
    const advance = (ms: number, events: number): void => {
      jest.advanceTimersByTime(ms);
      display.advanced({ events, recordedAt: instantOf(events) });
    };
    advance(4_000, 1_000);
    expect(lines).toEqual([]);
    advance(1_000, 10_000);
    advance(4_999, 20_000);
    expect(lines).toEqual(['replay: 10,000 events, 2,000/s, at 1970-01-01T00:00:10.000Z\n']);
    advance(1, 25_000);
    expect(lines).toHaveLength(2);
    display.stop();
  });
});
