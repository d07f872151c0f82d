import { createServer as createSecureServer } from 'node:https';
import { createServer, type Server } from 'node:net';
import { answering, startScriptedServer, type ScriptedServer } from '#testing/scripted-server';
import { postOnce } from './post-once.js';

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

  test('does not know what became of a request that was answered in another protocol', async () => {
    server.script = (_request, response) => {
      response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
    };
    expect(await post()).toMatchObject({ kind: 'unknown' });
  });

  test('does not know what became of a request that got no answer in time', async () => {
    server.script = () => undefined;
    expect(await post('/', 50)).toEqual({ kind: 'unknown', cause: 'no-answer-in-time' });
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

  test('is definitely not sent where nobody listens, the name is unknown or a header cannot be written', async () => {
    const free = createServer();
    const port = await listening(free);
    await closed(free);
    expect(await to(`http://127.0.0.1:${port}`)).toEqual({ kind: 'not-sent', cause: 'ECONNREFUSED' });
    expect(await to(`http://localhost:${port}`)).toEqual({ kind: 'not-sent', cause: 'ECONNREFUSED' });
    expect(await to('http://tidegate.invalid')).toMatchObject({ kind: 'not-sent' });
    expect(await to(server.url, { headers: { a: 'b\r\nc' } })).toEqual({ kind: 'not-sent', cause: 'ERR_INVALID_CHAR' });
  });

  test('is definitely not sent where the connection never becomes secure', async () => {
    const silent = createServer((socket) => socket.unref()).unref();
    const port = await listening(silent);
    const outcome = await to(`https://127.0.0.1:${port}`, { deadlineMs: 100 });
    expect(outcome).toEqual({ kind: 'not-sent', cause: 'no-answer-in-time' });
  });

  test('is definitely not sent where the other side has no certificate to show', async () => {
    const stranger = createSecureServer({}).unref();
    const port = await listening(stranger);
    expect(await to(`https://127.0.0.1:${port}`)).toMatchObject({ kind: 'not-sent' });
  });
});

const to = (url: string, given: Partial<Parameters<typeof postOnce>[0]> = {}) =>
  postOnce({ url, headers: {}, body: '{}', deadlineMs: 5_000, ...given });

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });

const closed = (server: Server): Promise<unknown> =>
  new Promise((resolve) => {
    server.close(resolve);
  });
