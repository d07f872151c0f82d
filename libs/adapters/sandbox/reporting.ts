import { setTimeout as pause } from 'node:timers/promises';
import type { Entry, ReportStatus } from './book.js';

type TakenEntry = Extract<Entry, { kind: 'took' }>;

export interface Report {
  readonly message: TakenEntry;
  readonly id: string;
  readonly status: ReportStatus;
}

interface Expected {
  readonly message: TakenEntry;
  /** Those that are still to be published, in their order. */
  readonly statuses: ReportStatus[];
}

const AT_ONCE = 500;

/** Publishes what becomes of messages: one status of each per round, until all of its statuses are acknowledged. */
export class Reporting {
  readonly #expected = new Map<string, Expected>();
  readonly #end = new AbortController();
  #running: Promise<void> = Promise.resolve();

  /** @param publish resolves when the reports are where nothing can lose them */
  constructor(
    private readonly everyMs: number,
    private readonly publish: (reports: readonly Report[]) => Promise<void>,
  ) {}

  start(): void {
    this.#running = this.#run();
  }

  expect(message: TakenEntry, statuses: readonly ReportStatus[]): void {
    if (!this.#expected.has(message.id)) this.#expected.set(message.id, { message, statuses: [...statuses] });
  }

  settle(id: string, status: ReportStatus): void {
    const expected = this.#expected.get(id);
    if (expected === undefined) return;
    expected.statuses.splice(0, expected.statuses.indexOf(status) + 1);
    if (expected.statuses.length === 0) this.#expected.delete(id);
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      await pause(this.everyMs, undefined, { signal, ref: false }).catch(() => undefined);
      // Those that are there now; what is published meanwhile waits for the next round.
      const round = [...this.#expected].flatMap(
        ([
          id,
          {
            message,
            statuses: [status],
          },
        ]) => (status === undefined ? [] : [{ message, id, status }]),
      );
      for (let from = 0; from < round.length && !signal.aborted; from += AT_ONCE) {
        // A queue that does not answer gets them again in the next round.
        await this.publish(round.slice(from, from + AT_ONCE)).catch(() => undefined);
      }
    }
  }
}
