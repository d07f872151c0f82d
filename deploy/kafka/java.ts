import { execFile, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { home, sources } from './home.js';

export type Log = (line: string) => void;

const oldestJava = 17;

const installJava =
  `Kafka needs Java ${oldestJava} or newer. Debian: apt-get install openjdk-17-jre-headless. ` +
  'macOS: brew install openjdk@17 && export JAVA_HOME="$(brew --prefix openjdk@17)".';

const installMaven =
  "Kafka's jars are fetched once by Maven. Debian: apt-get install maven. macOS: brew install maven.";

/** The java to run: of JAVA_HOME if set, else of PATH, as Maven chooses it too. */
export async function findJava(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const java = env['JAVA_HOME'] ? join(env['JAVA_HOME'], 'bin', 'java') : 'java';
  let answer: string;
  try {
    answer = (await promisify(execFile)(java, ['-version'], { env })).stderr;
  } catch (cause) {
    throw new Error(`No Java found: "${java} -version" failed. ${installJava}`, { cause });
  }
  // Java 8 and older call themselves 1.8.
  const version = /version "(?:1\.)?(\d+)/.exec(answer)?.[1];
  if (version === undefined) throw new Error(`"${java} -version" names no version: ${answer.trim()}. ${installJava}`);
  if (Number(version) < oldestJava) throw new Error(`"${java}" is Java ${version}. ${installJava}`);
  return java;
}

/** Kafka's class path, kept in a file named after the pom's content: a changed pom is resolved anew. */
export async function findClassPath(log: Log, env: NodeJS.ProcessEnv = process.env, cache = home): Promise<string> {
  const pom = join(sources, 'pom.xml');
  const key = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 12);
  const file = join(cache, `class-path-${key}.txt`);
  const known = existsSync(file) ? await readClassPath(file) : undefined;
  // The jars stay in Maven's own repository, which may have been emptied since.
  if (known?.split(delimiter).every((jar) => existsSync(jar))) return known;
  await mkdir(cache, { recursive: true });
  const unfinished = `${file}.${randomUUID()}`;
  await runMaven(['-f', pom, 'dependency:build-classpath', `-Dmdep.outputFile=${unfinished}`], log, env);
  await rename(unfinished, file);
  return readClassPath(file);
}

async function readClassPath(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).trim();
}

async function runMaven(args: readonly string[], log: Log, env: NodeJS.ProcessEnv): Promise<void> {
  log("Kafka: resolving the broker's jars with Maven (about 65 MB the first time)");
  const maven = spawn('mvn', ['-B', '-Dstyle.color=never', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const errors: string[] = [];
  createInterface({ input: maven.stderr }).on('line', (line) => errors.push(line));
  let files = 0;
  let loggedAt = Date.now();
  createInterface({ input: maven.stdout }).on('line', (line) => {
    if (line.startsWith('[ERROR]')) errors.push(line);
    if (!line.includes('Downloaded from')) return;
    files += 1;
    if (Date.now() - loggedAt < 1_000) return;
    loggedAt = Date.now();
    log(`Kafka: files fetched: ${files}`);
  });
  try {
    await once(maven, 'close');
  } catch (cause) {
    throw new Error(`No Maven found: "mvn" could not be run. ${installMaven}`, { cause });
  }
  if (maven.exitCode === 0) return;
  throw new Error(`Maven could not resolve Kafka (exit code ${maven.exitCode}):\n${errors.slice(0, 6).join('\n')}`);
}
