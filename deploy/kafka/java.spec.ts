import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { findClassPath, findJava } from './java.js';

let folder: string;

const ignore = () => undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-java-'));
});

afterEach(() => rm(folder, { recursive: true }));

async function installCommand(name: string, script: string): Promise<void> {
  const command = join(folder, name);
  await writeFile(command, `#!/bin/sh\n${script}\n`);
  await chmod(command, 0o755);
}

const install = (version: string) => installCommand('java', `echo 'openjdk version "${version}" 2025-04-15' >&2`);

test.each(['17', '17.0.15', '21-ea', '25.0.1'])('Java %s will do', async (version) => {
  await install(version);
  expect(await findJava({ PATH: folder })).toBe('java');
});

test.each([
  ['1.8.0_402', '8'],
  ['11.0.22', '11'],
])('Java %s is too old', async (version, major) => {
  await install(version);
  await expect(findJava({ PATH: folder })).rejects.toThrow(
    new RegExp(`is Java ${major}\\. Kafka needs Java 17 .*openjdk-17-jre-headless.*brew`),
  );
});

test('no Java at all says what to install', async () => {
  await expect(findJava({ PATH: folder })).rejects.toThrow(/^No Java found: .*openjdk-17-jre-headless.*brew/);
});

test('JAVA_HOME goes before PATH', async () => {
  await install('21');
  const home = join(folder, 'missing');
  await expect(findJava({ PATH: folder, JAVA_HOME: home })).rejects.toThrow(`"${home}/bin/java -version" failed`);
});

test('no Maven says what to install', async () => {
  await expect(findClassPath(ignore, { PATH: folder }, folder)).rejects.toThrow(
    /^No Maven found: .*apt-get install maven.*brew install maven/,
  );
});

test('what Maven says of a failure is passed on', async () => {
  await installCommand('mvn', 'echo "[ERROR] Unknown host repo.maven.apache.org"; exit 1');
  await expect(findClassPath(ignore, { PATH: folder }, folder)).rejects.toThrow(/exit code 1.*\n.*Unknown host/);
});

test('Maven is asked once, and again when a jar has gone', async () => {
  const jar = join(folder, 'kafka.jar');
  await writeFile(jar, '');
  // The last argument says where to write the class path.
  await installCommand('mvn', `for last; do :; done; echo "${jar}" > "\${last#*=}"`);
  const lines: string[] = [];
  const resolve = () => findClassPath((line) => lines.push(line), { PATH: folder }, folder);

  expect(await resolve()).toBe(jar);
  expect(await resolve()).toBe(jar);
  expect(lines).toHaveLength(1);
  await rm(jar);
  await resolve();
  expect(lines).toHaveLength(2);
});
