import { readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { configFile } from './broker.js';
import { home } from './home.js';

/** The one broker of `npm run kafka:up`, as its state file tells it. */
export interface Running {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly folder: string;
}

const stateFile = join(home, 'broker.json');

export async function findRunning(): Promise<Running | undefined> {
  const state = await readState();
  return isRunning(state) && isAlive(state) ? state : undefined;
}

async function readState(): Promise<unknown> {
  try {
    return JSON.parse(await readFile(stateFile, 'utf8'));
  } catch {
    return undefined;
  }
}

export async function saveRunning(running: Running): Promise<void> {
  await mkdir(home, { recursive: true });
  await writeFile(stateFile, `${JSON.stringify(running, null, 2)}\n`);
}

export async function forgetRunning(): Promise<void> {
  await rm(stateFile, { force: true });
}

/** Process ids are reused: it is the broker only if its command names the broker's folder. */
export function isAlive({ pid, folder }: Running): boolean {
  try {
    return commandOf(pid).includes(configFile(folder));
  } catch {
    return false;
  }
}

function commandOf(pid: number): string {
  if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  return execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
}

function isRunning(state: unknown): state is Running {
  if (typeof state !== 'object' || state === null) return false;
  if (!('url' in state && 'port' in state && 'pid' in state && 'folder' in state)) return false;
  const { url, port, pid, folder } = state;
  return typeof url === 'string' && typeof port === 'number' && typeof pid === 'number' && typeof folder === 'string';
}
