// The two processes of scaling.bench.ts: scaling-work.js dispatcher|projector <postgres URL> <customers> <distribution>
// <intents> <first>. The dispatcher decides batch after batch by its own controller and answers what they took; the projector is
// the whole app, and answers when it is asked and has applied everything.

import { once } from 'node:events';
import { memoryUsage } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { runApp, type Process } from '#apps/composition/process';
import { DispatcherController } from '#apps/dispatcher/dispatcher.controller';
import { projectorParts } from '#apps/projector/parts';
import { DecideIntents } from '#application/decide-intents';
import type { ReceivedMessage } from '#application/ports/message-queue';
import { VIEWS } from '#application/project';
import { topicName } from '#contracts/topics';
import { SystemClock } from '#platform/clock';
import { loadConfig } from '#platform/config';
import type { Part } from '#platform/lifecycle';
import { chooser, seeded, type Distribution } from './chance.js';
import { ACCOUNT, phoneOf, replyTo } from './load.js';
import { deliveredOf } from './multiplied-store.js';

const BATCH = 500;
/** The first half is left out: code is cold, and Postgres writes each page whole when it is first changed after a checkpoint. */
const WARM_UP = 0.5;
/** Events that the projector may be behind before the next batch is decided. */
const BEHIND = 4_000;

export interface Memory {
  /** After a forced collection of garbage. */
  readonly heapMb: number;
  readonly rssMb: number;
}
export interface Dispatched extends Memory {
  /** Processor time of the dispatcher, median of the batches. */
  readonly cpuMicros: number;
  readonly wallMicros: number;
}
export interface Projected extends Memory {
  readonly cpuMs: number;
}

const [work = '', url = '', customers = '', distribution = '', intents = '', first = ''] = process.argv.slice(2);

const megabytes = (bytes: number): number => Number((bytes / 1_048_576).toFixed(1));
const memory = async (): Promise<Memory> => {
  if (globalThis.gc === undefined) throw new Error('Run with --expose-gc.');
  // What was freed late, as by finalisers, is gone the second time.
  for (let time = 0; time < 3; time += 1) {
    globalThis.gc();
    await sleep(50);
  }
  return { heapMb: megabytes(memoryUsage().heapUsed), rssMb: megabytes(memoryUsage.rss()) };
};
const cpuMicrosSince = (before: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(before);
  return user + system;
};
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const step = (name: string, start: () => Promise<void>): Part => ({ name, start, stop: () => Promise.resolve() });

const dispatcher = async ({ engines, gate }: Process): Promise<Dispatched> => {
  const { store, views, readModel, identity, producer, clock, telemetry } = engines;
  const decideIntents = new DecideIntents(gate.customers, gate.directory, readModel, clock);
  const controller = new DispatcherController(decideIntents, identity, producer, clock, telemetry);
  const choose = chooser(distribution as Distribution, Number(customers), seeded(42));
  const topic = topicName('send-intents');
  const total = Number(intents);
  const cpu: number[] = [];
  const wall: number[] = [];
  for (let from = 0; from < total; from += BATCH) {
    const chosen = Array.from({ length: BATCH }, choose);
    const messages = chosen.map((customer, index): ReceivedMessage => {
      const { key, value, headers } = replyTo(customer, Number(first) + from + index);
      return { topic, partition: 0, offset: from + index, key, value, headers, at: clock.now() };
    });
    const startedAt = performance.now();
    const before = process.cpuUsage();
    await controller.sendIntents({
      topic,
      partition: 0,
      messages,
      signal: new AbortController().signal,
      finished: () => undefined,
    });
    if (from >= WARM_UP * total) {
      cpu.push(cpuMicrosSince(before) / BATCH);
      wall.push(((performance.now() - startedAt) * 1_000) / BATCH);
    }
    await deliver(gate, identity, new Set(chosen), clock);
    while ((await store.gap(await views.checkpoint(VIEWS), ['customer'], BEHIND)) === BEHIND) await sleep(5);
  }
  return { cpuMicros: Math.round(median(cpu)), wallMicros: Math.round(median(wall)), ...(await memory()) };
};

/** What the provider's app and the recorder would append, so that no customer has more and more open intents. */
const deliver = async (
  { customers: gated }: Process['gate'],
  identity: Process['engines']['identity'],
  chosen: ReadonlySet<number>,
  clock: Process['engines']['clock'],
): Promise<void> => {
  const keys = [...chosen].map((customer) => ({
    account: ACCOUNT,
    customer: identity.customerOf(ACCOUNT, { phone: phoneOf(customer) }),
  }));
  let delivered = 0;
  const loaded = await gated.load(keys);
  await gated.run(
    loaded.map((customer) => ({
      customer,
      decide: ({ state }) => {
        const open = Object.values(state.intents);
        delivered += open.length;
        return open.map(({ intent: { intentId }, ordinal }) => ({
          events: deliveredOf(intentId, ordinal, clock.now()),
          metadata: { correlationId: intentId, causationId: intentId },
        }));
      },
    })),
  );
  if (delivered !== BATCH) throw new Error(`${delivered} of ${BATCH} intents were authorised.`);
};

const projector = async ({ engines: { store, views } }: Process): Promise<Projected> => {
  process.send?.('ready');
  await once(process, 'message');
  while ((await store.gap(await views.checkpoint(VIEWS), ['customer'], 1)) > 0) await sleep(20);
  const { user, system } = process.cpuUsage();
  return { cpuMs: Math.round((user + system) / 1_000), ...(await memory()) };
};

const end = new AbortController();
const config = await loadConfig({
  TIDEGATE_DATABASE: url,
  TIDEGATE_IDENTITY_KEY: '7'.repeat(64),
  TIDEGATE_LOG_LEVEL: 'warn',
});
const answered = <Answer extends object>(answer: (running: Process) => Promise<Answer>, running: Process): Part =>
  step('work', async () => {
    const said = await answer(running);
    await new Promise<void>((sent) => process.send?.(said, () => sent()));
    end.abort();
  });
process.exit(
  await runApp('bench', config, new SystemClock(), end.signal, (running) =>
    work === 'projector'
      ? [...projectorParts(running), answered(projector, running)]
      : [running.gate.part, answered(dispatcher, running)],
  ),
);
