import { InfrastructureError } from '#application/errors';
import type { ProviderMessage } from '#application/ports/send-provider';
import { MINUTE_MS, plus, SECOND_MS, type Instant } from '#domain/time';
import { settingsByAccount } from '#platform/settings';
import { httpProviderContract, T0, textMessage } from '#testing/http-provider.contract';
import { eventually } from '#testing/eventually';
import { answering, startScriptedServer, type Script, type ScriptedServer } from '#testing/scripted-server';
import { SinchProvider } from './sinch-provider.js';
import { SinchSettings } from './settings.js';

const settings = {
  projectId: 'p1',
  region: 'eu',
  keyId: 'k1',
  keySecret: 's3cret',
  apps: { [textMessage.sender]: 'app1' },
};
const settingsAt = (url: string) =>
  settingsByAccount(SinchSettings, { acme: { ...settings, apiUrl: url, authUrl: url } }, 'sinch');

const isSend = (path: string): boolean => path.endsWith('messages:send');
const token = (name: string, expiresIn = 3_600) => answering(200, { access_token: name, expires_in: expiresIn });
const accepted = { message_id: 'm1', accepted_time: '2026-11-02T09:00:00Z' };

httpProviderContract({
  name: 'Sinch',
  provider: (url, clock, deadlineMs) => new SinchProvider(settingsAt(url), clock, deadlineMs),
  isSend,
  access: token('t1'),
  accepted,
});

describe('sending through Sinch', () => {
  let server: ScriptedServer;
  let provider: SinchProvider;
  const clock = { at: T0, now: (): Instant => clock.at };
  const script: { access: Script; send: Script } = { access: token('t1'), send: answering(200, accepted) };

  beforeEach(async () => {
    clock.at = T0;
    Object.assign(script, { access: token('t1'), send: answering(200, accepted) });
    server = await startScriptedServer((request, response) =>
      (isSend(request.path) ? script.send : script.access)(request, response),
    );
    provider = new SinchProvider(settingsAt(server.url), clock);
  });
  afterEach(() => server.close());

  const sends = () => server.requests.filter(({ path }) => isSend(path));
  const tokens = () => server.requests.filter(({ path }) => !isSend(path));
  const sent = async (message: Partial<ProviderMessage>): Promise<unknown> => {
    expect(await provider.send({ ...textMessage, ...message })).toMatchObject({ kind: 'accepted' });
    return JSON.parse(sends().at(-1)?.body ?? '');
  };

  test('asks for a token by client credentials and posts the message to the project', async () => {
    expect(await sent({})).toEqual({
      app_id: 'app1',
      recipient: { identified_by: { channel_identities: [{ channel: 'WHATSAPP', identity: '491701234567' }] } },
      channel_priority_order: ['WHATSAPP'],
      message: { text_message: { text: 'hi' } },
      message_metadata: 'acme/c1/i1',
      correlation_id: 'acme/c1/i1',
      processing_strategy: 'DISPATCH_ONLY',
      ttl: '3600s',
    });
    expect(tokens()[0]).toMatchObject({
      path: '/oauth2/token',
      body: 'grant_type=client_credentials',
      headers: { authorization: `Basic ${Buffer.from('k1:s3cret').toString('base64')}` },
    });
    expect(sends()[0]).toMatchObject({
      path: '/v1/projects/p1/messages:send',
      headers: { authorization: 'Bearer t1', 'content-type': 'application/json' },
    });
  });

  test('case 8: gives Sinch the rest of the permit in whole seconds, so that nothing outlives it in the queue', async () => {
    expect(await sent({ validUntil: plus(T0, 1_999) })).toMatchObject({ ttl: '1s' });
    expect(await sent({ validUntil: plus(T0, SECOND_MS) })).toMatchObject({ ttl: '1s' });
    const before = sends().length;
    expect(await provider.send({ ...textMessage, validUntil: plus(T0, 999) })).toMatchObject({
      kind: 'failed',
      code: 'permit-lapsed',
    });
    expect(sends()).toHaveLength(before);
  });

  test('leaves a correlation of more than 128 characters out of correlation_id, but not out of the metadata', async () => {
    const [fits, exceeds] = ['x'.repeat(128), 'x'.repeat(129)];
    expect(await sent({ correlation: fits })).toMatchObject({ correlation_id: fits, message_metadata: fits });
    expect(await sent({ correlation: exceeds })).not.toHaveProperty('correlation_id');
    expect(await sent({ correlation: exceeds })).toMatchObject({ message_metadata: exceeds });
  });

  test.each<[string, ProviderMessage['content'], object]>([
    [
      'a template with the parameters as they were named',
      { kind: 'template', name: 'receipt', language: 'en-US', parameters: { 'body[1]text': 'Ann' } },
      {
        template_message: {
          channel_template: {
            WHATSAPP: { template_id: 'receipt', language_code: 'en_US', parameters: { 'body[1]text': 'Ann' } },
          },
        },
      },
    ],
    [
      'media by its URL',
      { kind: 'session', messageType: 'image', mediaUrl: 'https://a/b.png' },
      { media_message: { url: 'https://a/b.png' } },
    ],
    [
      'a location',
      {
        kind: 'session',
        messageType: 'location',
        body: { title: 'Here', coordinates: { latitude: 1, longitude: 2 } },
      },
      { location_message: { title: 'Here', coordinates: { latitude: 1, longitude: 2 } } },
    ],
    [
      'an interactive message of a generic kind',
      { kind: 'session', messageType: 'interactive', body: { choice_message: { choices: [] } } },
      { choice_message: { choices: [] } },
    ],
  ])('sends %s', async (_what, content, message) => {
    expect(await sent({ content })).toMatchObject({ message });
  });

  test.each([[{ type: 'button' }], [{ choice_message: {}, text_message: {} }]])(
    'sends no interactive message like %j, which is none of Sinch',
    async (body) => {
      const content = { kind: 'session', messageType: 'interactive', body } as const;
      expect(await provider.send({ ...textMessage, content })).toMatchObject({
        kind: 'failed',
        code: 'content-unsupported',
        remedy: expect.stringContaining('choice_message'),
      });
      expect(server.requests).toEqual([]);
    },
  );

  test.each([[{ 1: 'a' }], [{ first_name: 'a' }], [{ 'body[1]text': 'a', 'body.2': 'b' }]])(
    'sends no template with parameters %j, which Sinch would leave out',
    async (parameters) => {
      const content = { kind: 'template', name: 'x', language: 'en', parameters } as const;
      expect(await provider.send({ ...textMessage, content })).toMatchObject({
        kind: 'failed',
        code: 'parameters-unsupported',
        remedy: expect.stringContaining('body[1]text'),
      });
      expect(server.requests).toEqual([]);
    },
  );

  test('reaches a customer by user id where no phone number is known', async () => {
    const identified = (identity: string) => ({
      recipient: { identified_by: { channel_identities: [{ channel: 'WHATSAPP', identity }] } },
    });
    expect(await sent({ to: { userId: 'US.13491208655302741918' } })).toMatchObject(
      identified('US.13491208655302741918'),
    );
    expect(await sent({ to: { phone: '+15550002222', userId: 'US.1' } })).toMatchObject(identified('15550002222'));
  });

  test.each([
    [400, 'INVALID_ARGUMENT', {}],
    [403, 'PERMISSION_DENIED', { effect: { kind: 'account-halted', extent: 'account' } }],
    [404, 'NOT_FOUND', { effect: { kind: 'sender-blocked', forMs: 60 * MINUTE_MS } }],
    [501, 'UNIMPLEMENTED', {}],
  ])('takes %i as a definite refusal', async (code, status, beyond) => {
    script.send = answering(code, { error: { code, status, message: 'about +491701234567', details: [] } });
    expect(await provider.send(textMessage)).toEqual({ kind: 'failed', code: status, retryable: false, ...beyond });
  });

  test('may be tried again where only the token was to be had', async () => {
    const nobody = await startScriptedServer(token('t1'));
    await nobody.close();
    const accounts = settingsByAccount(
      SinchSettings,
      { acme: { ...settings, apiUrl: nobody.url, authUrl: server.url } },
      'sinch',
    );
    expect(await new SinchProvider(accounts, clock).send(textMessage)).toEqual({
      kind: 'failed',
      code: 'not-connected',
      retryable: true,
    });
  });

  describe('its access token', () => {
    test('is fetched once for all calls at the same time', async () => {
      await Promise.all(Array.from({ length: 20 }, () => provider.send(textMessage)));
      expect([tokens().length, sends().length]).toEqual([1, 20]);
    });

    test('is renewed a minute before its end', async () => {
      script.access = token('t1', 3_600);
      const message = { ...textMessage, validUntil: plus(T0, 120 * MINUTE_MS) };
      await provider.send(message);
      clock.at = plus(T0, 59 * MINUTE_MS - 1);
      await provider.send(message);
      expect(tokens()).toHaveLength(1);
      script.access = token('t2');
      clock.at = plus(T0, 59 * MINUTE_MS);
      await provider.send(message);
      expect(tokens()).toHaveLength(2);
      expect(sends().at(-1)?.headers.authorization).toBe('Bearer t2');
    });

    test('of a short life is renewed after nine tenths of it', async () => {
      script.access = token('t1', 10);
      await provider.send(textMessage);
      clock.at = plus(T0, 9 * SECOND_MS - 1);
      await provider.send(textMessage);
      expect(tokens()).toHaveLength(1);
      clock.at = plus(T0, 9 * SECOND_MS);
      await provider.send(textMessage);
      expect(tokens()).toHaveLength(2);
    });

    test('that is refused is renewed once, and the message, which was not taken, sent', async () => {
      let count = 0;
      script.access = (request, response) => token(`t${(count += 1)}`)(request, response);
      script.send = (request, response) =>
        (request.headers.authorization === 'Bearer t1' ? answering(401, {}) : answering(200, accepted))(
          request,
          response,
        );
      expect(await provider.send(textMessage)).toEqual({ kind: 'accepted', providerMessageId: 'm1' });
      expect(sends().map(({ headers }) => headers.authorization)).toEqual(['Bearer t1', 'Bearer t2']);
    });

    test('that is refused late to one call is not taken from those that have a newer one', async () => {
      let count = 0;
      script.access = (request, response) => token(`t${(count += 1)}`)(request, response);
      const late: { answer?: () => void } = {};
      script.send = (request, response) => {
        if (request.headers.authorization !== 'Bearer t1') answering(200, accepted)(request, response);
        else if (late.answer === undefined) late.answer = () => answering(401, {})(request, response);
        else answering(401, {})(request, response);
      };
      const slow = provider.send(textMessage);
      await eventually(() => late.answer !== undefined);
      await provider.send(textMessage);
      late.answer?.();
      await slow;
      expect(tokens()).toHaveLength(2);
    });

    test('that is refused again halts the account', async () => {
      script.send = answering(401, {});
      expect(await provider.send(textMessage)).toEqual({
        kind: 'failed',
        code: 'UNAUTHENTICATED',
        retryable: false,
        effect: { kind: 'account-halted', extent: 'account' },
        remedy: "give the account's settings for Sinch a valid access key",
      });
      expect([tokens().length, sends().length]).toEqual([2, 2]);
    });

    test.each([400, 401, 403])('denied with %i halts the account; nothing is sent', async (status) => {
      script.access = answering(status, {});
      expect(await provider.send(textMessage)).toMatchObject({
        kind: 'failed',
        retryable: false,
        effect: { kind: 'account-halted' },
      });
      expect(sends()).toEqual([]);
    });

    test.each<[string, Script]>([
      ['429', answering(429, {})],
      ['500', answering(500, {})],
      ['a reset', (_request, response) => void response.socket?.resetAndDestroy()],
      ['no token', answering(200, { expires_in: 3_600 })],
      ['no life', answering(200, { access_token: 't1' })],
      ['a token of two lines', answering(200, { access_token: 't1\r\nx: y', expires_in: 3_600 })],
    ])('not to be had, with %s, leaves the message unsent and may be tried again', async (_what, access) => {
      script.access = access;
      expect(await provider.send(textMessage)).toEqual({ kind: 'failed', code: 'token-unavailable', retryable: true });
      expect(sends()).toEqual([]);
      script.access = token('t1');
      expect(await provider.send(textMessage)).toMatchObject({ kind: 'accepted' });
    });

    test('takes no longer than the permit: what lapsed meanwhile is not sent', async () => {
      script.access = (request, response) => {
        clock.at = textMessage.validUntil;
        token('t1')(request, response);
      };
      expect(await provider.send(textMessage)).toMatchObject({ kind: 'failed', code: 'permit-lapsed' });
      expect(sends()).toEqual([]);
    });
  });
});

describe('settings for Sinch', () => {
  const fault = (given: unknown): string => {
    try {
      settingsByAccount(SinchSettings, given, 'sinch');
    } catch (error) {
      if (error instanceof InfrastructureError && error.code === 'config-invalid') return error.message;
      throw error;
    }
    return 'none';
  };

  test('are complete with project, region, key and apps', () => {
    expect(fault({ acme: settings })).toBe('none');
  });

  test.each([
    ['sinch', undefined],
    ['sinch.Acme', { Acme: settings }],
    ['sinch.acme', { acme: 'x' }],
    ['sinch.acme.projectId', { acme: { ...settings, projectId: 'p/1' } }],
    ['sinch.acme.region', { acme: { ...settings, region: 'asia' } }],
    ['sinch.acme.keyId', { acme: { ...settings, keyId: 'a:b' } }],
    ['sinch.acme.keySecret', { acme: { ...settings, keySecret: 's3cret\n' } }],
    ['sinch.acme.keySecret', { acme: { ...settings, keySecret: undefined } }],
    ['sinch.acme.apps', { acme: { ...settings, apps: {} } }],
    ['sinch.acme.apps', { acme: { ...settings, apps: { '15550001111': 7 } } }],
    ['sinch.acme.apiUrl', { acme: { ...settings, apiUrl: 'ftp://x' } }],
    ['sinch.acme.authUrl', { acme: { ...settings, authUrl: 'https://x/path' } }],
    ['sinch.acme.secret', { acme: { ...settings, secret: 's3cret' } }],
  ])('at fault in %s name the field and the remedy, and never the value', (field, given) => {
    expect(fault(given)).toMatch(new RegExp(`\\n {2}${field.replaceAll('.', '\\.')}: \\w+`, 'u'));
    expect(fault(given)).not.toContain('s3cret');
  });

  test('all at fault are named together', () => {
    expect(fault({ acme: {}, other: {} }).split('\n')).toHaveLength(11);
  });
});
