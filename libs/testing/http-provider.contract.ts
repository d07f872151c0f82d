import type { Clock } from '#application/ports/clock';
import type { ProviderMessage, SendProvider } from '#application/ports/send-provider';
import { HOUR_MS, instantOf, plus, type Instant } from '#domain/time';
import { answering, startScriptedServer, type Script, type ScriptedServer } from './scripted-server.js';

export const T0 = instantOf(Date.UTC(2026, 10, 2, 9));

/** A session message of a sender that is configured. */
export const textMessage: ProviderMessage = {
  account: 'acme',
  customer: 'c1',
  intentId: 'i1',
  claim: 'claim',
  correlation: 'acme/c1/i1',
  sender: '15550001111',
  to: { phone: '491701234567' },
  content: { kind: 'session', messageType: 'text', text: 'hi' },
  validUntil: plus(T0, HOUR_MS),
};

export interface HttpProviderUnderTest {
  readonly name: string;
  /** Configured for the account and the sender of `textMessage`, with the word `s3cret` in each credential. */
  provider(url: string, clock: Clock, deadlineMs: number): SendProvider;
  /** Whether the path is that of a send, not of a token. */
  isSend(path: string): boolean;
  /** Answers what is not a send. */
  readonly access: Script;
  /** The answer to a send that was taken as `m1`. */
  readonly accepted: object;
}

const DEADLINE_MS = 300;

/** What holds for every provider behind HTTP, whatever its API: sent once, and never thought unsent when it may be sent. */
export const httpProviderContract = ({ name, provider, isSend, access, accepted }: HttpProviderUnderTest): void => {
  describe(`${name} as a provider behind HTTP`, () => {
    let server: ScriptedServer;
    const clock = { at: T0, now: (): Instant => clock.at };
    const open: { of: SendProvider } = { of: { send: () => Promise.reject(new Error('not opened')) } };

    beforeEach(async () => {
      clock.at = T0;
      server = await startScriptedServer(access);
      open.of = provider(server.url, clock, DEADLINE_MS);
    });
    afterEach(() => server.close());

    const send = (script: Script, message: Partial<ProviderMessage> = {}) => {
      server.script = (request, response) => (isSend(request.path) ? script : access)(request, response);
      return open.of.send({ ...textMessage, ...message });
    };
    const sends = (): number => server.requests.filter(({ path }) => isSend(path)).length;

    test("accepts with the provider's id", async () => {
      expect(await send(answering(200, accepted))).toEqual({ kind: 'accepted', providerMessageId: 'm1' });
      expect(sends()).toBe(1);
    });

    test.each<readonly [string, Script]>([
      ['resets the connection', (_request, response) => void response.socket?.resetAndDestroy()],
      ['closes the connection', (_request, response) => void response.socket?.end()],
      ['says nothing', () => undefined],
      ['answers 500', answering(500, {})],
      ['answers 502 in HTML', (_request, response) => void response.writeHead(502).end('<html>')],
      ['answers 503', answering(503, {})],
      ['answers 504', answering(504, {})],
      ['answers 408', answering(408, {})],
      ['answers 200 without an id', answering(200, {})],
      [
        'answers 200 with an id that is none',
        answering(200, JSON.parse(JSON.stringify(accepted).replace('"m1"', '7'))),
      ],
      ['answers 200 in no JSON', (_request, response) => void response.writeHead(200).end('{"id":')],
      [
        'answers 200 and breaks off',
        (_request, response) => {
          response.writeHead(200, { 'content-length': '999' }).write('{', () => response.socket?.destroy());
        },
      ],
      ['answers 200 and never ends', (_request, response) => void response.writeHead(200).write('{')],
    ])('does not know the outcome when the provider %s, and does not ask again', async (_what, script) => {
      expect(await send(script)).toMatchObject({ kind: 'unknown' });
      expect(sends()).toBe(1);
    });

    test.each<readonly [string, Script]>([
      ['answers 400', answering(400, {})],
      ['answers 400 in HTML', (_request, response) => void response.writeHead(400).end('<html>')],
      ['redirects', (_request, response) => void response.writeHead(307, { location: '/elsewhere' }).end()],
      ['is not who is meant', answering(421, {})],
    ])('fails for good when the provider %s, and does not ask again', async (_what, script) => {
      expect(await send(script)).toMatchObject({ kind: 'failed', retryable: false });
      expect(sends()).toBe(1);
    });

    test('may be tried again after 429, which slows the sender down', async () => {
      expect(await send(answering(429, {}))).toMatchObject({
        kind: 'failed',
        retryable: true,
        effect: { kind: 'throughput-limited' },
      });
    });

    test('may be tried again where no connection came about', async () => {
      const nobody = await startScriptedServer(access);
      await nobody.close();
      const outcome = await provider(nobody.url, clock, DEADLINE_MS).send(textMessage);
      expect(outcome).toMatchObject({ kind: 'failed', retryable: true });
    });

    test('sends nothing on a permit that is over', async () => {
      clock.at = textMessage.validUntil;
      expect(await send(answering(200, accepted))).toEqual({ kind: 'failed', code: 'permit-lapsed', retryable: false });
      expect(sends()).toBe(0);
    });

    test.each([
      [{ account: 'other' }],
      [{ sender: '15559999999' }],
      [{ sender: 'constructor' }],
      [{ to: {} }],
      [{ correlation: 'x'.repeat(1_025) }],
      [{ content: { kind: 'session', messageType: 'image' } as const }],
      [{ content: { kind: 'session', messageType: 'location' } as const }],
      [{ content: { kind: 'session', messageType: 'interactive' } as const }],
      [{ content: { kind: 'session', messageType: 'sticker', mediaUrl: 'https://a/b', text: 'caption' } as const }],
    ])('sends nothing of %j and says how to mend it', async (message) => {
      expect(await send(answering(200, accepted), message)).toMatchObject({
        kind: 'failed',
        retryable: false,
        remedy: expect.stringMatching(/./u),
      });
      expect(server.requests).toEqual([]);
    });

    test('shows no credential, not even in a dump of itself', async () => {
      expect(JSON.stringify(await send(answering(401, {})))).not.toContain('s3cret');
      expect(JSON.stringify(open.of)).not.toContain('s3cret');
    });
  });
};
