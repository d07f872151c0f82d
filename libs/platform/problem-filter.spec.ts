import { Controller, Get, type INestApplication, Res } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { InfrastructureError } from '#application/errors';
import { ProblemFilter } from './problem-filter.js';

const away = new InfrastructureError('store-unavailable', 'The store is away.');
const bug = new TypeError('secret');

@Controller()
class Tide {
  @Get('unknown')
  unknown(): never {
    throw new InfrastructureError('account-unknown', 'Register it first.', { field: 'account' });
  }
  @Get('away')
  async away(): Promise<never> {
    throw away;
  }
  @Get('bug')
  bug(): never {
    throw bug;
  }
  @Get('half')
  half(@Res() response: ServerResponse): never {
    response.writeHead(200).write('half');
    throw bug;
  }
}

const failures: unknown[] = [];
let app: INestApplication;
let url = '';

beforeAll(async () => {
  app = (await Test.createTestingModule({ controllers: [Tide] }).compile()).createNestApplication({ logger: false });
  app.useGlobalFilters(new ProblemFilter(app.get(HttpAdapterHost).httpAdapter, (error) => failures.push(error)));
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});
afterAll(() => app.close());

test.each([
  ['unknown', { status: 404, code: 'account-unknown', field: 'account', detail: 'Register it first.' }],
  ['away', { status: 503, code: 'store-unavailable', detail: 'The store is away.' }],
  ['bug', { status: 500, type: 'about:blank' }],
  ['nowhere', { status: 404, type: 'about:blank', detail: 'Cannot GET /nowhere' }],
])('GET /%s is answered with a problem', async (path, problem) => {
  const response = await fetch(`${url}/${path}`);
  expect(response.status).toBe(problem.status);
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const text = await response.text();
  expect(JSON.parse(text)).toMatchObject(problem);
  expect(text).not.toContain('secret');
});

test('half an answer is ended as it is', async () => {
  expect(await (await fetch(`${url}/half`)).text()).toBe('half');
});

test('only the server’s own failures are reported', () => {
  expect(failures).toEqual([away, bug, bug]);
});
