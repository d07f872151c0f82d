import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const layers = ['domain', 'application', 'contracts', 'adapters/postgres'];

/** For specs: these sources as Node runs them, in a folder from which packages are found. */
export const compileSources = async (): Promise<string> => {
  const caches = join(root, 'node_modules/.cache');
  await mkdir(caches, { recursive: true });
  const folder = await mkdtemp(join(caches, 'tidegate-postgres-'));
  const imports = { '#*': './libs/*.js' };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module', imports }));
  for (const layer of layers) {
    const names = await readdir(join(root, 'libs', layer), { recursive: true });
    const sources = names.filter((name) => name.endsWith('.ts') && !/\.(spec|contract)\.ts$/.test(name));
    for (const name of sources) {
      const target = join(folder, 'libs', layer, name.replace(/\.ts$/, '.js'));
      const { code } = await transformFile(join(root, 'libs', layer, name), { module: { type: 'es6' } });
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, code);
    }
  }
  return folder;
};

/** A Node process of its own that runs a script against compiled sources. */
export class OtherProcess {
  readonly #said: string[] = [];
  readonly #child;

  private constructor(
    file: string,
    readonly args: readonly string[],
  ) {
    this.#child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#said.push(line));
  }

  /** @param script ES module code; what it prints is what it says, a line at a time */
  static async start(sources: string, script: string, ...args: readonly string[]): Promise<OtherProcess> {
    const file = join(await mkdtemp(join(sources, 'script-')), 'main.js');
    await writeFile(file, script);
    return new OtherProcess(file, args);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Waits for a line that begins so, and returns it. */
  async says(beginning: string): Promise<string> {
    for (const deadline = Date.now() + 30_000; Date.now() < deadline;) {
      const line = this.#said.find((said) => said.startsWith(beginning));
      if (line !== undefined) return line;
      if (this.#hasEnded) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`It never said '${beginning}', only: ${this.#said.join(' | ')}`);
  }

  /** All lines so far that begin so. */
  heard(beginning: string): readonly string[] {
    return this.#said.filter((line) => line.startsWith(beginning));
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    if (this.#hasEnded) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

export const removeSources = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });
