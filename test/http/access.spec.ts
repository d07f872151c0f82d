import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PostgresApiKeys } from '#adapters/postgres/postgres-api-keys';
import { AccessPolicy } from '#apps/insights/access';
import { issueKey } from '#application/api-keys';
import type { Role } from '#application/ports/api-keys';
import { initialAccount } from '#domain/account';
import { plus, type Instant } from '#domain/time';
import { openAnalytics, utc, type AnalyticsStage } from '../analytics/stage.js';
import { intentExample } from '../../apps/insights/examples.js';
import { openInsights, type Insights } from './api.js';

const NOW = utc('2026-11-04T09:00:00Z');

test('keys are asked for once there are some, and always beyond this machine', async () => {
  const isAsked = (mode: 'auto' | 'required' | 'off', host: string, areUsed: boolean) =>
    new AccessPolicy(mode, host).isAsked(() => Promise.resolve(areUsed));
  for (const host of ['127.0.0.1', 'localhost', '::1', '127.0.0.53']) {
    expect(await isAsked('auto', host, false)).toBe(false);
    expect(await isAsked('auto', host, true)).toBe(true);
  }
  for (const host of ['0.0.0.0', '::', '192.168.0.1', '127.0.0.1.example.org', 'localhost.example.org'])
    expect(await isAsked('auto', host, false)).toBe(true);
  expect(await isAsked('off', '0.0.0.0', true)).toBe(false);
  expect(await isAsked('required', '127.0.0.1', false)).toBe(true);
});

test('a key is stored without its secret, and no two are alike', () => {
  const [one, two] = [1, 2].map(() => issueKey({ account: 'acme', role: 'reader', name: 'bi' }, NOW));
  expect(one?.token).toMatch(/^tg_[0-9a-f]{12}_[\w-]{43}$/);
  expect(one?.token).not.toBe(two?.token);
  const secret = one?.token.slice('tg_'.length + 12 + '_'.length) ?? '';
  expect(secret).toHaveLength(43);
  expect(JSON.stringify(one?.key)).not.toContain(secret);
});

describe('who may ask what', () => {
  let stage: AnalyticsStage;
  let api: Insights;
  let keys: PostgresApiKeys;
  beforeAll(async () => {
    stage = await openAnalytics(NOW);
    keys = new PostgresApiKeys(stage.database);
    api = await openInsights(stage.clock, {
      analytics: stage.analytics,
      store: stage.store,
      apiKeys: keys,
      access: new AccessPolicy('required', '127.0.0.1'),
    });
    api.readModel.accountRows = ['acme', 'other'].map((account) => ({
      state: { ...initialAccount(account), registered: true },
    }));
  });
  afterAll(async () => {
    await api.close();
    await stage.close();
  });

  const made = async (role: Role, account = 'acme', expiresAt?: Instant): Promise<string> => {
    const { key, token } = issueKey({ account, role, name: role, expiresAt }, NOW);
    await keys.add(key);
    return token;
  };
  const asked = async (path: string, token?: string, options: RequestInit = {}) => {
    const response = await fetch(`${api.url}${path}`, {
      ...options,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        'content-type': 'application/json',
      },
    });
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      challenge: response.headers.get('www-authenticate'),
      body: await response.text(),
    };
  };
  const send = (...accounts: readonly string[]): RequestInit => ({
    method: 'POST',
    body: JSON.stringify({
      intents: accounts.map((account, index) => ({ ...intentExample, account, intentId: `i-${index}` })),
    }),
  });

  test.each(['', 'tg_', 'nonsense', 'tg_0123456789ab_short', `tg_0123456789ab_${'a'.repeat(43)}`])(
    'nobody with the key %j, and health stays open',
    async (token) => {
      const { status, type, challenge } = await asked('/v1/accounts/acme/sessions', token);
      expect([status, type]).toEqual([401, expect.stringContaining('application/problem+json')]);
      expect(challenge).toContain('Bearer');
      expect((await asked('/health/live')).status).toBe(200);
      expect((await asked('/docs/openapi.json')).status).toBe(200);
    },
  );

  test('each role what its list says', async () => {
    const [reader, auditor, operator] = [await made('reader'), await made('auditor'), await made('operator')];
    const asOf = '/v1/accounts/acme/customers/x/as-of?at=2026-11-04T09:00:00Z';
    const expected = [
      ['/v1/accounts/acme/sessions', 200, 200, 200],
      ['/v1/accounts/acme/mau/2026-11', 200, 200, 200],
      ['/v1/accounts/acme/templates', 200, 200, 200],
      ['/v1/clock', 200, 200, 200],
      [asOf, 403, 404, 404],
    ] as const;
    for (const [path, ...statuses] of expected) {
      const got = await Promise.all(
        [reader, auditor, operator].map(async (token) => (await asked(path, token)).status),
      );
      expect([path, ...got]).toEqual([path, ...statuses]);
    }
    for (const [token, status] of [
      [reader, 403],
      [auditor, 403],
      [operator, 202],
    ] as const)
      expect((await asked('/v1/send-intents', token, send('acme'))).status).toBe(status);
    expect((await asked('/v1/clock', reader, { method: 'PUT', body: '{"rate":0}' })).status).toBe(403);
  });

  test('no key sees or uses another account, and none learns which accounts there are', async () => {
    const token = await made('operator', 'other');
    for (const path of [
      'sessions',
      'mau/2026-11',
      'mau/2026-11/users',
      'decisions',
      'decisions/counts',
      'templates',
      'customers/x/windows',
      'customers/x/as-of?at=2026-11-04T09:00:00Z',
      'customers/x/intents/i/explanation',
      'customers/x/intents/i',
      'intents?intentId=i',
    ]) {
      const there = await asked(`/v1/accounts/acme/${path}`, token);
      const nowhere = await asked(`/v1/accounts/no_such/${path}`, token);
      expect([path, there.status, there.body]).toEqual([path, 403, nowhere.body]);
    }
    expect((await asked('/v1/accounts/acme/customers/x/intents/i', token, { method: 'DELETE' })).status).toBe(403);
    api.producer.sent = [];
    expect((await asked('/v1/send-intents', token, send('other', 'acme'))).status).toBe(403);
    expect(
      (await asked('/v1/send-intents', token, { method: 'POST', body: JSON.stringify(intentExample) })).status,
    ).toBe(403);
    expect(api.producer.sent).toEqual([]);
    const fact = { account: 'acme', zone: 'UTC' };
    for (const body of [fact, { facts: [fact] }, { facts: [{ ...fact, account: 'other' }, fact] }])
      expect(
        (await asked('/v1/facts/accounts/register-account', token, { method: 'POST', body: JSON.stringify(body) }))
          .status,
      ).toBe(403);
    expect(api.producer.sent).toEqual([]);
    expect((await asked('/v1/send-intents', token, send('other'))).status).toBe(202);
    // Malformed bodies too, whatever else would be wrong with them.
    for (const body of ['{"intents":"x","account":"acme"}', '{"account":"other","intents":[{"account":"acme"}]}'])
      expect((await asked('/v1/send-intents', token, { method: 'POST', body })).status).toBe(403);
    expect((await asked('/v1/send-intents', token, { method: 'POST', body: '{"intents":"x"}' })).status).toBe(422);
  });

  test('nobody with a key that is revoked or expired', async () => {
    const expired = await made('reader', 'acme', NOW);
    const until = await made('reader', 'acme', plus(NOW, 1));
    const revoked = await made('reader');
    expect(await keys.revoke(revoked.split('_')[1] ?? '', NOW)).toBe(true);
    expect(await keys.revoke('0123456789ab', NOW)).toBe(false);
    expect((await asked('/v1/accounts/acme/sessions', expired)).status).toBe(401);
    expect((await asked('/v1/accounts/acme/sessions', revoked)).status).toBe(401);
    expect((await asked('/v1/accounts/acme/sessions', until)).status).toBe(200);
    // The right id with another secret opens nothing.
    const [, id = ''] = until.split('_');
    expect((await asked('/v1/accounts/acme/sessions', `tg_${id}_${'a'.repeat(43)}`)).status).toBe(401);
  });
});
