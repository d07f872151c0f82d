import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that systems hand to outgoing connections (from 32768 on Linux, 49152 on macOS): in there, a client
 * that reconnects while the broker is down could take the broker's port, or even connect to itself.
 */
export async function findFreePort(except?: number): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    if (port !== except && (await isFree(port))) return port;
  }
}

export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
