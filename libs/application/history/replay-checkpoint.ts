import { createHash } from 'node:crypto';
import type { AccountState } from '#domain/account';
import { canonical } from '#domain/history/compare';
import type { TemplateState } from '#domain/template';
import { InfrastructureError } from '../errors.js';
import type { Position } from '../ports/event-store.js';
import type { FoldedCustomer } from './log-fold.js';
import type { Replay, Replayed, ReplayRequest } from './replay.js';
import type { Tally } from './replay-tally.js';

// A checkpoint is a text of JSON lines, so that it is written and read in flat memory: the head, one line per account,
// template, count and customer, and at the end a digest, without which it is not whole.

const VERSION = 3;

type Line =
  | readonly ['head', { readonly version: number; readonly request: string; readonly tally: Tally }]
  | readonly ['account', string, AccountState[]]
  | readonly ['template', string, TemplateState[]]
  | readonly ['counted' | 'united', string, Position[]]
  | readonly ['late', readonly string[]]
  | readonly ['customer', string, FoldedCustomer<Replayed>]
  | readonly ['end', string];

const kinds: ReadonlySet<unknown> = new Set<Line[0]>([
  'head',
  'account',
  'template',
  'counted',
  'united',
  'late',
  'customer',
  'end',
]);

/** Looks at the tag only: the digest at the end tells that the rest is what was written. */
const isLine = (value: unknown): value is Line => Array.isArray(value) && kinds.has(value[0]);

/** The lines of a checkpoint, without line ends. */
export async function* checkpointOf(replay: Replay, request: ReplayRequest): AsyncGenerator<string, void, void> {
  const digest = createHash('sha256');
  const { tally, fold } = replay;
  const digested = (text: string): string => {
    digest.update(text);
    return text;
  };
  const line = (content: Line): string => digested(JSON.stringify(content));
  yield line(['head', { version: VERSION, request: canonical(request), tally }]);
  for (const [account, states] of fold.accounts) yield line(['account', account, states]);
  for (const [template, states] of fold.templates) yield line(['template', template, states]);
  for (const [month, positions] of fold.counted) yield line(['counted', month, positions]);
  for (const [month, positions] of fold.united) yield line(['united', month, positions]);
  yield line(['late', [...replay.late]]);
  for await (const [stream, json] of replay.customers.all())
    yield digested(`["customer",${JSON.stringify(stream)},${json}]`);
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
    await take(replay, request, content);
  }
  if (!isWhole) throw unusable('is not whole');
};

const take = async (
  replay: Replay,
  request: ReplayRequest,
  content: Exclude<Line, readonly ['end', string]>,
): Promise<void> => {
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
    case 'late':
      for (const stream of content[1]) replay.late.add(stream);
      break;
    case 'customer':
      await replay.customers.restore(content[1], content[2]);
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
