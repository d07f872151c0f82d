import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { sources } from './home.js';
import { findClassPath, findJava, type Log } from './java.js';
import { findFreePort, isFree } from './ports.js';

export interface BrokerOptions {
  /** Holds configuration, log and data of one broker. It outlives the broker, which can be started on it again. */
  readonly folder: string;
  /** A free one if not given. */
  readonly port?: number | undefined;
  /** Of a topic that names no number of partitions. */
  readonly partitions?: number | undefined;
  /** Once it answers, the broker outlives this process instead of dying with it. */
  readonly detached?: boolean;
  /** Hears of long work: Maven's first download. Standard error if not given. */
  readonly log?: Log;
}

export interface Broker {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** SIGTERM, the default, turns into SIGKILL after a deadline; SIGKILL is a crash. Resolves once the process ended. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

const answerWithinMs = 90_000;
export const stopWithinMs = 10_000;

export const configFile = (folder: string): string => join(folder, 'server.properties');
export const logFile = (folder: string): string => join(folder, 'broker.log');

export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const folder = resolve(options.folder);
  const java = await findJava();
  const classPath = await findClassPath(options.log ?? ((line) => process.stderr.write(`${line}\n`)));
  const port = options.port ?? (await findFreePort());
  if (!(await isFree(port)))
    throw new Error(`Port ${port} is in use: stop what listens there, or choose another port.`);
  await mkdir(folder, { recursive: true });
  await configure(folder, port, options.partitions ?? 8);

  // The class path goes by environment: the command line stays short in ps, and ends in the folder it belongs to.
  const place = { cwd: folder, env: { ...process.env, CLASSPATH: classPath } };
  const formatted = ['data', 'metadata'].every((part) => existsSync(join(folder, part, 'meta.properties')));
  if (!formatted) await format(java, place);

  await writeFile(logFile(folder), '');
  const log = await open(logFile(folder), 'a');
  const kafka = spawn(
    java,
    // Without the second compiler: in the few minutes that such a broker lives it took half of its processor time.
    [
      '-Xmx512m',
      '-XX:TieredStopAtLevel=1',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      'kafka.Kafka',
      configFile(folder),
    ],
    { ...place, detached: true, stdio: ['ignore', log.fd, log.fd] },
  );
  await once(kafka, 'spawn').finally(() => log.close());
  kafka.unref();
  const release = guard(kafka);
  await untilItAnswers(kafka, port, folder);
  if (options.detached) release();
  return {
    url: `kafka://127.0.0.1:${port}`,
    port,
    pid: pidOf(kafka),
    stop: (signal = 'SIGTERM') => stop(kafka, signal),
  };
}

async function configure(folder: string, port: number, partitions: number): Promise<void> {
  const values = new Map([
    ['port', port],
    ['controllerPort', await findFreePort(port)],
    ['partitions', partitions],
  ]);
  const template = await readFile(join(sources, 'server.properties'), 'utf8');
  const config = template.replace(/\$\{(\w+)\}/g, (slot, name: string) => String(values.get(name) ?? slot));
  await writeFile(configFile(folder), config);
}

async function format(java: string, place: { cwd: string; env: NodeJS.ProcessEnv }): Promise<void> {
  // Always the same, so that formatting can be repeated after an interruption.
  const clusterId = '--cluster-id=tidegate-local-broker1';
  const config = ['--config', 'server.properties', '--ignore-formatted'];
  await promisify(execFile)(java, ['kafka.tools.StorageTool', 'format', clusterId, ...config], place);
}

/**
 * Ends the broker when this process is gone, however it went: the pipe between them closes. A handler of 'exit' would
 * miss a SIGKILL, and inside jest it never runs.
 */
function guard(kafka: ChildProcess): () => void {
  const script = `read _; kill "$0"; for _ in ${'. '.repeat(stopWithinMs / 1_000)}; do sleep 1; kill -0 "$0" || exit; done; kill -KILL "$0"`;
  const watcher = spawn('sh', ['-c', script, String(pidOf(kafka))], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watcher.unref();
  const release = () => void watcher.kill();
  kafka.once('exit', release);
  return release;
}

async function untilItAnswers(kafka: ChildProcess, port: number, folder: string): Promise<void> {
  const deadline = Date.now() + answerWithinMs;
  for (;;) {
    const answered = await answers(port);
    if (hasEnded(kafka)) {
      const how = kafka.signalCode ?? `code ${kafka.exitCode}`;
      throw new Error(`Kafka ended with ${how} before it answered. ${await lastWords(folder)}`);
    }
    if (answered) return;
    if (Date.now() > deadline) {
      await stop(kafka, 'SIGKILL');
      throw new Error(`Kafka did not answer within ${answerWithinMs / 1_000} s. ${await lastWords(folder)}`);
    }
    await sleep(200);
  }
}

async function answers(port: number): Promise<boolean> {
  const admin = new Kafka({
    brokers: [`127.0.0.1:${port}`],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  }).admin();
  try {
    await admin.connect();
    // A broker that has not registered yet answers too, with an empty list.
    return (await admin.describeCluster()).brokers.length > 0;
  } catch {
    return false;
  } finally {
    await admin.disconnect();
  }
}

async function lastWords(folder: string): Promise<string> {
  const file = logFile(folder);
  const lines = (await readFile(file, 'utf8')).split('\n');
  const telling = lines.filter((line) => line !== '' && !/^\s+(at|\.\.\.) /.test(line));
  return `The last lines of ${file}:\n${telling.slice(-8).join('\n')}`;
}

async function stop(kafka: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(kafka)) return;
  kafka.ref();
  const ended = once(kafka, 'exit');
  kafka.kill(signal);
  const late = setTimeout(() => kafka.kill('SIGKILL'), stopWithinMs);
  await ended;
  clearTimeout(late);
}

const hasEnded = (kafka: ChildProcess): boolean => kafka.exitCode !== null || kafka.signalCode !== null;

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('Kafka was not started.');
  return pid;
}
