import { InfrastructureError } from '#application/errors';
import type { ProviderMessage } from '#application/ports/send-provider';
import { DAY_MS, type Instant } from '#domain/time';
import { settingsByAccount } from '#platform/settings';
import { httpProviderContract, T0, textMessage } from '#testing/http-provider.contract';
import { answering, startScriptedServer, type Script, type ScriptedServer } from '#testing/scripted-server';
import { MetaProvider } from './meta-provider.js';
import { MetaSettings } from './settings.js';

const settings = { accessToken: 's3cret', phoneNumberIds: { [textMessage.sender]: '106540352242922' } };
const settingsAt = (url: string) => settingsByAccount(MetaSettings, { acme: { ...settings, apiUrl: url } }, 'meta');

const accepted = {
  messaging_product: 'whatsapp',
  contacts: [{ input: '+491701234567', wa_id: '491701234567' }],
  messages: [{ id: 'm1' }],
};

httpProviderContract({
  name: 'Meta',
  provider: (url, clock, deadlineMs) => new MetaProvider(settingsAt(url), clock, deadlineMs),
  isSend: () => true,
  access: answering(404, {}),
  accepted,
});

describe('sending through Meta', () => {
  let server: ScriptedServer;
  let provider: MetaProvider;
  const clock = { at: T0, now: (): Instant => clock.at };

  beforeEach(async () => {
    server = await startScriptedServer(answering(200, accepted));
    provider = new MetaProvider(settingsAt(server.url), clock);
  });
  afterEach(() => server.close());

  const sent = async (message: Partial<ProviderMessage>): Promise<unknown> => {
    expect(await provider.send({ ...textMessage, ...message })).toMatchObject({ kind: 'accepted' });
    return JSON.parse(server.requests.at(-1)?.body ?? '');
  };

  test('posts the message to the phone number id of the sender, with the correlation', async () => {
    expect(await sent({})).toEqual({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: '+491701234567',
      biz_opaque_callback_data: 'acme/c1/i1',
      type: 'text',
      text: { body: 'hi' },
    });
    expect(server.requests[0]).toMatchObject({
      method: 'POST',
      path: '/v24.0/106540352242922/messages',
      headers: { authorization: 'Bearer s3cret', 'content-type': 'application/json' },
    });
  });

  test('names the recipient by phone number, by user id, or by both', async () => {
    expect(await sent({ to: { phone: '+15550002222' } })).toMatchObject({ to: '+15550002222' });
    expect(await sent({ to: { phone: '15550002222', userId: 'US.1' } })).toMatchObject({
      to: '+15550002222',
      recipient: 'US.1',
    });
    const byUserId = await sent({ to: { userId: 'US.1' } });
    expect(byUserId).toMatchObject({ recipient: 'US.1' });
    expect(byUserId).not.toHaveProperty('to');
  });

  test.each<[string, ProviderMessage['content'], object]>([
    [
      'media with a caption',
      { kind: 'session', messageType: 'image', mediaUrl: 'https://a/b.png', text: 'look' },
      { type: 'image', image: { link: 'https://a/b.png', caption: 'look' } },
    ],
    [
      'a sticker',
      { kind: 'session', messageType: 'sticker', mediaUrl: 'https://a/b.webp' },
      { type: 'sticker', sticker: { link: 'https://a/b.webp' } },
    ],
    [
      'a location',
      { kind: 'session', messageType: 'location', body: { latitude: 1, longitude: 2 } },
      { type: 'location', location: { latitude: 1, longitude: 2 } },
    ],
    [
      'an interactive message',
      { kind: 'session', messageType: 'interactive', body: { type: 'button', action: {} } },
      { type: 'interactive', interactive: { type: 'button', action: {} } },
    ],
    [
      'a template without parameters',
      { kind: 'template', name: 'receipt', language: 'en-US', parameters: {} },
      { type: 'template', template: { name: 'receipt', language: { code: 'en_US' } } },
    ],
    [
      'a template with parameters',
      { kind: 'template', name: 'receipt', language: 'en', parameters: { first_name: 'Ann' } },
      {
        type: 'template',
        template: {
          name: 'receipt',
          language: { code: 'en' },
          components: [{ type: 'body', parameters: [{ type: 'text', parameter_name: 'first_name', text: 'Ann' }] }],
        },
      },
    ],
  ])('sends %s', async (_what, content, message) => {
    expect(await sent({ content })).toMatchObject(message);
  });

  test('sends no template whose parameters it cannot place', async () => {
    const content = { kind: 'template', name: 'x', language: 'en', parameters: { 'footer[1]text': 'a' } } as const;
    expect(await provider.send({ ...textMessage, content })).toMatchObject({
      kind: 'failed',
      code: 'parameters-unsupported',
      remedy: expect.stringContaining('body[1]text'),
    });
    expect(server.requests).toEqual([]);
  });

  test('counts what Meta holds back to assess its quality as accepted', async () => {
    server.script = answering(200, {
      ...accepted,
      messages: [{ id: 'm1', message_status: 'held_for_quality_assessment' }],
    });
    expect(await provider.send(textMessage)).toEqual({ kind: 'accepted', providerMessageId: 'm1' });
  });

  test.each<[string, ProviderMessage['to'], object, object | undefined]>([
    ['the same number, without its plus', { phone: '+491701234567' }, { wa_id: '491701234567' }, undefined],
    [
      'case 24: the number as Meta writes it',
      { phone: '+5511987654321' },
      { wa_id: '551187654321' },
      { phone: '551187654321' },
    ],
    [
      'case 23: the user id',
      { phone: '491701234567' },
      { wa_id: '491701234567', user_id: 'DE.ada' },
      { userId: 'DE.ada' },
    ],
    [
      'case 23: the number, for a user id',
      { userId: 'DE.ada' },
      { wa_id: '491701234567', user_id: 'DE.ada' },
      { phone: '491701234567' },
    ],
    ['what is no number', { phone: '491701234567' }, { wa_id: 'ada' }, undefined],
    ['nothing', { phone: '491701234567' }, {}, undefined],
  ])('learns whom it wrote to: %s', async (_what, to, contact, alsoKnownAs) => {
    server.script = answering(200, { ...accepted, contacts: [{ input: 'x', ...contact }] });
    expect(await provider.send({ ...textMessage, to })).toEqual({
      kind: 'accepted',
      providerMessageId: 'm1',
      alsoKnownAs,
    });
  });

  test('learns nothing of an answer about several', async () => {
    const contacts = [{ wa_id: '551187654321' }, { wa_id: '551187654322' }];
    server.script = answering(200, { ...accepted, contacts });
    expect(await provider.send(textMessage)).toEqual({ kind: 'accepted', providerMessageId: 'm1' });
  });

  const refusing = (status: number, code: number): Script =>
    answering(status, { error: { code, message: `(#${code}) about +491701234567`, error_data: { details: 'x' } } });

  test.each([
    [400, 131047, { retryable: false, effect: { kind: 'window-closed' } }],
    [400, 131049, { retryable: false, effect: { kind: 'cooldown', scope: 'marketing', forMs: DAY_MS } }],
    [400, 131056, { retryable: true, effect: { kind: 'pair-limited' } }],
    [401, 190, { retryable: false, effect: { kind: 'account-halted', extent: 'account' } }],
    [404, 132001, { retryable: false, effect: { kind: 'template-unavailable', status: 'unknown' } }],
    // What WhatsApp itself says has failed did fail, whatever the status.
    [500, 131000, { retryable: true }],
    [503, 131016, { retryable: true }],
    [500, 131057, { retryable: true }],
    [400, 999_999, { retryable: false }],
    [400, 1, { retryable: true }],
  ])('takes %i with code %i as a definite refusal', async (status, code, reaction) => {
    server.script = refusing(status, code);
    expect(await provider.send(textMessage)).toEqual({ kind: 'failed', code: String(code), ...reaction });
  });

  test.each([
    [500, 1],
    [503, 2],
    [500, 999_999],
  ])('does not know the outcome on %i with code %i', async (status, code) => {
    server.script = refusing(status, code);
    expect(await provider.send(textMessage)).toEqual({ kind: 'unknown', cause: `http-${status}, code ${code}` });
  });
});

describe('settings for Meta', () => {
  const fault = (given: unknown): string => {
    try {
      settingsByAccount(MetaSettings, { acme: given }, 'meta');
    } catch (error) {
      if (error instanceof InfrastructureError && error.code === 'config-invalid') return error.message;
      throw error;
    }
    return 'none';
  };

  test('are complete with a token and a phone number id', () => {
    expect(fault(settings)).toBe('none');
  });

  test.each([
    ['accessToken', { ...settings, accessToken: 's3cret s3cret' }],
    ['phoneNumberIds', { ...settings, phoneNumberIds: { '15550001111': 106_540_352_242_922 } }],
    ['phoneNumberIds', { ...settings, phoneNumberIds: undefined }],
    ['apiVersion', { ...settings, apiVersion: '24' }],
    ['apiUrl', { ...settings, apiUrl: 'graph.facebook.com' }],
    ['token', { ...settings, token: 's3cret' }],
  ])('at fault in %s name the field and the remedy, and never the value', (field, given) => {
    expect(fault(given)).toMatch(new RegExp(`\\n {2}meta\\.acme\\.${field}: \\w+`, 'u'));
    expect(fault(given)).not.toContain('s3cret');
  });
});
