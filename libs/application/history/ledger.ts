import { createHash } from 'node:crypto';
import { canonical } from '#domain/history/compare';
import type { Instant } from '#domain/time';
import type { RecordedEvent } from '../ports/event-store.js';
import { streamParts } from '../streams.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Of a customer's stream: what was decided, what the customer agreed to, and who is one with whom. */
const ofCustomers: ReadonlySet<string> = new Set([
  'SendAuthorised',
  'SendRefused',
  'SendHeld',
  'SendExpired',
  'SendCancelled',
  'SendRevoked',
  'VerdictRevised',
  'CustomerOptedIn',
  'CustomerOptedOut',
  'CustomerLinked',
  'CustomerMerged',
  'NumberChanged',
]);

/** The account whose ledger the event belongs to: decisions, consents, and all that accounts and templates became. */
export const ledgerOf = ({ stream, event }: RecordedEvent): string | undefined => {
  const parts = streamParts(stream);
  if (parts === undefined || parts.category === 'mau') return undefined;
  return parts.category === 'customer' && !ofCustomers.has(event.type) ? undefined : parts.account;
};

/** What a ledger says of one event. Without what is personal, so that it holds when that is shredded (rules §12). */
export const entryDigest = ({
  stream,
  revision,
  id,
  event,
}: Pick<RecordedEvent, 'stream' | 'revision' | 'id' | 'event'>): string => {
  const { type } = event;
  const data = 'personal' in event ? { ...event, personal: undefined } : event;
  return sha256(canonical({ stream, revision, id, type, data }));
};

/** Each link covers all entries before it. Over digests, so that a proof for one customer shows nothing of others. */
export const linked = (previous: string, digest: string): string => sha256(`${previous}${digest}`);

export const genesis = (account: string): string => sha256(`tidegate ledger of ${account}`);

/** The entry that a link of the chain ends with. */
export interface EntryName {
  readonly stream: string;
  readonly revision: number;
  readonly id: string;
}

/** What is kept outside the store, to compare the store with. */
export interface Anchor {
  readonly account: string;
  /** 1 for the first of the account. */
  readonly number: number;
  /** How many entries the chain had. */
  readonly entries: number;
  readonly last: EntryName;
  /** The last link of the chain. */
  readonly head: string;
  readonly at: Instant;
  /** Hash of the anchor before; of the genesis for the first. */
  readonly previous: string;
  readonly hash: string;
}

export const anchorHash = (anchor: Anchor): string => sha256(canonical({ ...anchor, hash: undefined }));

export const nextAnchor = (
  account: string,
  before: Anchor | undefined,
  { entries, last, head, at }: Pick<Anchor, 'entries' | 'last' | 'head' | 'at'>,
): Anchor => {
  const number = (before?.number ?? 0) + 1;
  const anchor = { account, number, entries, last, head, at, previous: before?.hash ?? genesis(account), hash: '' };
  return { ...anchor, hash: anchorHash(anchor) };
};

/** Where anchors are kept: append-only, and best not where the store's owner alone can write. */
export abstract class Anchors {
  abstract accounts(): Promise<readonly string[]>;
  /** In their order; none for an account that was never anchored. @throws InfrastructureError `store-corrupt` */
  abstract read(account: string): Promise<readonly Anchor[]>;
  /** Durable when it resolves. */
  abstract append(account: string, anchors: readonly Anchor[]): Promise<void>;
}

/** A chain of one account as far as the log was read. */
export interface Chain {
  entries: number;
  head: string;
  last: EntryName | undefined;
}

export const emptyChain = (account: string): Chain => ({ entries: 0, head: genesis(account), last: undefined });

export const extend = (chain: Chain, { stream, revision, id }: EntryName, digest: string): void => {
  chain.entries += 1;
  chain.head = linked(chain.head, digest);
  chain.last = { stream, revision, id };
};
