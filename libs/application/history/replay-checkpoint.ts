import { createHash } from 'node:crypto';
import type { AccountState } from '#domain/account';
import { canonical } from '#domain/history/compare';
import type { TemplateState } from '#domain/template';
import { InfrastructureError } from '../errors.js';
import type { Position } from '../ports/event-store.js';
import type { FoldedCustomer } from './log-fold.js';
import type { Replay, Replayed, ReplayRequest, Tally } from './replay.js';

// A checkpoint is a text of JSON lines, so that it is written and read in flat memory: the head, one line per account,
// template, count and customer, and at the end a digest, without which it is not whole.

const VERSION = 2;

type Line =
  | readonly ['head', { readonly version: number; readonly request: string; readonly tally: Tally }]
  | readonly ['account', string, AccountState[]]
  | readonly ['template', string, TemplateState[]]
  | readonly ['counted' | 'united', string, Position[]]
  | readonly ['customer', string, FoldedCustomer<Replayed>]
  | readonly ['end', string];

const kinds: ReadonlySet<unknown> = new Set<Line[0]>([
  'head',
  'account',
  'template',
  'counted',
  'united',
  'customer',
  'end',
]);

/** Looks at the tag only: the digest at the end tells that the rest is what was written. */
const isLine = (value: unknown): value is Line => Array.isArray(value) && kinds.has(value[0]);

/** The lines of a checkpoint, without line ends. */
export function* checkpointOf(replay: Replay, request: ReplayRequest): Generator<string, void, void> {
  const digest = createHash('sha256');
  const { tally, fold } = replay;
  const line = (content: Line): string => {
    const text = JSON.stringify(content);
    digest.update(text);
    return text;
  };
  yield line(['head', { version: VERSION, request: canonical(request), tally }]);
  for (const [account, states] of fold.accounts) yield line(['account', account, states]);
  for (const [template, states] of fold.templates) yield line(['template', template, states]);
  for (const [month, positions] of fold.counted) yield line(['counted', month, positions]);
  for (const [month, positions] of fold.united) yield line(['united', month, positions]);
  for (const [stream, customer] of fold.customers) yield line(['customer', stream, customer]);
  yield JSON.stringify(['end', digest.digest('hex')] satisfies Line);
}

const unusable = (what: string): InfrastructureError =>
  new InfrastructureError('config-invalid', `The checkpoint ${what}. Delete it to begin anew.`);

/** Puts a new replay where the checkpoint was taken. @throws InfrastructureError `config-invalid` when it cannot be used */
export const restore = async (replay: Replay, request: ReplayRequest, lines: AsyncIterable<string>): Promise<void> => {
  const digest = createHash('sha256');
  let isWhole = false;
  for await (const text of lines) {
    const content = parsed(text);
    if (content === undefined || isWhole) throw unusable('is damaged');
    if (content[0] === 'end') {
      isWhole = content[1] === digest.digest('hex');
      continue;
    }
    digest.update(text);
    take(replay, request, content);
  }
  if (!isWhole) throw unusable('is not whole');
};

const take = (replay: Replay, request: ReplayRequest, content: Exclude<Line, readonly ['end', string]>): void => {
  const { fold } = replay;
  switch (content[0]) {
    case 'head': {
      const [, { version, request: taken, tally }] = content;
      if (version !== VERSION) throw unusable('was taken by another version of Tidegate');
      if (taken !== canonical(request)) throw unusable('belongs to a replay with other options');
      replay.tally = tally;
      break;
    }
    case 'account':
      fold.accounts.set(content[1], content[2]);
      break;
    case 'template':
      fold.templates.set(content[1], content[2]);
      break;
    case 'counted':
    case 'united':
      fold[content[0]].set(content[1], content[2]);
      break;
    case 'customer':
      fold.customers.set(content[1], content[2]);
      break;
  }
};

const parsed = (text: string): Line | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return isLine(value) ? value : undefined;
  } catch {
    return undefined;
  }
};
