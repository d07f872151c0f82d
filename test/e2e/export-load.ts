import { setTimeout as sleep } from 'node:timers/promises';
import { exportFile } from '#apps/cli/export/export-file';
import { encoderOf, exportFormats } from '#apps/cli/export/formats';

// A process that exports numbered rows, slowly enough to be killed on the way: export-load.js <file> <format> <pause in ms>

const [file = '', named = '', pauseMs = '0'] = process.argv.slice(2);
const format = exportFormats.find((one) => one === named) ?? 'csv';
const PAGES = 60;
const PER_PAGE = 200;

const { resumedAt } = await exportFile(
  file,
  {
    request: format,
    async *pages(after) {
      for (let page = after === undefined ? 0 : Number(after[0]) + 1; page < PAGES; page += 1) {
        await sleep(Number(pauseMs));
        yield {
          rows: Array.from({ length: PER_PAGE }, (_, row) => ({ number: page * PER_PAGE + row })),
          after: [page],
        };
      }
    },
    // A group is three pages.
    encoder: (from) =>
      encoderOf(format, [{ name: 'number', kind: 'count', isNullable: false }], 'test', 3 * PER_PAGE, from),
  },
  { signal: new AbortController().signal, saveEveryMs: 0 },
);
process.stdout.write(String(resumedAt));
