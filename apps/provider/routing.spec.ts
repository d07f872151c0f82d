import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ProviderMessage } from '#application/ports/send-provider';
import { T0, textMessage } from '#testing/http-provider.contract';
import { startScriptedServer, type ScriptedServer } from '#testing/scripted-server';
import { RoutingProvider } from './routing.js';
import { parseProviderSettings } from './settings.js';

const clock = { now: () => T0 };

describe('a message goes through the provider that has its sender', () => {
  let server: ScriptedServer;
  const through = async (accounts: object, message: Partial<ProviderMessage>): Promise<unknown> => {
    return await new RoutingProvider(parseProviderSettings({ accounts }), clock).send({ ...textMessage, ...message });
  };
  const sinch = (...senders: string[]) => ({
    projectId: 'p1',
    region: 'eu',
    keyId: 'k1',
    keySecret: 's',
    apiUrl: server.url,
    authUrl: server.url,
    apps: Object.fromEntries(senders.map((sender) => [sender, 'app1'])),
  });
  const meta = (...senders: string[]) => ({
    accessToken: 't',
    apiUrl: server.url,
    phoneNumberIds: Object.fromEntries(senders.map((sender) => [sender, '1065'])),
  });

  beforeAll(async () => {
    server = await startScriptedServer(({ path }, response) => {
      const answer = path.includes('oauth2')
        ? { access_token: 'token', expires_in: 3600 }
        : path.includes('messages:send')
          ? { message_id: 'by-sinch' }
          : { messages: [{ id: 'by-meta' }] };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  afterAll(() => server.close());

  test('accounts and senders of one account are split between Sinch and Meta', async () => {
    const accounts = { acme: { sinch: sinch('111'), meta: meta('222') }, beta: { meta: meta('111') } };
    const answers = await Promise.all([
      through(accounts, { account: 'acme', sender: '111' }),
      through(accounts, { account: 'acme', sender: '222' }),
      through(accounts, { account: 'beta', sender: '111' }),
    ]);
    expect(answers).toMatchObject(
      ['by-sinch', 'by-meta', 'by-meta'].map((providerMessageId) => ({ providerMessageId })),
    );
  });

  test('case 43: a sender that moves to another provider is sent through that one', async () => {
    expect(await through({ acme: { sinch: sinch('111') } }, { sender: '111' })).toMatchObject({
      providerMessageId: 'by-sinch',
    });
    expect(await through({ acme: { meta: meta('111') } }, { sender: '111' })).toMatchObject({
      providerMessageId: 'by-meta',
    });
  });

  test.each([
    ['an account without settings', { account: 'gamma', sender: '111' }],
    ['a sender that no provider has', { account: 'acme', sender: '333' }],
    ['a sender named as a word of the language', { account: 'acme', sender: 'constructor' }],
  ])('%s is a definite failure with a remedy, and nothing is called', async (_, message) => {
    const before = server.requests.length;
    expect(await through({ acme: { sinch: sinch('111'), meta: meta('222') } }, message)).toEqual({
      kind: 'failed',
      code: 'sender-not-configured',
      retryable: false,
      remedy: expect.stringContaining('TIDEGATE_PROVIDER'),
    });
    expect(server.requests.length).toBe(before);
  });
});
