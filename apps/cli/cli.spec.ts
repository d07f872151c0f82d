import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CustomerIdentity } from '#application/customer-identity';
import { copyLog } from '#application/history/copy';
import { HOUR_MS, plus } from '#domain/time';
import { startFakeEventStoreDb } from '#testing/eventstoredb/fake-eventstoredb';
import { intent, openStage, T0, wrote, type Stage } from '../../test/gate/stage.js';
import { openStore } from './open-store.js';
import { runCommand } from './program.js';

const run = promisify(execFile);
const PHONE = '+491701234567';
const key = '42'.repeat(32);

describe('tidegate', () => {
  let folder: string;
  let stage: Stage;
  const customer = new CustomerIdentity(Buffer.from(key, 'hex')).customerOf('acme', { phone: PHONE });

  const tidegate = async (words: readonly string[], more: object = {}) => {
    let out = '';
    let err = '';
    const variables = { TIDEGATE_DATA: folder, TIDEGATE_IDENTITY_KEY: key, ...more };
    const terminal = {
      out: (text: string) => void (out += text),
      err: (text: string) => void (err += text),
      watched: false,
    };
    const context = { terminal, variables, signal: new AbortController().signal };
    const code = await runCommand(words, context, '1.2.3');
    return { code, out, err };
  };
  const at = (offsetMs: number): string => new Date(plus(T0, offsetMs)).toISOString();

  /** A refused intent, a message, an authorised one: in an embedded store on disk, as the service leaves it. */
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-cli-'));
    stage = await openStage();
    await stage.registerAccount();
    await stage.dispatcher().run([intent(customer, 'i-1')]);
    stage.clock.at = plus(T0, HOUR_MS);
    await stage.recorder().run([wrote(customer, 'm-1', stage.clock.at, 'secret words')]);
    await stage.dispatcher().run([intent(customer, 'i-2')]);
    const { store, close } = await openStore(join(folder, 'database'), stage.clock, false);
    await copyLog(stage.store, store);
    await close();
  });
  afterAll(async () => {
    await stage.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('says what it can do, its version, and what is wrong with a command line', async () => {
    const { code, out } = await tidegate(['--help']);
    expect(code).toBe(0);
    for (const command of ['explain', 'as-of', 'replay', 'verify', 'anchor', 'evidence', 'copy', 'completion'])
      expect(out).toContain(command);
    expect(await tidegate(['--version'])).toEqual({ code: 0, out: '1.2.3\n', err: '' });
    expect((await tidegate(['explain', '--help'])).out).toContain('Exit codes');
    for (const words of [
      ['explian', 'acme'],
      ['explain', 'acme'],
      ['explain', 'Not An Account', PHONE, 'i-1'],
      ['as-of', 'acme', PHONE, '--at', 'yesterday'],
      ['as-of', 'acme', PHONE],
      ['replay', '--checkpoint-every', '0'],
    ]) {
      const { code, err } = await tidegate(words);
      expect([words, code]).toEqual([words, 64]);
      expect(err).toContain('error:');
    }
  });

  test('explains an intent of a customer by phone number or id, in words and as JSON', async () => {
    const { code, out } = await tidegate(['explain', 'acme', PHONE, 'i-1']);
    expect(code).toBe(0);
    expect(out).toContain('refused: window-closed (rule 7)');
    expect(out).toContain('would have changed it: the customer never wrote to this sender');
    expect(out).toContain('Derived again from the log: the same.');
    const json = await tidegate(['explain', 'acme', customer, 'i-2', '--json']);
    const explanation: unknown = JSON.parse(json.out);
    expect(explanation).toMatchObject({
      customer,
      agrees: true,
      decisions: [
        { said: { outcome: 'authorised' }, at: at(HOUR_MS), recorded: { validUntil: at(25 * HOUR_MS - 60_000) } },
      ],
    });
    expect(json.out).not.toContain(PHONE.slice(1));
  });

  test('a customer or an intent that the log does not know, and data that are not there', async () => {
    expect((await tidegate(['explain', 'acme', '+1', 'i-1'])).code).toBe(66);
    expect((await tidegate(['explain', 'acme', PHONE, 'i-9'])).err).toContain('i-9');
    const elsewhere = join(folder, 'nowhere');
    const missing = await tidegate(['verify'], { TIDEGATE_DATA: elsewhere, TIDEGATE_IDENTITY_KEY: undefined });
    expect(missing.code).toBe(66);
    expect(missing.err).toContain('TIDEGATE_DATA');
    expect((await tidegate(['verify'], { TIDEGATE_DATA: elsewhere })).code).toBe(66);
    // Neither a store nor a key was made on the way.
    expect(await readdir(folder)).not.toContain('nowhere');
    expect((await tidegate(['verify'], { TIDEGATE_EVENT_STORE: 'nonsense' })).code).toBe(78);
  });

  test('shows what was true and what was known', async () => {
    const { code, out } = await tidegate(['as-of', 'acme', PHONE, '--at', at(HOUR_MS), '--template', 'hello/en']);
    expect(code).toBe(0);
    expect(out).toContain(`openerAt="${at(HOUR_MS)}"`);
    const json = await tidegate(['as-of', 'acme', PHONE, '--at', at(HOUR_MS - 1), '--json']);
    expect(JSON.parse(json.out)).toMatchObject({ at: at(HOUR_MS - 1), trueThen: { windows: {} } });
  });

  test('replays, and says what another policy would have done', async () => {
    const { code, out } = await tidegate(['replay', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ decisions: 2, findings: { count: 0 } });
    const policy = join(folder, 'policy.json');
    await writeFile(policy, JSON.stringify({ preset: 'meta-2026-10', overrides: { openers: ['image'] } }));
    const whatIf = await tidegate(['replay', '--policy', policy, '--account', 'acme', '--from', at(0)]);
    expect(whatIf.code).toBe(0);
    expect(whatIf.out).toContain('authorised → refused: window-closed');
    await writeFile(policy, JSON.stringify({ preset: 'meta-2026-10', overrides: { slots: -1 } }));
    const wrong = await tidegate(['replay', '--policy', policy]);
    expect(wrong.code).toBe(78);
    expect(wrong.err).toContain('overrides.slots');
  });

  test('an interrupted replay leaves a checkpoint, goes on from it, and removes it at the end', async () => {
    const checkpoint = join(folder, 'checkpoint');
    const interrupt = new AbortController();
    interrupt.abort();
    const terminal = { out: () => undefined, err: () => undefined, watched: false };
    const variables = { TIDEGATE_DATA: folder, TIDEGATE_IDENTITY_KEY: key };
    const words = ['replay', '--checkpoint', checkpoint];
    expect(await runCommand(words, { terminal, variables, signal: interrupt.signal }, '')).toBe(130);
    expect(await readFile(checkpoint, 'utf8')).toContain('"head"');
    expect((await tidegate(['replay', '--checkpoint', checkpoint, '--account', 'acme'])).code).toBe(78);
    expect((await tidegate(words)).code).toBe(0);
    expect(await readdir(folder)).not.toContain('checkpoint');
  });

  test('anchors the record and verifies it; a touched anchor is a finding', async () => {
    expect((await tidegate(['anchor'])).out).toContain('1 anchors added');
    const { code, out } = await tidegate(['verify', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ findings: [], ledgers: [{ account: 'acme', anchors: 1, unanchored: 0 }] });
    const file = join(folder, 'ledger/acme.jsonl');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"entries":4', '"entries":3'));
    const touched = await tidegate(['verify']);
    expect(touched.code).toBe(3);
    expect(touched.out).toContain('FINDINGS');
    expect((await tidegate(['anchor'])).code).toBe(3);
    await writeFile(file, text);
  });

  test('an evidence pack verifies on its own, and not once it was touched', async () => {
    const pack = join(folder, 'pack');
    const words = ['evidence', '--account', 'acme', '--customer', PHONE, '--out', pack];
    expect((await tidegate(words)).code).toBe(0);
    expect((await tidegate(words)).code).toBe(64);
    const verify = (...more: string[]) =>
      run(process.execPath, [join(pack, 'verify.mjs'), ...more]).then(
        ({ stdout }) => ({ code: 0, text: stdout }),
        (error: { code: number; stderr: string }) => ({ code: error.code, text: error.stderr }),
      );
    expect(await verify()).toEqual({ code: 0, text: expect.stringContaining('proven by 1 anchors') });
    expect(await readFile(join(pack, 'events.jsonl'), 'utf8')).not.toContain('secret words');
    const trusted = join(folder, 'ledger');
    await writeFile(join(trusted, 'anchors.jsonl'), await readFile(join(trusted, 'acme.jsonl')));
    expect((await verify(trusted)).code).toBe(0);
    for (const [name, from, to] of [
      ['events.jsonl', '"reason":"window-closed"', '"reason":"opted-out"'],
      ['events.jsonl', /.*"SendRefused".*\n/, ''],
      ['proof.json', /"digests":\["./, '"digests":["x'],
      ['anchors.jsonl', /"at":\d/, '"at":9'],
    ] as const) {
      const text = await readFile(join(pack, name), 'utf8');
      const touched = text.replace(from, to);
      expect(touched).not.toBe(text);
      await writeFile(join(pack, name), touched);
      expect([name, (await verify()).code]).toEqual([name, 3]);
      await writeFile(join(pack, name), text);
    }
    // Consistent in itself, and yet not what was anchored then.
    await writeFile(
      join(trusted, 'anchors.jsonl'),
      (await readFile(join(trusted, 'acme.jsonl'), 'utf8')).replace(/"hash":"./, '"hash":"x'),
    );
    expect((await verify(trusted)).text).toContain('not the trusted one');
    await rm(join(trusted, 'anchors.jsonl'));
    expect((await verify()).code).toBe(0);
    await tidegate(['evidence', '--account', 'acme', '--customer', PHONE, '--out', join(folder, 'all'), '--personal']);
    expect(await readFile(join(folder, 'all/events.jsonl'), 'utf8')).toContain('secret words');
  });

  test('copies a log to EventStoreDB and back, and compares', async () => {
    const server = await startFakeEventStoreDb();
    try {
      const source = `pglite:${join(folder, 'database')}`;
      const there = await tidegate(['copy', '--from', source, '--to', server.url, '--checkpoint', join(folder, 'cp')]);
      expect(there).toMatchObject({ code: 0, out: expect.stringContaining('All streams are the same.') });
      expect(await readdir(folder)).not.toContain('cp');
      const back = await tidegate(['copy', '--from', server.url, '--to', `pglite:${join(folder, 'back')}`, '--json']);
      expect(JSON.parse(back.out)).toMatchObject({ copied: 5, differingCount: 0, sameOrder: true });
      expect((await tidegate(['copy', '--from', source, '--to', source])).code).toBe(64);
      const wrong = await tidegate([
        'copy',
        '--from',
        server.url,
        '--to',
        `pglite:${join(folder, 'back')}`,
        '--no-verify',
      ]);
      expect(wrong.code).toBe(0);
      expect((await tidegate(['copy', '--from', `pglite:${join(folder, 'none')}`, '--to', server.url])).code).toBe(66);
    } finally {
      await server.stop();
    }
  });

  test('says who holds the data folder, and what to do', async () => {
    // Another process, since this one may open the folder twice.
    const holder = join(folder, 'database.lock', 'holder.json');
    const { pid } = process;
    await writeFile(holder, JSON.stringify({ pid: 1, host: 'elsewhere', space: '', startedAt: String(pid) }));
    const { code, err } = await tidegate(['verify']);
    await rm(holder);
    expect(code).toBe(75);
    expect(err).toContain('belongs to one process at a time');
  });

  test('completes its commands and options in each shell', async () => {
    const bash = (await tidegate(['completion', 'bash'])).out;
    expect(bash).toContain('replay) words="--from --to --account --policy');
    const script = `${bash}\nCOMP_WORDS=(tidegate ver); COMP_CWORD=1; _tidegate; echo "\${COMPREPLY[@]}"
COMP_WORDS=(tidegate copy --no); COMP_CWORD=2; _tidegate; echo "\${COMPREPLY[@]}"`;
    const { stdout } = await run('bash', ['-c', script]);
    expect(stdout).toBe('verify\n--no-verify\n');
    expect((await tidegate(['completion', 'fish'])).out).toContain('-a explain -d');
    expect((await tidegate(['completion', 'zsh'])).out).toContain('bashcompinit');
    expect((await tidegate(['completion', 'cmd'])).code).toBe(64);
  });

  test('a store that does not answer', async () => {
    const url = 'postgres://tidegate:secret@127.0.0.1:1/none';
    const { code, err } = await tidegate(['verify'], { TIDEGATE_DATABASE: url });
    expect(code).toBe(69);
    expect(err).not.toContain('secret');
  });
});
