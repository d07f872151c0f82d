import { canonical } from '#domain/history/compare';
import { isVerdict } from '#domain/gate/verdict';
import { InfrastructureError } from '../errors.js';
import type { EventStore, RecordedEvent } from '../ports/event-store.js';
import type { CustomerKey } from '../ports/read-model.js';
import { accountStream, streamParts, templateStream } from '../streams.js';
import { Explain, type DecisionExplained } from './explain.js';
import { templatesOf } from './facts-relied.js';
import { entryDigest, genesis, ledgerOf, linked, type Anchor, type Anchors, type EntryName } from './ledger.js';
import { streamsOfPerson, type PersonStream } from './person.js';
import { readLog, type Advanced } from './read-log.js';

/** All entries of the ledger between two anchors, by their digests only: those of others show nothing. */
export interface Segment {
  /** The anchor that the segment ends with; undefined for what is not anchored yet. */
  readonly anchor?: number | undefined;
  /** The chain before and after it. */
  readonly start: string;
  readonly end: string;
  readonly digests: readonly string[];
}

/** Where an event of the pack stands in the ledger. */
export interface Inclusion extends EntryName {
  readonly segment: number;
  readonly place: number;
}

export interface Proof {
  readonly account: string;
  readonly customer: string;
  readonly genesis: string;
  readonly segments: readonly Segment[];
  readonly inclusions: readonly Inclusion[];
}

export interface EvidencePack {
  readonly events: readonly RecordedEvent[];
  /** Each decision explained, and derived again. */
  readonly decisions: readonly DecisionExplained[];
  readonly anchors: readonly Anchor[];
  readonly proof: Proof;
}

export interface EvidenceReading {
  readonly advanced?: Advanced | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Collects all that the log holds on one customer, with what it stood on and the proof that the ledger has it. */
export class CollectEvidence {
  constructor(
    private readonly store: EventStore,
    private readonly anchors: Anchors,
  ) {}

  /** @throws InfrastructureError `not-found`, `store-corrupt` when the ledger does not fit the anchors */
  async run({ account, customer }: CustomerKey, reading: EvidenceReading = {}): Promise<EvidencePack> {
    const streams = await this.#streams(account, customer);
    const own = streams.flatMap(({ events }) => events);
    const decided = own.flatMap(({ event }) => (isVerdict(event) ? templatesOf(event) : []));
    const templates = [...new Set(decided.map(({ name, language }) => templateStream(account, name, language)))];
    const around = await this.store.readStreams(
      [accountStream(account), ...templates].map((stream) => ({ stream, fromRevision: 0 })),
    );
    const events = [...around.flat(), ...own];
    const anchors = await this.anchors.read(account);
    return {
      events,
      decisions: await new Explain(this.store).ofPerson(account, streams),
      anchors,
      proof: await this.#proof({ account, customer }, events, anchors, reading),
    };
  }

  /** The customer's, under all aliases (rules §11). */
  async #streams(account: string, customer: string): Promise<readonly PersonStream[]> {
    const streams = await streamsOfPerson(this.store, { account, customer });
    if (streams.some(({ events }) => events.length > 0)) return streams;
    throw new InfrastructureError('not-found', `${account} has no such customer: the log holds nothing of it.`, {
      field: 'customer',
    });
  }

  async #proof(
    { account, customer }: CustomerKey,
    events: readonly RecordedEvent[],
    anchors: readonly Anchor[],
    { advanced, signal }: EvidenceReading,
  ): Promise<Proof> {
    const wanted = new Set(events.map(({ id }) => id));
    const segments: Segment[] = [];
    const inclusions: Inclusion[] = [];
    let start = genesis(account);
    let end = start;
    let digests: string[] = [];
    let held: Inclusion[] = [];
    let next = 0;
    let read = 0;
    const close = (anchor: number | undefined): void => {
      if (held.length > 0) {
        segments.push({ anchor, start, end, digests });
        inclusions.push(...held);
      }
      start = end;
      digests = [];
      held = [];
    };
    for await (const batch of readLog(this.store, {
      name: 'evidence',
      categories: ['customer', 'template', 'account'],
      signal,
    })) {
      for (const recorded of batch) {
        if (streamParts(recorded.stream)?.account !== account || ledgerOf(recorded) === undefined) continue;
        const { stream, revision, id } = recorded;
        const digest = entryDigest(recorded);
        if (wanted.has(id)) held.push({ stream, revision, id, segment: segments.length, place: digests.length });
        digests.push(digest);
        end = linked(end, digest);
        const anchor = anchors[next];
        if (anchor?.last.id !== id) continue;
        if (anchor.head !== end) throw unfit(account, anchor.number);
        close(anchor.number);
        next += 1;
      }
      read += batch.length;
      const recordedAt = batch.at(-1)?.recordedAt;
      if (recordedAt !== undefined) await advanced?.({ events: read, recordedAt });
    }
    signal?.throwIfAborted();
    const missing = anchors[next];
    if (missing !== undefined) throw unfit(account, missing.number);
    close(undefined);
    return { account, customer, genesis: genesis(account), segments, inclusions };
  }
}

const unfit = (account: string, anchor: number): InfrastructureError =>
  new InfrastructureError(
    'store-corrupt',
    `The log does not fit anchor ${anchor} of the ledger of ${account}. Run tidegate verify to see what was changed.`,
  );

/** An event as a line of the pack: what its digest covers, when it was recorded, and whether the ledger has it. */
export const evidenceLine = (recorded: RecordedEvent, withPersonal: boolean): string => {
  const { stream, revision, id, event, recordedAt } = recorded;
  const data = !withPersonal && 'personal' in event ? { ...event, personal: undefined } : event;
  const inLedger = ledgerOf(recorded) !== undefined;
  return canonical({ stream, revision, id, type: event.type, data, recordedAt, inLedger });
};
