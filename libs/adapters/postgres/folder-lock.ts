import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { InfrastructureError } from '#application/errors';

const HEARTBEAT_MS = 5_000;
/** Without a heartbeat for so long, a holder whose process cannot be looked up is taken for dead. */
const SILENT_MS = 12 * HEARTBEAT_MS;
/** How long several that start together try to agree on one. */
const CLAIMING_MS = 5_000;

/** Who holds a lock. A pid alone says little: it is given out again, and counted anew in every container. */
interface Holder {
  readonly pid: number;
  /** As the system tells it; undefined where it does not. */
  readonly startedAt: string | undefined;
  readonly host: string;
  /** Where the pid counts: boot of the machine and pid namespace. */
  readonly space: string;
  /** It has not looked for others yet. */
  readonly isClaiming?: true;
}

const attempt = <Result>(read: () => Result): Result | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

const startOf = (pid: number): string | undefined =>
  attempt(() => {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc(5): the 22nd field; the second one, in brackets, may hold blanks.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  });

const self = (): Holder => ({
  pid: process.pid,
  startedAt: startOf(process.pid),
  host: hostname(),
  space: [
    attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    attempt(() => readlinkSync('/proc/self/ns/pid')),
  ].join(' '),
});

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and is another user's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

const isHolder = (value: unknown): value is Holder =>
  typeof value === 'object' && value !== null && 'pid' in value && 'host' in value && 'space' in value;

/**
 * The right of one process to a folder. Every claimant writes a file of its own into the lock's folder and then looks
 * for others: of two, at least the later one sees the other, and only who sees nobody else becomes the holder. So a dead
 * holder's file can be removed by anybody, and no race of two takers can remove a living one's. Of claimants that see
 * each other the one with the least name waits for the others, who step back.
 */
export class FolderLock {
  /** The file is gone or cannot be written: another process may think that this one is dead. */
  lost = false;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(
    private readonly file: string,
    heartbeatMs: number,
  ) {
    this.#heartbeat = setInterval(() => void this.#beat(), heartbeatMs).unref();
  }

  /** @throws InfrastructureError `database-locked` while a living process holds it */
  static async take(folder: string, heartbeatMs = HEARTBEAT_MS): Promise<FolderLock> {
    const me = self();
    for (const deadline = Date.now() + CLAIMING_MS; ; await pause(20 + Math.random() * 100)) {
      await mkdir(folder, { recursive: true });
      const file = join(folder, `${randomUUID()}.json`);
      try {
        await write(file, { ...me, isClaiming: true });
        const other = await rival(folder, file, me, deadline);
        if (other === undefined) {
          await write(file, me);
          return new FolderLock(file, heartbeatMs);
        }
        await rm(file, { force: true });
        if (!other.holder.isClaiming || Date.now() > deadline) throw locked(other);
      } catch (error) {
        await rm(file, { force: true });
        throw error;
      }
    }
  }

  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    await rm(this.file, { force: true });
  }

  async #beat(): Promise<void> {
    const now = new Date();
    await utimes(this.file, now, now).catch(() => {
      this.lost = true;
    });
  }
}

interface Claim {
  readonly file: string;
  readonly holder: Holder;
  readonly silentMs: number;
}

/** Renamed when complete, so that nobody reads half of it. */
const write = async (file: string, holder: Holder): Promise<void> => {
  await writeFile(`${file}.new`, JSON.stringify(holder));
  await rename(`${file}.new`, file);
};

/** Undefined once nobody else is there; else a holder, or a claimant before whom this one has to step back. */
const rival = async (folder: string, own: string, me: Holder, deadline: number): Promise<Claim | undefined> => {
  for (;;) {
    const others = await livingClaims(folder, own, me);
    const other = others.find(({ file, holder }) => !holder.isClaiming || file < own) ?? others[0];
    if (other === undefined || !other.holder.isClaiming || other.file < own || Date.now() > deadline) return other;
    await pause(10);
  }
};

/** Of all others; removes what the dead left behind on the way. */
const livingClaims = async (folder: string, own: string, me: Holder): Promise<readonly Claim[]> => {
  const claims: Claim[] = [];
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    if (file === own || !name.endsWith('.json')) continue;
    const claim = await readClaim(file);
    if (claim === 'released') continue;
    if (claim !== 'torn' && isAlive(claim, me)) claims.push(claim);
    else await rm(file, { force: true });
  }
  return claims;
};

/** `torn`: a power cut kept the name and lost the content. */
const readClaim = async (file: string): Promise<Claim | 'released' | 'torn'> => {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
    const holder = attempt((): unknown => JSON.parse(text));
    return isHolder(holder) ? { file, holder, silentMs: Date.now() - mtimeMs } : 'torn';
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'released';
    throw error;
  }
};

const isAlive = ({ holder, silentMs }: Claim, me: Holder): boolean => {
  // Another machine's process may be suspended and come back: only a person can tell that it is gone.
  if (holder.host !== me.host) return true;
  // The machine or the container was started again since, or is about to be found out by its heartbeat.
  if (holder.space !== me.space) return silentMs < SILENT_MS;
  // Age says nothing here: a busy or suspended process is alive.
  if (!exists(holder.pid)) return false;
  const startedAt = startOf(holder.pid);
  return startedAt === undefined || holder.startedAt === undefined || startedAt === holder.startedAt;
};

const locked = ({ file, holder, silentMs }: Claim): InfrastructureError =>
  new InfrastructureError(
    'database-locked',
    `The data folder is in use by process ${holder.pid} on ${holder.host} (last sign of life ${Math.round(silentMs / 1_000)} s ago). ` +
      'Stop that process, give this one a folder of its own, or use a Postgres server (postgres://…) for several processes. ' +
      `If it is gone for certain, delete ${file}.`,
  );
