import { describe, expect, test } from '@jest/globals';
import { createLogger, maskLine, NestLogger } from './logging.js';

const scene = (level: 'trace' | 'info' = 'trace') => {
  const lines: string[] = [];
  const logger = createLogger({ level, app: 'recorder', destination: { write: (line: string) => lines.push(line) } });
  const last = (): unknown => JSON.parse(lines.at(-1) ?? 'null');
  return { logger, lines, last };
};

describe('a logged line', () => {
  test('says when, how bad, which app and what', () => {
    const { logger, last } = scene();
    logger.warn({ position: 1_763_900_000_000 }, 'behind');
    expect(last()).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      app: 'recorder',
      position: 1_763_900_000_000,
      msg: 'behind',
    });
  });

  test('is left out below the level', () => {
    const { logger, lines } = scene('info');
    logger.debug('detail');
    expect(lines).toEqual([]);
  });

  test('has no phone number in its message, fields, bindings, errors, causes and stacks', () => {
    const { logger, lines, last } = scene();
    const number = '4915123456778';
    const error = new Error(`to ${number}`, { cause: new Error(`\n${number}`) });
    logger
      .child({ to: `+${number}` })
      .error({ err: error, deep: [{ [number]: `tel:${number},x` }] }, `sent to ${number}.`);
    expect(lines.join('')).not.toContain(number);
    expect(last()).toMatchObject({ to: '***78', msg: 'sent to ***78.', deep: [{ '***78': 'tel:***78,x' }] });
  });
});

describe('masking', () => {
  test.each([
    ['49151234', '***34'],
    ['+49 151 2345-6778', '***78'],
    ['+1 (415) 555-2671!', '***71!'],
    ['customer-4915123456778', 'customer-***78'],
    ['/customers/%2B4915123456778/windows', '/customers/%2B***78/windows'],
    ['%20491512345677812', '%20***12'],
    ['100%12345678', '100%***78'],
    ['"4915123456778"', '"***78"'],
    ['a\n4915123456778\t4915123456778', 'a\n***78\t***78'],
    ['1234567', '1234567'],
    ['2026-11-23T05:41:34.123+00:00', '2026-11-23T05:41:34.123+00:00'],
    ['12345678-1234-4234-8234-123456789012', '12345678-1234-4234-8234-123456789012'],
    ['00f067aa0ba902b712345678', '00f067aa0ba902b712345678'],
  ])('%j becomes %j', (text, masked) => {
    expect(JSON.parse(maskLine(JSON.stringify({ text })))).toEqual({ text: masked });
  });
});

test('a line may be longer than any message', () => {
  const text = `${'tide '.repeat(4_000_000)}4915123456778`;
  expect(JSON.parse(maskLine(JSON.stringify({ text }))).text.slice(-6)).toBe(' ***78');
});

describe("Nest's logger", () => {
  test('writes message and context', () => {
    const { logger, last } = scene();
    new NestLogger(logger).log('started', 'Main');
    expect(last()).toMatchObject({ level: 'info', msg: 'started', context: 'Main' });
  });

  test('writes errors with their stack', () => {
    const { logger, last } = scene();
    new NestLogger(logger).error(new Error('broken'), undefined, 'Main');
    expect(last()).toMatchObject({
      level: 'error',
      context: 'Main',
      err: { message: 'broken', stack: expect.stringContaining('logging.spec') },
    });
    new NestLogger(logger).error('broken', 'at here', 'Main');
    expect(last()).toMatchObject({ msg: 'broken', details: ['at here'], context: 'Main' });
  });

  test.each([
    ['verbose', 'trace'],
    ['debug', 'debug'],
    ['warn', 'warn'],
    ['fatal', 'fatal'],
  ] as const)('%s is %s', (method, level) => {
    const { logger, last } = scene();
    new NestLogger(logger)[method]('said');
    expect(last()).toMatchObject({ level, msg: 'said' });
  });
});
