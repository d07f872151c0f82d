import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { intentExample } from '#apps/insights/examples';
import { InfrastructureError } from '#application/errors';
import { acme, openInsights, type Insights } from './api.js';

// Whatever is wrong, the answer is a problem by RFC 9457 that says what to do.

let api: Insights;
beforeAll(async () => {
  api = await openInsights();
  api.readModel.accountRows = [acme];
});
afterAll(() => api.close());

const PROBLEM = 'application/problem+json; charset=utf-8';

describe('the path', () => {
  test.each([
    ['an unknown route', 'GET', '/v2/intents', 404],
    ['the root', 'GET', '/', 404],
    ['a broken percent-encoding', 'GET', '/v1/accounts/%E0%A4%A/templates', 400],
  ])('%s', async (_, method, path, status) => {
    const answer = await api.fetched(method, path);
    expect(answer).toMatchObject({ status, type: PROBLEM, body: { type: 'about:blank', status } });
  });

  test.each([
    ['PUT', '/v1/send-intents', 'POST'],
    ['GET', '/v1/send-intents', 'POST'],
    ['POST', '/v1/accounts/acme/customers/a/intents/b', 'DELETE, GET, HEAD'],
    ['PATCH', '/v1/clock?now=1', 'GET, PUT, HEAD'],
    ['DELETE', '/health/live/', 'GET, HEAD'],
  ])('%s %s: that method is not there, but these are', async (method, path, allowed) => {
    const response = await fetch(`${api.url}${path}`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe(allowed);
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await response.json()).toMatchObject({ status: 405, detail: expect.stringContaining(allowed) });
  });

  test('HEAD is answered as GET is', async () => {
    expect((await fetch(`${api.url}/health/live`, { method: 'HEAD' })).status).toBe(200);
  });
});

describe('the account', () => {
  test.each(['templates', 'customers/+4915112345678/windows', 'customers/a/intents/b', 'intents?intentId=a'])(
    'is unknown: %s',
    async (path) => {
      expect(await api.get(`/v1/accounts/nobody/${path}`)).toMatchObject({
        status: 404,
        body: { code: 'account-unknown', field: 'account', detail: expect.stringContaining('Register it') },
      });
    },
  );
});

describe('the customer', () => {
  test.each(['+', '+0151123456', '+49151-123', '+12345', '+1234567890123456'])(
    '%s is no phone number',
    async (named) => {
      for (const path of ['windows', 'intents/a']) {
        expect(await api.get(`/v1/accounts/acme/customers/${named}/${path}`)).toMatchObject({
          status: 400,
          body: { code: 'message-invalid', field: 'customer', detail: expect.stringContaining('E.164') },
        });
      }
      expect(await api.delete(`/v1/accounts/acme/customers/${named}/intents/a`)).toMatchObject({ status: 400 });
    },
  );

  test('is a phone number without its plus', async () => {
    expect(await api.get('/v1/accounts/acme/customers/4915112345678/windows')).toMatchObject({
      status: 404,
      body: { code: 'not-found', detail: expect.stringContaining('with its plus') },
    });
  });
});

describe('the body', () => {
  test.each([
    ['{', 400],
    ['', 422],
    ['null', 400],
    ['7', 400],
    ['[]', 422],
    ['{}', 422],
  ])('%j', async (body, status) => {
    const answer = await api.post(body);
    expect(answer).toMatchObject({ status, type: expect.stringMatching(/^application\/problem\+json/) });
  });

  test.each(['application/x-www-form-urlencoded', 'text/plain', 'application/jsonp'])('is sent as %s', async (type) => {
    expect(await api.post('{}', { 'content-type': type })).toMatchObject({
      status: 415,
      body: { detail: expect.stringContaining('application/json') },
    });
  });

  test('says in words what a field must look like', async () => {
    const { sender: _sender, ...unsent } = intentExample;
    expect(await api.post(unsent)).toMatchObject({ body: { field: 'sender', detail: 'sender: is missing.' } });
    expect(await api.post({ ...intentExample, account: 'Acme' })).toMatchObject({
      body: { field: 'account', detail: 'account: must match [a-z0-9_]+, at most 64 characters.' },
    });
  });
});

test('a read model that is away is no fault of the caller', async () => {
  const away = await openInsights();
  away.readModel.accounts = () =>
    Promise.reject(new InfrastructureError('database-unavailable', 'The database is away.'));
  expect(await away.get('/v1/accounts/acme/templates')).toMatchObject({
    status: 503,
    body: { code: 'database-unavailable' },
  });
  await away.close();
});
