import type { Clock } from '../ports/clock.js';
import type { EventStore, RecordedEvent } from '../ports/event-store.js';
import {
  anchorHash,
  emptyChain,
  entryDigest,
  extend,
  genesis,
  ledgerOf,
  nextAnchor,
  type Anchor,
  type Anchors,
  type Chain,
  type EntryName,
} from './ledger.js';
import { readLog, type Advanced } from './read-log.js';
import { streamParts } from '../streams.js';

/** What does not fit between the log and its anchors. */
export type Tampering =
  /** Events are missing between two of a stream, or come in another order than their revisions. */
  | {
      readonly kind: 'gap' | 'out-of-order';
      readonly account: string;
      readonly stream: string;
      readonly expected: number;
      readonly found: number;
    }
  /** Between two anchors the log is not what it was: something was changed, left out, added or put into another order. */
  | {
      readonly kind: 'changed';
      readonly account: string;
      /** Number of the anchor that does not fit; all before it do, unless they are findings too. */
      readonly anchor: number;
      readonly after: EntryName | undefined;
      readonly upTo: EntryName;
      readonly entriesExpected: number;
      readonly entriesFound: number;
    }
  /** The entry that an anchor ends with is no more in the log. */
  | { readonly kind: 'missing'; readonly account: string; readonly anchor: number; readonly entry: EntryName }
  /** The anchors themselves were changed. */
  | { readonly kind: 'anchors'; readonly account: string; readonly anchor: number };

export interface LedgerState {
  readonly account: string;
  readonly entries: number;
  readonly anchors: number;
  /** Entries that no anchor covers yet. */
  readonly unanchored: number;
  readonly head: string;
}

export interface Verification {
  readonly events: number;
  readonly ledgers: readonly LedgerState[];
  /** The first thousand: in a log that is broken throughout every event would be one. */
  readonly findings: readonly Tampering[];
  readonly unlisted: number;
}

/** So that a finding names few entries, and a proof needs few. */
const ENTRIES_PER_ANCHOR = 1_000;
/** How many findings are told one by one. */
const LISTED = 1_000;

const categories = ['customer', 'template', 'account'] as const;

const sameEntry = (a: EntryName, b: EntryName): boolean =>
  a.id === b.id && a.stream === b.stream && a.revision === b.revision;

/** Follows one account's chain along its anchors. */
class AnchoredChain {
  readonly chain: Chain;
  readonly #ends: ReadonlyMap<string, number>;
  /** What the next anchors would say, once those that there are have been passed. */
  readonly due: Pick<Anchor, 'entries' | 'last' | 'head'>[] = [];
  /** How many anchors are behind. */
  #passed = 0;
  #entriesThen = 0;

  constructor(
    private readonly account: string,
    readonly anchors: readonly Anchor[],
    private readonly found: (tampering: Tampering) => void,
  ) {
    this.chain = emptyChain(account);
    this.#ends = new Map(anchors.map(({ last }, index) => [last.id, index]));
  }

  get unanchored(): number {
    return this.chain.entries - this.#entriesThen;
  }

  take(recorded: RecordedEvent): void {
    extend(this.chain, recorded, entryDigest(recorded));
    const index = this.#ends.get(recorded.id);
    const anchor = index === undefined ? undefined : this.anchors[index];
    if (index !== undefined && anchor !== undefined && index >= this.#passed && sameEntry(anchor.last, recorded))
      this.#pass(index, anchor);
    else if (this.#passed === this.anchors.length && this.#sinceDue() === ENTRIES_PER_ANCHOR) this.#beDue();
  }

  /** The log has ended. */
  end(): void {
    if (this.#passed === this.anchors.length && this.#sinceDue() > 0) this.#beDue();
    for (const { account, number: anchor, last: entry } of this.anchors.slice(this.#passed))
      this.found({ kind: 'missing', account, anchor, entry });
  }

  #sinceDue(): number {
    return this.chain.entries - (this.due.at(-1)?.entries ?? this.#entriesThen);
  }

  #beDue(): void {
    const { entries, head, last } = this.chain;
    if (last !== undefined) this.due.push({ entries, head, last });
  }

  #pass(index: number, anchor: Anchor): void {
    const { account, chain } = this;
    for (const { number, last: entry } of this.anchors.slice(this.#passed, index))
      this.found({ kind: 'missing', account, anchor: number, entry });
    const before = this.anchors[index - 1];
    const entriesFound = chain.entries - this.#entriesThen;
    const entriesExpected = anchor.entries - (this.anchors[this.#passed - 1]?.entries ?? 0);
    if (chain.head !== anchor.head) {
      const { number, last: upTo } = anchor;
      this.found({
        kind: 'changed',
        account,
        anchor: number,
        after: before?.last,
        upTo,
        entriesExpected,
        entriesFound,
      });
      // Goes on from what was anchored, so that what comes after is judged by itself.
      chain.head = anchor.head;
    }
    this.#passed = index + 1;
    this.#entriesThen = chain.entries;
  }
}

/** The anchors before the first that does not follow from the one before it; the rest proves nothing. */
const sound = (
  account: string,
  anchors: readonly Anchor[],
  found: (tampering: Tampering) => void,
): readonly Anchor[] => {
  let previous = genesis(account);
  for (const [index, anchor] of anchors.entries()) {
    const isNext = anchor.account === account && anchor.number === index + 1 && anchor.previous === previous;
    if (!isNext || anchorHash(anchor) !== anchor.hash) {
      found({ kind: 'anchors', account, anchor: index + 1 });
      return anchors.slice(0, index);
    }
    previous = anchor.hash;
  }
  return anchors;
};

export interface VerifyOptions {
  readonly account?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly advanced?: Advanced | undefined;
}

/** Compares the log with the anchors of its ledgers, and anchors what came since. */
export class VerifyLedger {
  constructor(
    private readonly store: EventStore,
    private readonly anchors: Anchors,
  ) {}

  async run(options: VerifyOptions = {}): Promise<Verification> {
    return (await this.#walk(options)).verification;
  }

  /**
   * Adds anchors for what came since the last ones; none where the log does not fit those that there are.
   * @returns what stands against it, and how many anchors were added
   */
  async anchor(clock: Clock, options: VerifyOptions = {}): Promise<Verification & { readonly added: number }> {
    const { verification, chains } = await this.#walk(options);
    if (verification.findings.length > 0) return { ...verification, added: 0 };
    let added = 0;
    for (const [account, { due, anchors }] of chains) {
      let last = anchors.at(-1);
      const next = due.map((link) => (last = nextAnchor(account, last, { ...link, at: clock.now() })));
      if (next.length > 0) await this.anchors.append(account, next);
      added += next.length;
    }
    return { ...verification, added };
  }

  async #walk({ account: only, signal, advanced }: VerifyOptions) {
    const findings: Tampering[] = [];
    let unlisted = 0;
    const found = (tampering: Tampering): void => {
      if (findings.length < LISTED) findings.push(tampering);
      else unlisted += 1;
    };
    const chains = new Map<string, AnchoredChain>();
    for (const account of await this.anchors.accounts()) {
      if (only !== undefined && only !== account) continue;
      chains.set(account, new AnchoredChain(account, sound(account, await this.anchors.read(account), found), found));
    }
    const chainOf = (account: string): AnchoredChain => {
      const known = chains.get(account) ?? new AnchoredChain(account, [], found);
      chains.set(account, known);
      return known;
    };
    const revisions = new Map<string, number>();
    let events = 0;
    for await (const batch of readLog(this.store, { name: 'verify', categories, signal })) {
      for (const recorded of batch) {
        const { stream, revision } = recorded;
        const account = streamParts(stream)?.account;
        if (account === undefined || (only !== undefined && account !== only)) continue;
        const expected = (revisions.get(stream) ?? -1) + 1;
        if (revision !== expected)
          found({ kind: revision > expected ? 'gap' : 'out-of-order', account, stream, expected, found: revision });
        revisions.set(stream, revision);
        if (ledgerOf(recorded) !== undefined) chainOf(account).take(recorded);
      }
      events += batch.length;
      const recordedAt = batch.at(-1)?.recordedAt;
      if (recordedAt !== undefined) await advanced?.({ events, recordedAt });
    }
    // An interrupted walk has not met the later anchors: it says nothing of them.
    signal?.throwIfAborted();
    for (const chain of chains.values()) chain.end();
    const ledgers = [...chains].map(([account, { chain, anchors, unanchored }]) => ({
      account,
      entries: chain.entries,
      anchors: anchors.length,
      unanchored,
      head: chain.head,
    }));
    return { verification: { events, ledgers, findings, unlisted }, chains };
  }
}
