// The providers of webhooks.bench.ts, as a process of their own: asks for nothing but the port, answers with figures.

import { fullWebhook, singleWebhooks } from './signed-webhooks.js';
import { sendAtRate, type Measured } from './open-loop.js';

export interface LoadOrder {
  readonly port: number;
  /** Where the ids begin, so that no update is a repeat. */
  readonly from: number;
  /** Webhooks of one update at a rate; without one webhooks of 1,000 updates, one after the other. */
  readonly perSecond?: number | undefined;
  readonly count: number;
}

export type LoadAnswer = (Measured & { readonly cpuMs: number }) | { readonly error: string } | 'prepared';

const tell = (answer: LoadAnswer): void => void process.send?.(answer);

const isOrder = (message: unknown): message is LoadOrder => typeof message === 'object' && message !== null;

let start: (() => void) | undefined;
const run = async ({ port, from, perSecond, count }: LoadOrder): Promise<LoadAnswer> => {
  const requests =
    perSecond === undefined
      ? Array.from({ length: count }, (_, batch) => fullWebhook(from + batch * 1_000))
      : singleWebhooks(count, from);
  tell('prepared');
  await new Promise<void>((resolve) => {
    start = resolve;
  });
  const before = process.cpuUsage();
  const { latenciesMs, tookMs } =
    perSecond === undefined ? await oneByOne(port, requests) : await sendAtRate(port, requests, perSecond);
  const { user, system } = process.cpuUsage(before);
  return { latenciesMs, tookMs, cpuMs: (user + system) / 1_000 };
};

const oneByOne = async (port: number, requests: readonly Buffer[]): Promise<Measured> => {
  const all: Measured[] = [];
  for (const request of requests) all.push(await sendAtRate(port, [request], 1, 1));
  return {
    latenciesMs: all.flatMap(({ latenciesMs }) => latenciesMs).toSorted((a, b) => a - b),
    tookMs: all.reduce((sum, { tookMs }) => sum + tookMs, 0),
  };
};

process.on('message', (message) => {
  if (message === 'start') start?.();
  else if (isOrder(message)) void run(message).then(tell, (error: unknown) => tell({ error: String(error) }));
});
