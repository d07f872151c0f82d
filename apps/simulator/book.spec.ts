import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { transformFile } from '@swc/core';
import { Book, type Entry } from './book.js';

describe('the book of the simulator', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'book-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = (): Entry[] => {
    const entries: Entry[] = [];
    new Book(join(folder, 'new', 'book.jsonl'), (entry) => entries.push(entry)).close();
    return entries;
  };
  const acked = (id: string): Entry => ({ kind: 'acked', ids: [id], at: 1 });

  test('hands over what it had, then what is appended, in order', () => {
    const entered: Entry[] = [];
    const first = new Book(join(folder, 'new', 'book.jsonl'), (entry) => entered.push(entry));
    first.append(acked('é'), acked('b'));
    first.append();
    first.close();
    expect(entered).toEqual([acked('é'), acked('b')]);
    expect(read()).toEqual(entered);
  });

  test('passes over a half line, but keeps what was written after it', () => {
    read();
    appendFileSync(join(folder, 'new', 'book.jsonl'), `${JSON.stringify(acked('a'))}\n{"kind":"acked","ids":["ha`);
    const entries: Entry[] = [];
    const book = new Book(join(folder, 'new', 'book.jsonl'), (entry) => entries.push(entry));
    book.append(acked('b'));
    book.close();
    expect(read()).toEqual([acked('a'), acked('b')]);
    expect(readFileSync(join(folder, 'new', 'book.jsonl'), 'utf8')).toContain('"ha\n');
  });

  test('has after a kill all that it had said to have', async () => {
    const { code } = await transformFile(new URL('book.ts', import.meta.url).pathname, { module: { type: 'es6' } });
    writeFileSync(join(folder, 'book.mjs'), code);
    writeFileSync(
      join(folder, 'writer.mjs'),
      `import { Book } from './book.mjs';
       const book = new Book(process.argv[2], () => undefined);
       for (let n = 0; ; n += 1) {
         book.append({ kind: 'acked', ids: [String(n)], at: 1 });
         process.stdout.write(n + '\\n');
         if (n % 50 === 0) await new Promise(setImmediate);
       }`,
    );
    const writer = spawn(process.execPath, [join(folder, 'writer.mjs'), join(folder, 'new', 'book.jsonl')], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {},
    });
    let said = -1;
    for await (const line of createInterface({ input: writer.stdout })) {
      said = Number(line);
      if (said === 500) writer.kill('SIGKILL');
    }
    if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit');
    expect(writer.signalCode).toBe('SIGKILL');
    const ids = read().flatMap((entry) => (entry.kind === 'acked' ? entry.ids : []));
    expect(said).toBeGreaterThanOrEqual(500);
    expect(ids.slice(0, said + 1)).toEqual(Array.from({ length: said + 1 }, (_, n) => String(n)));
  });
});
