import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PostgresApiKeys } from '#adapters/postgres/postgres-api-keys';
import { AccessPolicy } from '#apps/insights/access';
import { customerEventId, factId } from '#application/event-ids';
import { accountStream, customerStream, mauStream } from '#application/streams';
import type { CustomerEvent, Said } from '#domain/gate/events';
import { initialAccount } from '#domain/account';
import { HOUR_MS, MINUTE_MS, plus } from '#domain/time';
import { openAnalytics, utc, wroteAt, type AnalyticsStage } from '../analytics/stage.js';
import { openInsights, type Insights } from './api.js';

const T0 = utc('2026-11-04T09:00:00Z');
const idOf = (number: number): string => `c${number}`.padEnd(26, '_');

const decided = (number: number, type: 'SendAuthorised' | 'SendRefused'): CustomerEvent => ({
  ...(type === 'SendAuthorised'
    ? { type, content: 'own' as const, validUntil: T0, usesSlot: false }
    : { type, reason: 'window-closed' as const, remedy: 'wait' }),
  at: plus(T0, 2 * HOUR_MS + number),
  intent: {
    intentId: `i,"${number}`,
    sender: '4930',
    content: { kind: 'session', messageType: 'text' },
    whenClosed: 'refuse',
    whenPaused: 'refuse',
    fingerprint: 'f',
  },
  ordinal: 1,
  rule: '6',
  trace: {},
  policy: 'sinch-2021@1',
  evidence: { customerRevision: 0, accountRevision: 0 },
  cost: 'included',
  personal: { to: { phone: '491701234567' }, text: 'secret words' },
});

const REFUSED = { outcome: 'refused', reason: 'window-closed' } as const;
const revisedTo = (number: number, decision: string, withLateFacts: Said): CustomerEvent => ({
  type: 'VerdictRevised',
  at: plus(T0, 4 * HOUR_MS),
  intentId: `i,"${number}`,
  ordinal: 1,
  decision,
  decidedAt: decided(number, 'SendRefused').at,
  sender: '4930',
  said: REFUSED,
  was: REFUSED,
  withLateFacts,
  because: factId('late', `${number} ${withLateFacts.outcome}`),
  fact: 'CustomerMessageReceived',
  trueAt: T0,
});

describe('analysts', () => {
  let stage: AnalyticsStage;
  let api: Insights;
  /** 25 customers, of whom each third gets a reply, and one decision each. */
  beforeAll(async () => {
    stage = await openAnalytics(plus(T0, 3 * HOUR_MS));
    for (const account of ['acme', 'other'])
      await stage.put(accountStream(account), { type: 'AccountRegistered', at: T0, zone: 'Europe/Berlin' });
    await stage.put(mauStream('acme', '2026-10'), {
      type: 'MonthClosed',
      at: T0,
      month: '2026-10',
      zone: 'Europe/Berlin',
      rule: 'sent-or-received-v1',
      users: 7,
      position: 3,
    });
    for (let number = 0; number < 25; number += 1) {
      const isReplied = number % 3 === 0;
      await stage.customer(
        'acme',
        idOf(number),
        wroteAt(plus(T0, number * MINUTE_MS), '1'),
        decided(number, isReplied ? 'SendAuthorised' : 'SendRefused'),
        ...(isReplied
          ? [
              {
                type: 'SendAccepted' as const,
                at: plus(T0, 2 * HOUR_MS + number + 500),
                intentId: `i,"${number}`,
                claim: 'c',
                providerMessageId: `p${number}`,
              },
            ]
          : []),
      );
    }
    // Of the first three that were refused a late message says that they need not have been; of the third another took it back.
    for (const number of [1, 2, 4]) {
      const stream = customerStream('acme', idOf(number));
      const decision = customerEventId(stream, decided(number, 'SendRefused'));
      await stage.customer('acme', idOf(number), revisedTo(number, decision, { outcome: 'authorised' }));
      if (number === 4) await stage.customer('acme', idOf(4), revisedTo(number, decision, REFUSED));
    }
    await stage.customer('other', idOf(99), wroteAt(T0, '1'));
    await stage.project();
    api = await openInsights(stage.clock, {
      analytics: stage.analytics,
      store: stage.store,
      apiKeys: new PostgresApiKeys(stage.database),
      access: new AccessPolicy('auto', '127.0.0.1'),
    });
    const allowances = [{ effectiveAt: T0, users: 20 }];
    const zones = [{ effectiveAt: T0, zone: 'Europe/Berlin' }];
    api.readModel.accountRows = [
      { state: { ...initialAccount('acme'), registered: true, allowances, zones } },
      { state: { ...initialAccount('other'), registered: true } },
    ];
  });
  afterAll(async () => {
    await api.close();
    await stage.close();
  });

  const raw = (path: string, headers: Record<string, string> = {}) => fetch(`${api.url}${path}`, { headers });
  const pages = async (path: string, rows: string): Promise<readonly unknown[][]> => {
    const all: unknown[][] = [];
    for (let next: unknown = path; typeof next === 'string';) {
      const { status, body } = await api.get(next);
      expect(status).toBe(200);
      const page: { readonly [name: string]: unknown } = Object(body);
      all.push(page[rows] as unknown[]);
      next = page['next'];
    }
    return all;
  };

  test.each([
    ['sessions', 'sessions', 25],
    ['mau/2026-11/users', 'users', 25],
    ['decisions', 'decisions', 25],
    ['decisions/revised', 'revised', 2],
    [`decisions/revised?customer=${idOf(2)}`, 'revised', 1],
    ['decisions/revised?until=2026-11-04T09:00:00Z', 'revised', 0],
    ['decisions?reason=window-closed&outcome=refused', 'decisions', 16],
    [`sessions?customer=${idOf(3)}`, 'sessions', 1],
    ['sessions?sender=4999', 'sessions', 0],
    [`sessions?from=2026-11-04T09:10:00Z&until=2026-11-04T09:20:00%2B00:00`, 'sessions', 10],
  ])('read %s page by page, each row once', async (path, rows, count) => {
    const separator = path.includes('?') ? '&' : '?';
    const [whole = []] = await pages(`/v1/accounts/acme/${path}`, rows);
    expect(whole).toHaveLength(count);
    for (const limit of [1, 7]) {
      const parts = await pages(`/v1/accounts/acme/${path}${separator}limit=${limit}`, rows);
      expect(parts.flat()).toEqual(whole);
      expect(Math.max(0, ...parts.map((part) => part.length))).toBeLessThanOrEqual(limit);
    }
  });

  test('see which decisions late facts prove wrong, as rows and as counts', async () => {
    const { body } = await api.get(`/v1/accounts/acme/decisions/revised?customer=${idOf(2)}`);
    expect(body).toEqual({
      revised: [
        {
          intentId: 'i,"2',
          customer: idOf(2),
          sender: '4930',
          decision: expect.any(String),
          decidedAt: '2026-11-04T11:00:00.002Z',
          outcome: 'refused',
          reason: 'window-closed',
          revisedOutcome: 'authorised',
          revisedReason: null,
          fact: 'CustomerMessageReceived',
          because: expect.any(String),
          trueAt: '2026-11-04T09:00:00.000Z',
          recordedAt: '2026-11-04T13:00:00.000Z',
        },
      ],
      next: null,
    });
    expect((await api.get('/v1/accounts/acme/decisions/counts')).body).toMatchObject({
      revised: [
        {
          outcome: 'refused',
          reason: 'window-closed',
          revisedOutcome: 'authorised',
          revisedReason: null,
          decisions: 2,
        },
      ],
    });
  });

  test('see what a session was, and nothing personal', async () => {
    const { body } = await api.get(`/v1/accounts/acme/sessions?customer=${idOf(3)}`);
    expect(body).toMatchObject({
      sessions: [
        {
          customer: idOf(3),
          openedAt: '2026-11-04T09:03:00.000Z',
          endsAt: '2026-11-05T09:03:00.000Z',
          restarts: 0,
          received: { text: 1 },
          sentSession: 1,
          firstReplyAt: '2026-11-04T11:00:00.503Z',
        },
      ],
      next: null,
    });
    for (const path of ['sessions', 'decisions', 'mau/2026-11/users'])
      for (const accept of ['application/json', 'text/csv'])
        expect(await (await raw(`/v1/accounts/acme/${path}`, { accept })).text()).not.toMatch(/secret|4917012/);
  });

  test('see a month with allowance, overage, the day it was crossed, and its close', async () => {
    expect((await api.get('/v1/accounts/acme/mau/2026-11')).body).toMatchObject({
      users: 25,
      allowance: 20,
      overage: 5,
      usersByDay: { '4': 25 },
      forecast: { kind: 'crossed', day: 4 },
      zone: 'Europe/Berlin',
      closesAt: '2026-12-03T23:00:00.000Z',
      closed: null,
    });
    expect((await api.get('/v1/accounts/acme/mau/2026-10')).body).toMatchObject({
      users: 0,
      closed: { users: 7, position: 3, adjusted: 0 },
    });
    expect((await api.get('/v1/accounts/acme/mau/2027-01')).body).toMatchObject({ users: 0, closed: null });
  });

  test('count decisions by outcome, reason and hour', async () => {
    const { body } = await api.get('/v1/accounts/acme/decisions/counts');
    expect(body).toMatchObject({
      from: '2026-11-03T12:00:00.000Z',
      until: '2026-11-04T12:00:00.000Z',
      totals: [
        { outcome: 'refused', reason: 'window-closed', decisions: 16 },
        { outcome: 'authorised', reason: null, decisions: 9 },
      ],
      hours: [{ hour: '2026-11-04T11:00:00.000Z' }, { hour: '2026-11-04T11:00:00.000Z' }],
    });
  });

  test('export everything as CSV and JSON Lines, quoted as RFC 4180 has it', async () => {
    const csv = await raw('/v1/accounts/acme/decisions', { accept: 'text/csv' });
    expect(csv.headers.get('content-type')).toMatch(/^text\/csv/);
    const records = (await csv.text()).split('\r\n');
    expect(records).toHaveLength(27);
    expect(records[0]).toMatch(/^intentId,customer,sender,decidedAt,outcome/);
    expect(records[1]).toMatch(/^"i,""24",c24_+,4930,2026-11-04T11:00:00.024Z,authorised,,6,/);
    const lines = await raw('/v1/accounts/acme/sessions', { accept: 'application/x-ndjson, text/csv;q=0.5' });
    expect(lines.headers.get('content-type')).toBe('application/jsonl');
    const sessions = (await lines.text())
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(sessions).toEqual((await pages('/v1/accounts/acme/sessions', 'sessions')).flat());
    expect(
      (await (await raw('/v1/accounts/acme/sessions?limit=3', { accept: 'text/csv' })).text()).split('\r\n'),
    ).toHaveLength(5);
    expect(await (await raw('/v1/accounts/acme/sessions?sender=0', { accept: 'text/csv' })).text()).toMatch(
      /^id,.*\r\n$/,
    );
  });

  test('are told when nothing changed', async () => {
    for (const accept of ['application/json', 'text/csv', 'application/jsonl']) {
      const tag = (await raw('/v1/accounts/acme/sessions', { accept })).headers.get('etag') ?? '';
      expect(tag).toMatch(/^W\//);
      expect((await raw('/v1/accounts/acme/sessions', { accept, 'if-none-match': tag })).status).toBe(304);
      expect((await raw('/v1/accounts/acme/decisions', { accept, 'if-none-match': tag })).status).toBe(200);
      expect((await raw('/v1/accounts/acme/sessions', { accept, 'if-none-match': 'W/"0"' })).status).toBe(200);
    }
  });

  test('see nothing of another account', async () => {
    expect((await pages('/v1/accounts/other/sessions', 'sessions')).flat()).toHaveLength(1);
    expect((await pages('/v1/accounts/other/decisions', 'decisions')).flat()).toHaveLength(0);
    const { body } = await api.get('/v1/accounts/acme/sessions?limit=1');
    const cursor = String(Object(body).next).split('cursor=')[1] ?? '';
    expect(await api.get(`/v1/accounts/other/sessions?cursor=${cursor}`)).toMatchObject({
      status: 400,
      body: { field: 'cursor' },
    });
  });

  test.each([
    ['sessions?limit=0', 'limit'],
    ['sessions?limit=1001', 'limit'],
    ['sessions?limit=x', 'limit'],
    ['sessions?cursor=x', 'cursor'],
    ['sessions?cursor=WyJhIl0', 'cursor'],
    ['sessions?from=yesterday', 'from'],
    ['sessions?from=2026-11-04T09:00:00Z&from=2026-11-04T09:00:00Z', 'from'],
    ['sessions?sendr=1', 'sendr'],
    ['sessions?customer=%2B1', 'customer'],
    ['decisions?outcome=maybe', 'outcome'],
    ['decisions/counts?from=2026-11-04T09:00:00Z&until=2026-11-03T09:00:00Z', 'from'],
    ['decisions/counts?from=2020-11-04T09:00:00Z', 'from'],
    ['mau/november', 'month'],
    ['mau/2026-13/users', 'month'],
    [`customers/${idOf(3)}/as-of`, 'at'],
    [`customers/${idOf(3)}/as-of?at=2026-11-04T09:00:00Z&by=moon`, 'by'],
  ])('who ask %s are told which parameter is wrong', async (path, field) => {
    const { status, body } = await api.get(`/v1/accounts/acme/${path}`);
    expect([status, body]).toEqual([400, expect.objectContaining({ field, code: 'message-invalid' })]);
  });

  test('are told which accounts and formats there are', async () => {
    for (const path of ['sessions', 'mau/2026-11', 'decisions', 'decisions/counts', 'mau/2026-11/users'])
      expect(await api.get(`/v1/accounts/nobody/${path}`)).toMatchObject({
        status: 404,
        body: { code: 'account-unknown' },
      });
    expect((await raw('/v1/accounts/acme/sessions', { accept: 'image/png' })).status).toBe(406);
    expect((await fetch(`${api.url}/v1/accounts/acme/sessions`, { method: 'POST' })).status).toBe(405);
  });

  test('auditors: why a decision was taken, and what held at an instant by either time', async () => {
    const explained = await api.get(
      `/v1/accounts/acme/customers/${idOf(3)}/intents/${encodeURIComponent('i,"3')}/explanation`,
    );
    expect(explained).toMatchObject({
      status: 200,
      body: { customer: idOf(3), decisions: [{ said: { outcome: 'authorised' }, at: '2026-11-04T11:00:00.003Z' }] },
    });
    expect(JSON.stringify(explained.body)).not.toContain('secret');
    expect((await api.get(`/v1/accounts/acme/customers/${idOf(3)}/intents/none/explanation`)).status).toBe(404);
    const path = `/v1/accounts/acme/customers/${idOf(3)}/as-of?at=2026-11-04T10:00:00Z`;
    const both = (await api.get(path)).body;
    // The message was true at 9:03, and recorded at 12:00.
    expect(both).toMatchObject({ trueThen: { windows: { '4930': { open: true } } }, knownThen: { windows: {} } });
    expect(Object(both).apart.length).toBeGreaterThan(0);
    const { at, customer, trueThen, knownThen } = Object(both);
    expect((await api.get(`${path}&by=event`)).body).toEqual({ account: 'acme', at, customer, trueThen });
    expect((await api.get(`${path}&by=recorded`)).body).toEqual({ account: 'acme', at, customer, knownThen });
  });
});
