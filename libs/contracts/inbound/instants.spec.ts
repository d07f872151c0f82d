import { describe, expect, test } from '@jest/globals';
import { instantFrom, parseInstant } from './instants.js';

describe('an RFC 3339 time', () => {
  test.each([
    ['2026-05-04T12:00:00Z', Date.UTC(2026, 4, 4, 12)],
    ['2026-05-04t12:00:00.123456789z', Date.UTC(2026, 4, 4, 12, 0, 0, 123)],
    ['2026-05-04T14:30:00+02:30', Date.UTC(2026, 4, 4, 12)],
    ['2024-02-29T00:00:00-00:00', Date.UTC(2024, 1, 29)],
    ['2000-02-29T23:59:59Z', Date.UTC(2000, 1, 29, 23, 59, 59)],
  ])('%s', (text, at) => {
    expect(parseInstant(text)).toBe(at);
  });

  test.each([
    '2026-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-05-04T24:00:00Z',
    '2026-05-04T12:60:00Z',
    '2026-05-04T12:00:00',
    '2026-05-04 12:00:00Z',
    '2026-05-04T12:00:00+24:00',
    '2026-05-04',
    '1777896000000',
    ' 2026-05-04T12:00:00Z',
    '2026-05-04T12:00:00Z\n',
    '',
  ])('not %j', (text) => {
    expect(parseInstant(text)).toBeUndefined();
    expect(() => instantFrom(text)).toThrow(RangeError);
  });
});
