import { setTimeout as pause } from 'node:timers/promises';
import type { Engines } from '#apps/composition/engines';
import { topicName } from '#contracts/topics';
import { HOUR_MS } from '#domain/time';
import type { SteerableClock } from '#platform/clock';
import type { Part } from '#platform/lifecycle';
import { sampleDay } from './sample-day.js';

/** Two simulated days in about a minute. */
const STEP_MS = 150;
const SETTLE_MS = 2_000;

interface Shown {
  readonly intentId: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly remedy?: string;
  readonly rule?: string;
  readonly decidedAt: string;
}

const isShown = (value: unknown): value is Shown =>
  typeof value === 'object' && value !== null && 'intentId' in value && 'outcome' in value && 'decidedAt' in value;

const decisionIn = (value: string | null): Shown | undefined => {
  const event: unknown = JSON.parse(value ?? 'null');
  const data = typeof event === 'object' && event !== null && 'data' in event ? event.data : undefined;
  return isShown(data) ? data : undefined;
};

/** Plays the sample day through the message queue and shows what comes back from it. */
export const playDay = (engines: Engines, clock: SteerableClock, show: (line: string) => void, url: string): Part => {
  const end = new AbortController();
  let playing: Promise<void> = Promise.resolve();
  const counts = new Map<string, number>();
  const consumer = engines.queue.consumer({ group: `demo-${clock.now()}`, batchSize: 100, from: 'earliest' });
  return {
    name: 'sample day',
    start: async (fail) => {
      const from = clock.now();
      clock.runAt(0);
      await consumer.start([topicName('send-decisions')], async ({ messages }) => {
        for (const { value } of messages) {
          const decision = decisionIn(value);
          if (decision === undefined || Date.parse(decision.decidedAt) < from) continue;
          const { intentId, outcome, reason, remedy, rule, decidedAt } = decision;
          const why = reason ?? (rule === undefined ? '' : `rule ${rule}`);
          counts.set(`${outcome}: ${why}`, (counts.get(`${outcome}: ${why}`) ?? 0) + 1);
          show(
            `${decidedAt.slice(5, 16)}  ${outcome.padEnd(10)} ${why.padEnd(18)} ${intentId.padEnd(18)} ${remedy ?? ''}`,
          );
        }
      });
      playing = (async () => {
        for (const { at, message } of sampleDay(from)) {
          if (end.signal.aborted) return;
          // Nobody waits for a clock that leaps: what is due before a long pause gets its time first.
          if (at - clock.now() > HOUR_MS) await pause(SETTLE_MS, undefined, { signal: end.signal });
          clock.set(at);
          await engines.producer.send([message]);
          await pause(STEP_MS, undefined, { signal: end.signal });
        }
        await pause(SETTLE_MS, undefined, { signal: end.signal });
        show('\nThe day in numbers:');
        for (const [what, count] of [...counts].toSorted(([a], [b]) => a.localeCompare(b)))
          show(`${String(count).padStart(6)}  ${what}`);
        clock.runAt(1);
        show(
          `\nStill running: ${url}/docs and ${url}/metrics. Ctrl-C stops it. Try:\n  curl -s '${url}/v1/accounts/acme/intents?intentId=autumn-campaign'`,
        );
      })().catch((error: unknown) => (end.signal.aborted ? undefined : fail(error)));
    },
    stop: async () => {
      end.abort();
      await playing;
      await consumer.stop();
    },
  };
};
