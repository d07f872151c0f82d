import { readdir, readFile } from 'node:fs/promises';

interface Stat {
  readonly parent: number;
  readonly ownTicks: number;
  /** Of children that have ended. */
  readonly endedTicks: number;
}

const MS_PER_TICK = 10;

/** Undefined when there is no such process, or the system does not tell (proc(5)). */
const statOf = async (pid: number | string): Promise<Stat | undefined> => {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const at = (index: number): number => Number(fields[index]);
    return { parent: at(1), ownTicks: at(11) + at(12), endedTicks: at(13) + at(14) };
  } catch {
    return undefined;
  }
};

/** Processor time of a process so far, in milliseconds; undefined where the system does not tell. */
export const cpuMsOf = async (pid: number): Promise<number | undefined> => {
  const stat = await statOf(pid);
  return stat && stat.ownTicks * MS_PER_TICK;
};

/** The same of a process and its children, those included that have ended: a Postgres has one for each connection. */
export const familyCpuMsOf = async (pid: number): Promise<number | undefined> => {
  const head = await statOf(pid);
  if (head === undefined) return undefined;
  const all = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(statOf));
  const children = all.reduce((sum, stat) => sum + (stat?.parent === pid ? stat.ownTicks + stat.endedTicks : 0), 0);
  return (head.ownTicks + head.endedTicks + children) * MS_PER_TICK;
};
