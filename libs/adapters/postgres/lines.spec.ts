import { assert, property, string } from 'fast-check';
import { copied, fromLine, lines, toLine } from './lines.js';

describe('lines', () => {
  test('hold a value each, and nothing as the word that text can never become', () => {
    expect(lines(['a', 1, null, '{"b":"\\n"}'])).toBe('a\n1\n\\N\n{"b":"\\n"}');
    expect(lines([])).toBe('');
  });

  test('refuse a value that would be two', () => {
    expect(() => lines(['a', 'b\nc'])).toThrow(expect.objectContaining({ code: 'event-unserialisable' }));
    expect(() => lines(['\n'])).toThrow(expect.objectContaining({ code: 'event-unserialisable' }));
  });

  test('any text fits on a line, as something that Postgres takes, and comes back', () => {
    assert(
      property(string({ unit: 'binary', maxLength: 20 }), string({ unit: 'binary', maxLength: 20 }), (a, b) => {
        const line = toLine(a);
        expect(fromLine(line)).toBe(a);
        expect(line).not.toMatch(/[\0\n]|\p{Surrogate}/u);
        expect(line).not.toBe('\\N');
        expect(toLine(b) === line).toBe(a === b);
      }),
    );
    for (const text of ['', '\\N', '\\E', '\ud83d', 'a\0b', '"', 'ß']) expect(fromLine(toLine(text))).toBe(text);
  });

  test('usual ids stay as they are', () => {
    expect(toLine('order-4711/2026_ß')).toBe('order-4711/2026_ß');
  });

  test('rows for COPY keep what it would take for its own', () => {
    expect(
      copied(
        [
          ['a\\b', 1, null],
          ['\t', '\n', '\r\\N'],
        ],
        [0, 1, 2].map((index) => (row) => row[index] ?? null),
      ),
    ).toBe('a\\\\b\t1\t\\N\n\\t\t\\n\t\\r\\\\N\n');
  });
});
