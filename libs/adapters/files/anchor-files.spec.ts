import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { genesis, nextAnchor, type Anchor } from '#application/history/ledger';
import { instantOf } from '#domain/time';
import { AnchorFiles } from './anchor-files.js';

const next = (before: Anchor | undefined, entries: number): Anchor =>
  nextAnchor('acme', before, {
    entries,
    head: genesis(`head ${entries}`),
    last: { stream: 'account-acme', revision: entries, id: `id-${entries}` },
    at: instantOf(entries),
  });

describe('anchors in files', () => {
  let folder: string;
  let anchors: AnchorFiles;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-anchors-'));
    anchors = new AnchorFiles(join(folder, 'ledger'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('are appended, one line each, and read back', async () => {
    const first = next(undefined, 1);
    const second = next(first, 2);
    expect(await anchors.accounts()).toEqual([]);
    expect(await anchors.read('acme')).toEqual([]);
    await anchors.append('acme', [first]);
    await anchors.append('acme', [second]);
    expect(await anchors.read('acme')).toEqual([first, second]);
    expect(await anchors.accounts()).toEqual(['acme']);
    expect((await readFile(join(folder, 'ledger/acme.jsonl'), 'utf8')).split('\n')).toHaveLength(3);
  });

  test('of two runs that began together, the second adds nothing', async () => {
    const first = next(undefined, 1);
    await anchors.append('acme', [first]);
    await expect(anchors.append('acme', [next(undefined, 2)])).rejects.toMatchObject({ code: 'checkpoint-taken' });
    const [won, lost] = await Promise.allSettled([
      anchors.append('acme', [next(first, 2)]),
      new AnchorFiles(join(folder, 'ledger')).append('acme', [next(first, 3)]),
    ]);
    expect([won.status, lost.status].sort()).toEqual(['fulfilled', 'rejected']);
    expect(await anchors.read('acme')).toHaveLength(2);
  });

  test('a run that died leaves its lock, and the error says what to delete', async () => {
    await anchors.append('acme', [next(undefined, 1)]);
    await writeFile(join(folder, 'ledger/acme.jsonl.lock'), '');
    await expect(anchors.append('acme', [])).rejects.toThrow(/acme\.jsonl\.lock/);
  });

  test('a line that is no anchor is named', async () => {
    await anchors.append('acme', [next(undefined, 1)]);
    await appendFile(join(folder, 'ledger/acme.jsonl'), '{"account":"acme"');
    await expect(anchors.read('acme')).rejects.toThrow(/Line 2/);
    await writeFile(join(folder, 'ledger/acme.jsonl'), '{"account":"acme","number":1}\n');
    await expect(anchors.read('acme')).rejects.toMatchObject({ code: 'store-corrupt' });
  });
});
