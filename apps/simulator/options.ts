import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { categories, templateStatuses, type Category, type TemplateStatus } from './book.js';
import { Fields } from './fields.js';

export interface SimulatedTemplate {
  readonly name: string;
  readonly language: string;
  readonly category: Category;
  readonly status?: TemplateStatus | undefined;
}

/** How one account is known to the providers; each part as the account's own settings have it. */
export interface SimulatedAccount {
  readonly sinch?: {
    readonly projectId: string;
    readonly keyId: string;
    readonly keySecret: string;
    readonly webhookSecret: string;
    /** App id by sender. */
    readonly apps: { readonly [sender: string]: string };
  };
  readonly meta?: {
    readonly accessToken: string;
    readonly appSecret: string;
    readonly phoneNumberIds: { readonly [sender: string]: string };
  };
  readonly templates?: readonly SimulatedTemplate[];
}

export interface SimulatorOptions {
  readonly accounts: { readonly [account: string]: SimulatedAccount };
  /** The file of the platform's memory. */
  readonly book: string;
  /** The same seed does the same to the same messages. */
  readonly seed: number;
  /** Webhooks go to `<url>/<provider>/<account>`; unset: none are sent. */
  readonly webhooks?: string | undefined;
  /** Share of the attempts that get no answer; half of them are taken all the same. */
  readonly silenceRate: number;
  /** Milliseconds until the connection of an attempt without an answer is reset. */
  readonly silenceMs: number;
  /** Share of the attempts that fail definitely and may be repeated. */
  readonly failureRate: number;
  /** Share of the delivered messages that are read. */
  readonly readRate: number;
  /** Milliseconds between two reports on one message. */
  readonly reportEveryMs: number;
  /** Share of the updates that come twice, and of those that come late. */
  readonly duplicateRate: number;
  readonly lateRate: number;
  readonly lateMs: number;
  /** Updates are put out of order by up to so many milliseconds. */
  readonly shuffleMs: number;
  /** Most updates in one webhook of Meta, at most 1,000. */
  readonly batch: number;
  /** Milliseconds that the gate has for acting on what it was told. */
  readonly graceMs: number;
  /** Texts that opt out; compared without case and surrounding space. */
  readonly stopWords: readonly string[];
}

export const calm: Omit<SimulatorOptions, 'accounts' | 'book'> = {
  seed: 1,
  silenceRate: 0,
  silenceMs: 0,
  failureRate: 0,
  readRate: 0.5,
  reportEveryMs: 100,
  duplicateRate: 0,
  lateRate: 0,
  lateMs: 2_000,
  shuffleMs: 0,
  batch: 100,
  graceMs: 2_000,
  stopWords: ['stop', 'unsubscribe', 'stopp', 'arrêt', 'baja', 'parar'],
};

const numbers = {
  port: 8090,
  seed: calm.seed,
  'silence-rate': calm.silenceRate,
  'silence-ms': calm.silenceMs,
  'failure-rate': calm.failureRate,
  'read-rate': calm.readRate,
  'report-every-ms': calm.reportEveryMs,
  'duplicate-rate': calm.duplicateRate,
  'late-rate': calm.lateRate,
  'late-ms': calm.lateMs,
  'shuffle-ms': calm.shuffleMs,
  batch: calm.batch,
  'grace-ms': calm.graceMs,
} as const;
type NumberOption = keyof typeof numbers;

export const usage = [
  'Usage: simulator --accounts=accounts.json [--webhooks=http://127.0.0.1:8081/webhooks] [--book=data/simulator.jsonl]',
  ...Object.entries(numbers).map(([name, value]) => `  [--${name}=${value}]`),
].join('\n');

/** @throws Error that names the field and the remedy */
export const accountsOf = (json: unknown): SimulatorOptions['accounts'] => {
  const entries = new Fields(json).entries();
  if (entries.length === 0) throw new Error('accounts: give an object with one entry per account');
  return Object.fromEntries(entries.map(([account, fields]) => [account, accountOf(fields)]));
};

const accountOf = (fields: Fields): SimulatedAccount => {
  const [sinch, meta] = [fields.part('sinch'), fields.part('meta')];
  return {
    ...(sinch === undefined
      ? {}
      : {
          sinch: {
            projectId: sinch.needed('projectId'),
            keyId: sinch.needed('keyId'),
            keySecret: sinch.needed('keySecret'),
            webhookSecret: sinch.needed('webhookSecret'),
            apps: sinch.texts('apps'),
          },
        }),
    ...(meta === undefined
      ? {}
      : {
          meta: {
            accessToken: meta.needed('accessToken'),
            appSecret: meta.needed('appSecret'),
            phoneNumberIds: meta.texts('phoneNumberIds'),
          },
        }),
    templates: (fields.part('templates')?.entries() ?? []).map(([, template]) => ({
      name: template.needed('name'),
      language: template.needed('language'),
      category: template.oneOf('category', categories),
      status: template.oneOf('status', templateStatuses, 'APPROVED'),
    })),
  };
};

/** @throws Error that names the option and the remedy */
const accountsIn = (path: string): SimulatorOptions['accounts'] => {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new Error(`--accounts: name a file that can be read, not ${path}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error(`--accounts: ${path} is not JSON`);
  }
  return accountsOf(json);
};

/** @throws Error that names the option and the remedy */
export const optionsOf = (args: readonly string[]): SimulatorOptions & { readonly port: number } => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      accounts: { type: 'string' },
      webhooks: { type: 'string' },
      book: { type: 'string', default: 'data/simulator.jsonl' },
      ...Object.fromEntries(Object.keys(numbers).map((name) => [name, { type: 'string' } as const])),
    },
  });
  const given: { readonly [name: string]: unknown } = values;
  const number = (name: NumberOption): number => {
    const value = given[name] === undefined ? numbers[name] : Number(given[name]);
    const isRate = name.endsWith('-rate');
    if (!Number.isFinite(value) || value < 0 || (isRate && value > 1) || (!isRate && !Number.isInteger(value)))
      throw new Error(`--${name}: use ${isRate ? 'a share from 0 to 1' : 'a whole number'}`);
    return value;
  };
  if (values.accounts === undefined) throw new Error(`--accounts: name the JSON file of the accounts\n${usage}`);
  return {
    accounts: accountsIn(values.accounts),
    book: values.book,
    webhooks: values.webhooks,
    port: number('port'),
    seed: number('seed'),
    silenceRate: number('silence-rate'),
    silenceMs: number('silence-ms'),
    failureRate: number('failure-rate'),
    readRate: number('read-rate'),
    reportEveryMs: number('report-every-ms'),
    duplicateRate: number('duplicate-rate'),
    lateRate: number('late-rate'),
    lateMs: number('late-ms'),
    shuffleMs: number('shuffle-ms'),
    batch: Math.min(1_000, Math.max(1, number('batch'))),
    graceMs: number('grace-ms'),
    stopWords: calm.stopWords,
  };
};
