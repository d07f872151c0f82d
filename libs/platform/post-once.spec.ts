import { createServer } from 'node:net';
import { answering, startScriptedServer, type ScriptedServer } from '#testing/scripted-server';
import { postOnce, wasNotSent } from './post-once.js';

describe('a request that is never repeated', () => {
  let server: ScriptedServer;
  beforeAll(async () => {
    server = await startScriptedServer(answering(200, { ok: true }));
  });
  afterAll(() => server.close());

  const post = (path = '/', deadlineMs = 2_000) =>
    postOnce({ url: `${server.url}${path}`, headers: { 'x-is': 'kept' }, body: '{"é":1}', deadlineMs });

  test('carries body, length and headers, and brings the JSON of the answer', async () => {
    server.script = answering(201, { id: 'a' });
    expect(await post('/carries')).toEqual({ kind: 'answered', status: 201, json: { id: 'a' } });
    expect(server.requests.at(-1)).toMatchObject({
      method: 'POST',
      path: '/carries',
      body: '{"é":1}',
      headers: { 'content-length': '8', 'x-is': 'kept' },
    });
  });

  test.each([
    [421, {}],
    [307, { location: '/elsewhere' }],
    [302, { location: '/elsewhere' }],
    [503, { 'retry-after': '0' }],
  ])('takes %i as an answer and asks nobody again', async (status, headers) => {
    const before = server.requests.length;
    server.script = (_request, response) => void response.writeHead(status, headers).end();
    expect(await post()).toEqual({ kind: 'answered', status, json: undefined });
    expect(server.requests.length - before).toBe(1);
  });

  test('does not know what became of a request whose connection was reset, fresh or kept alive', async () => {
    server.script = answering(200, {});
    await post();
    const before = server.requests.length;
    server.script = (_request, response) => void response.socket?.resetAndDestroy();
    expect(await post()).toMatchObject({ kind: 'unknown' });
    expect(await post()).toMatchObject({ kind: 'unknown' });
    expect(server.requests.length - before).toBe(2);
  });

  test('does not know what became of a request that got no answer in time', async () => {
    server.script = () => undefined;
    expect(await post('/', 50)).toEqual({ kind: 'unknown', cause: 'TimeoutError' });
  });

  test.each([
    ['breaks off', '{"id":', true],
    ['comes too slowly', '{"id":', false],
  ])('brings the status, but no body, where the body %s', async (_how, part, destroys) => {
    server.script = (_request, response) => {
      response.writeHead(400, { 'content-length': '100' }).write(part, () => {
        if (destroys) setTimeout(() => response.socket?.destroy(), 10);
      });
    };
    expect(await post('/', 150)).toEqual({ kind: 'answered', status: 400, json: undefined });
  });

  test.each([
    ['no JSON', '<html>'],
    ['larger than any answer', `"${'x'.repeat(65_536)}"`],
  ])('brings the status, but no body, where the body is %s', async (_what, body) => {
    server.script = (_request, response) => void response.writeHead(200).end(body);
    expect(await post()).toEqual({ kind: 'answered', status: 200, json: undefined });
  });

  test('is definitely not sent where nobody listens or the name is unknown', async () => {
    const free = createServer();
    const port = await new Promise<number>((resolve) => {
      free.listen(0, '127.0.0.1', () => {
        const address = free.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    await new Promise((resolve) => {
      free.close(resolve);
    });
    const of = (url: string) => postOnce({ url, headers: {}, body: '', deadlineMs: 5_000 });
    expect(await of(`http://127.0.0.1:${port}`)).toEqual({ kind: 'not-sent', cause: 'ECONNREFUSED' });
    expect(await of('http://tidegate.invalid')).toMatchObject({ kind: 'not-sent' });
  });

  test.each([
    [true, { code: 'ECONNREFUSED', errors: [{ syscall: 'connect' }, { syscall: 'connect' }] }],
    [false, { errors: [{ syscall: 'connect' }, { syscall: 'read' }] }],
    [false, { errors: [] }],
    [true, { code: 'UND_ERR_CONNECT_TIMEOUT' }],
    [true, { code: 'CERT_HAS_EXPIRED' }],
    [true, { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }],
    [false, { code: 'ECONNRESET', syscall: 'read' }],
    [false, { code: 'EPIPE', syscall: 'write' }],
    [false, { code: 'UND_ERR_SOCKET' }],
    [false, { code: 'UND_ERR_HEADERS_TIMEOUT' }],
    [false, undefined],
  ])('says %p to whether nothing was written after %j', (unsent, cause) => {
    expect(wasNotSent(cause)).toBe(unsent);
  });
});
