import { createHash } from 'node:crypto';
import { canonical } from '#domain/history/compare';
import type { Instant } from '#domain/time';
import { appendSurely } from '../append-surely.js';
import { InfrastructureError } from '../errors.js';
import type { Category, EventStore, NewEvent, Position, RecordedEvent, StreamAppend } from '../ports/event-store.js';
import { emptyChain, entryDigest, extend, ledgerOf, type Chain } from './ledger.js';
import { readLog, type Advanced, type Progress } from './read-log.js';

const categories = ['customer', 'template', 'account', 'mau'] as const satisfies readonly Category[];

/** Two bytes per character of the type included, a batch of that many bytes stays below what a store takes at once. */
const APPEND_BYTES = 500_000;

export interface CopyOptions {
  /** Position in the source of the last event that the target has. */
  readonly after?: Position | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called when all events up to the position are in the target. */
  readonly advanced?: ((progress: Progress & { readonly position: Position }) => Promise<void>) | undefined;
  /** Sets the time that the target gives to what is appended next. Without it the target gives its own. */
  readonly recordAt?: ((at: Instant) => void) | undefined;
}

/**
 * Appends the events of one log to another store: the same ids, revisions and order. Running again continues: what is
 * there already counts as appended.
 * @throws InfrastructureError `store-corrupt` when the target holds something else
 */
export const copyLog = async (
  source: EventStore,
  target: EventStore,
  { after, signal, advanced, recordAt }: CopyOptions = {},
): Promise<number> => {
  let copied = 0;
  for await (const events of readLog(source, { name: 'copy', after, categories, batchSize: 1_000, signal })) {
    for (const { appends, recordedAt } of runsOf(events, recordAt !== undefined)) {
      recordAt?.(recordedAt);
      const outcomes = await appendSurely(target, appends);
      outcomes.forEach((outcome, index) => {
        if (outcome.kind === 'conflict') throw foreign(appends[index], outcome.actualRevision);
      });
    }
    copied += events.length;
    const last = events.at(-1);
    if (last !== undefined) await advanced?.({ events: copied, recordedAt: last.recordedAt, position: last.position });
  }
  return copied;
};

const foreign = (append: StreamAppend | undefined, actual: number): InfrastructureError =>
  new InfrastructureError(
    'store-corrupt',
    `The target's stream ${append?.stream} ends at revision ${actual} and not at ${append?.expectedRevision}, ` +
      'or holds other events. Copy into an empty store, or into one that an earlier run of this copy filled.',
  );

interface Run {
  readonly appends: readonly StreamAppend[];
  readonly recordedAt: Instant;
}

/** Cuts the events so that a stream comes once in a run: run after run then keeps the order of the whole log. */
function* runsOf(events: readonly RecordedEvent[], byTime: boolean): Generator<Run, void, void> {
  let appends: { stream: string; expectedRevision: number; events: NewEvent[]; bytes: number }[] = [];
  let streams = new Set<string>();
  let recordedAt: Instant | undefined;
  for (const recorded of events) {
    const { stream, revision, id, event, metadata } = recorded;
    const bytes = 2 * JSON.stringify(event).length + 2 * JSON.stringify(metadata).length;
    const last = appends.at(-1);
    const goesOn = last?.stream === stream && last.bytes + bytes <= APPEND_BYTES;
    const isOther = byTime && recordedAt !== recorded.recordedAt;
    if (recordedAt !== undefined && (isOther || (!goesOn && streams.has(stream)))) {
      yield { appends, recordedAt };
      appends = [];
      streams = new Set();
    }
    recordedAt = recorded.recordedAt;
    const current = appends.at(-1);
    if (current?.stream === stream) {
      current.events.push({ id, event, metadata });
      current.bytes += bytes;
    } else {
      appends.push({ stream, expectedRevision: revision - 1, events: [{ id, event, metadata }], bytes });
      streams.add(stream);
    }
  }
  if (recordedAt !== undefined) yield { appends, recordedAt };
}

export interface CopyVerification {
  readonly events: { readonly source: number; readonly target: number };
  readonly streams: number;
  /** Streams that are not the same in both, the first hundred. */
  readonly differing: readonly string[];
  readonly differingCount: number;
  /** The order across the streams of each account is the same too: anchors of the source hold for the target. */
  readonly sameOrder: boolean;
}

/** Reads both logs whole and compares ids, revisions, contents and metadata. */
export const compareLogs = async (
  source: EventStore,
  target: EventStore,
  signal?: AbortSignal,
  advanced?: Advanced,
): Promise<CopyVerification> => {
  const a = await summary(source, signal, advanced);
  const b = await summary(target, signal, (progress) =>
    advanced?.({ ...progress, events: a.events + progress.events }),
  );
  const differing = [...new Set([...a.streams.keys(), ...b.streams.keys()])].filter(
    (stream) => a.streams.get(stream) !== b.streams.get(stream),
  );
  const ledgers = new Set([...a.ledgers.keys(), ...b.ledgers.keys()]);
  return {
    events: { source: a.events, target: b.events },
    streams: a.streams.size,
    differing: differing.slice(0, 100),
    differingCount: differing.length,
    sameOrder: [...ledgers].every((account) => a.ledgers.get(account)?.head === b.ledgers.get(account)?.head),
  };
};

/** A hash over each stream's events, and the chain of each account's ledger. */
const summary = async (store: EventStore, signal?: AbortSignal, advanced?: Advanced) => {
  const streams = new Map<string, string>();
  const ledgers = new Map<string, Chain>();
  let events = 0;
  for await (const batch of readLog(store, { name: 'compare', categories, signal })) {
    for (const recorded of batch) {
      const { stream, revision, id, event, metadata } = recorded;
      const before = streams.get(stream) ?? '';
      const text = `${before}\n${revision}\n${id}\n${canonical(event)}\n${canonical(metadata)}`;
      streams.set(stream, createHash('sha256').update(text).digest('base64'));
      const account = ledgerOf(recorded);
      if (account === undefined) continue;
      const chain = ledgers.get(account) ?? emptyChain(account);
      extend(chain, recorded, entryDigest(recorded));
      ledgers.set(account, chain);
    }
    events += batch.length;
    const recordedAt = batch.at(-1)?.recordedAt;
    if (recordedAt !== undefined) await advanced?.({ events, recordedAt });
  }
  // Half a log is no log to compare.
  signal?.throwIfAborted();
  return { streams, ledgers, events };
};
