import { InternalServerErrorException, NotFoundException } from '@nestjs/common';
import { describe, expect, test } from '@jest/globals';
import { errorCodes, InfrastructureError, reactionTo } from '#application/errors';
import { problemOf, statusOf } from './problem.js';

describe('the problem of an error', () => {
  test('names code, field and remedy', () => {
    const error = new InfrastructureError('message-invalid', 'to must be a number.', { field: 'to' });
    expect(problemOf(error)).toEqual({
      type: 'urn:tidegate:problem:message-invalid',
      title: 'Bad Request',
      status: 400,
      detail: 'to must be a number.',
      code: 'message-invalid',
      field: 'to',
    });
  });

  test('keeps the inside of the server to itself', () => {
    expect(problemOf(new InfrastructureError('store-corrupt', 'secret'))).toEqual({
      type: 'urn:tidegate:problem:store-corrupt',
      title: 'Internal Server Error',
      status: 500,
      code: 'store-corrupt',
    });
    const blank = { type: 'about:blank', title: 'Internal Server Error', status: 500 };
    expect(problemOf(new TypeError('secret'))).toEqual(blank);
    expect(problemOf('secret')).toEqual(blank);
    expect(problemOf(new InternalServerErrorException('secret'))).toEqual(blank);
  });

  test("is that of Nest's own exceptions", () => {
    expect(problemOf(new NotFoundException('Cannot GET /tide'))).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'Cannot GET /tide',
    });
  });

  test.each(errorCodes.filter((code) => reactionTo[code] === 'retry'))('%s asks the caller to come again', (code) => {
    expect(statusOf[code]).toBe(503);
  });

  test.each(errorCodes.filter((code) => reactionTo[code] === 'dead-letter'))('%s is the caller’s fault', (code) => {
    expect(Math.floor(statusOf[code] / 100)).toBe(4);
  });
});
