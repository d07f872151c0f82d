import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** One request at a time on a connection that stays. */
class Connection {
  readonly #socket: Socket;
  #answer = '';
  #answered: ((status: number) => void) | undefined;
  #failed: (error: unknown) => void = () => undefined;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1').on('data', (text: string) => {
      this.#answer += text;
      this.#read();
    });
    this.#socket.on('error', (error) => this.#failed(error));
    this.#socket.on('close', () => this.#failed(new Error('The connection was closed.')));
  }

  async ready(): Promise<void> {
    await once(this.#socket, 'connect');
  }

  /** Resolves with the status once the whole answer is there. */
  post(request: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#failed = () => undefined;
    this.#socket.destroy();
  }

  #read(): void {
    const end = this.#answer.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#answer.slice(0, end);
    const [, length] = /\r\ncontent-length: (\d+)/i.exec(head) ?? [];
    if (length === undefined) return this.#failed(new Error(`The answer has no length: ${head}`));
    if (this.#answer.length < end + 4 + Number(length)) return;
    this.#answer = '';
    this.#answered?.(Number(head.slice(9, 12)));
  }
}

export interface Measured {
  /** Milliseconds from when each request was due to the end of its answer, ascending. */
  readonly latenciesMs: readonly number[];
  /** From when the first was due to the end of the last answer. */
  readonly tookMs: number;
}

/**
 * Sends the requests at a steady rate that does not slow down when the server does: what finds no connection free waits,
 * and its latency counts from when it was due.
 * @throws Error when one is not answered 200
 */
export const sendAtRate = async (
  port: number,
  requests: readonly Buffer[],
  perSecond: number,
  connections = 64,
): Promise<Measured> => {
  const all = Array.from({ length: connections }, () => new Connection(port));
  await Promise.all(all.map((connection) => connection.ready()));
  const latencies: number[] = [];
  const startedAt = performance.now();
  let sent = 0;
  /** Takes what is due next, until there is nothing any more. */
  const work = async (connection: Connection): Promise<void> => {
    for (;;) {
      const index = sent;
      const request = requests[index];
      if (request === undefined) return;
      sent += 1;
      const dueAt = startedAt + (index * 1_000) / perSecond;
      const early = dueAt - performance.now();
      if (early > 0) await pause(early);
      const status = await connection.post(request);
      if (status !== 200) throw new Error(`A webhook was answered ${status}.`);
      latencies.push(performance.now() - dueAt);
    }
  };
  try {
    await Promise.all(all.map(work));
  } finally {
    for (const connection of all) connection.close();
  }
  const tookMs = performance.now() - startedAt;
  return { latenciesMs: latencies.toSorted((a, b) => a - b), tookMs };
};
