import { setTimeout as sleep } from 'node:timers/promises';
import { AppProcess, type AppName } from '../processes/app-process.js';

const KILL_EVERY_MS = { from: 600, to: 2_400 };

/** Keeps apps running as an init system does: whatever ends is started again. On request it kills them at random. */
export class Supervisor {
  readonly #running = new Map<AppName, AppProcess>();
  readonly #ended: Promise<void>[] = [];
  #isStopping = false;
  /** Deaths that nobody ordered, with the last words. */
  readonly failures: string[] = [];
  kills = 0;

  constructor(
    private readonly apps: readonly AppName[],
    private readonly environment: Readonly<Record<string, string>>,
    /** From 0 to 1. */
    private readonly random: () => number,
  ) {}

  async start(): Promise<void> {
    for (const app of this.apps) this.#ended.push(this.#keep(app));
    await this.ready();
  }

  /** Resolves when all apps answer. */
  async ready(): Promise<void> {
    await Promise.all(this.apps.map((app) => this.url(app)));
  }

  /** The address of an app that answers. */
  async url(app: AppName): Promise<string> {
    for (;;) {
      const running = this.#running.get(app);
      if (running === undefined) throw new Error(`${app} is not kept running.`);
      try {
        return await running.ready();
      } catch (error) {
        // Killed while it started: its successor is asked.
        if (this.#running.get(app) === running && !running.hasEnded) throw error;
        await sleep(50);
      }
    }
  }

  /** Kills an app in the midst of its work; it is started again. */
  async kill(app: AppName): Promise<void> {
    this.kills += 1;
    await this.#running.get(app)?.end('SIGKILL');
  }

  /** Kills an app now and then, at any point of its work, until the signal aborts. */
  async haunt(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { from, to } = KILL_EVERY_MS;
      await sleep(from + this.random() * (to - from), undefined, { signal }).catch(() => undefined);
      const victim = this.#running.get(this.apps[Math.floor(this.random() * this.apps.length)] ?? 'dispatcher');
      if (signal.aborted || victim === undefined) return;
      this.kills += 1;
      await victim.end('SIGKILL');
    }
  }

  /** Stops all in order. Resolves with the exit codes. */
  async stop(): Promise<readonly (number | null)[]> {
    this.#isStopping = true;
    const codes = await Promise.all([...this.#running.values()].map((app) => app.end('SIGTERM')));
    await Promise.all(this.#ended);
    return codes;
  }

  async #keep(app: AppName): Promise<void> {
    while (!this.#isStopping) {
      const running = new AppProcess(app, this.environment);
      this.#running.set(app, running);
      const code = await running.exit;
      if (!this.#isStopping && code !== null)
        this.failures.push(`${app} ended with ${code}: ${running.log.slice(-2_000)}`);
    }
  }
}
