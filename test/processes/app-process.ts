import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

export type AppName = 'webhooks' | 'recorder' | 'dispatcher' | 'projector' | 'provider' | 'insights' | 'standalone';

/** Compiled code lies under dist, also for the tests that run from the sources. */
const root = fileURLToPath(new URL('../../', import.meta.url)).replace(/dist\/$/, '');
/** Generous: several start at once, on a machine that may be busy with others. */
const READY_WITHIN_MS = 180_000;

/** An app as a process of its own, on its real entry point. */
export class AppProcess {
  readonly #child: ChildProcess;
  /** Resolves with the exit code, null when a signal ended it. */
  readonly exit: Promise<number | null>;
  #log = '';
  #url: string | undefined;

  /** @param environment besides PATH and HOME, all that the process gets */
  constructor(
    readonly app: AppName,
    environment: Readonly<Record<string, string>>,
    nodeArguments: readonly string[] = [],
  ) {
    const { PATH = '', HOME = '' } = process.env;
    this.#child = spawn(
      process.execPath,
      ['--max-semi-space-size=64', ...nodeArguments, `${root}dist/apps/${app}/main.js`],
      {
        env: { PATH, HOME, TIDEGATE_HTTP_PORT: '0', TIDEGATE_LOG_LEVEL: 'info', ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.exit = once(this.#child, 'exit').then(() => this.#child.exitCode);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        // The latest part is enough to tell what went wrong.
        this.#log = `${this.#log}${text}`.slice(-100_000);
        // Not the address of the webhooks, which has no health of its engines.
        this.#url ??= /"url":"(http:[^"]+)","msg":"listening"/.exec(this.#log)?.[1];
      });
    }
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get log(): string {
    return this.#log;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves with the URL of its HTTP server once all engines answer. */
  async ready(): Promise<string> {
    for (const deadline = Date.now() + READY_WITHIN_MS; Date.now() < deadline;) {
      if (this.hasEnded) break;
      const url = this.#url;
      if (
        url !== undefined &&
        (await fetch(`${url}/health/ready`).then(
          ({ ok }) => ok,
          () => false,
        ))
      )
        return url;
      await sleep(50);
    }
    throw new Error(`${this.app} did not get ready (${this.#child.exitCode ?? 'runs'}):\n${this.#log.slice(-4_000)}`);
  }

  /** Ends it. Resolves with the exit code. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    if (!this.hasEnded) this.#child.kill(signal);
    return await this.exit;
  }
}
