import { SingleBar } from 'cli-progress';
import type { Progress } from '#application/history/read-log';
import { written } from '#contracts/outbound/outgoing';
import type { Instant } from '#domain/time';

/** Where a command writes: results to `out`, all else to `err`. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** A person watches `err`: a bar is drawn there instead of lines. */
  readonly watched: boolean;
}

export const processTerminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  watched: process.stderr.isTTY,
};

const LINE_EVERY_MS = 5_000;

const count = (value: number): string => value.toLocaleString('en');

/** Shows how far a reading of the log has come, by the time that it has reached: how long the log is nobody knows. */
export class ProgressDisplay {
  readonly #startedAt = performance.now();
  readonly #bar: SingleBar | undefined;
  #first: Instant | undefined;
  #linedAt = performance.now();

  constructor(
    private readonly task: string,
    private readonly terminal: Terminal,
    private readonly until: number = Date.now(),
  ) {
    if (!terminal.watched) return;
    const format = `${task} [{bar}] {percentage}% | {events} events | {rate}/s | {at}`;
    this.#bar = new SingleBar({ format, hideCursor: true, clearOnComplete: true, etaBuffer: 20 });
  }

  readonly advanced = ({ events, recordedAt }: Progress): void => {
    const rate = count(Math.round((1_000 * events) / (performance.now() - this.#startedAt)));
    const shown = { events: count(events), rate, at: written(recordedAt) };
    if (this.#first === undefined) {
      this.#first = recordedAt;
      this.#bar?.start(100, 0, shown);
    }
    const span = this.until - this.#first;
    const reached = span <= 0 ? 100 : Math.min(100, Math.round((100 * (recordedAt - this.#first)) / span));
    this.#bar?.update(reached, shown);
    if (this.#bar !== undefined || performance.now() - this.#linedAt < LINE_EVERY_MS) return;
    this.#linedAt = performance.now();
    this.terminal.err(`${this.task}: ${shown.events} events, ${rate}/s, at ${shown.at}\n`);
  };

  stop(): void {
    this.#bar?.stop();
  }
}

/** Shows how many rows were written: how many there are nobody knows before the end. */
export class RowDisplay {
  readonly #startedAt = performance.now();
  #shownAt = performance.now();
  #isShown = false;

  constructor(
    private readonly task: string,
    private readonly terminal: Terminal,
  ) {}

  readonly advanced = (rows: number): void => {
    const now = performance.now();
    if (now - this.#shownAt < (this.terminal.watched ? 100 : LINE_EVERY_MS)) return;
    this.#shownAt = now;
    this.#isShown = true;
    const line = `${this.task}: ${count(rows)} rows, ${count(Math.round((1_000 * rows) / (now - this.#startedAt)))}/s`;
    this.terminal.err(this.terminal.watched ? `\r${line.padEnd(70)}` : `${line}\n`);
  };

  /** Leaves nothing of it on a terminal. */
  stop(): void {
    if (this.terminal.watched && this.#isShown) this.terminal.err(`\r${' '.repeat(70)}\r`);
  }
}
