import type { CustomerEvent, Decided } from '#domain/gate/events';
import { evolve } from '#domain/gate/evolve';
import { isDecided } from '#domain/gate/verdict';
import { initialCustomer, type CustomerState } from '#domain/gate/state';
import { revisionsOf, trueAt, wasTrueAt, type LateFact, type Revision } from '#domain/history/late';
import { saidBy, type Known } from '#domain/history/rederive';
import type { EventStore, RecordedEvent } from '../ports/event-store.js';
import { streamParts } from '../streams.js';
import { placeOf, type RevisedVerdict } from './replay-report.js';

/** What was known to a decision; undefined for one that is not to be judged. */
export type KnownTo = (account: string, customer: CustomerState, event: Decided) => Known | undefined;

/** A decision that facts which came late prove wrong, and how each of them changes what the rules say of it. */
export interface LateVerdict {
  readonly recorded: RecordedEvent;
  readonly event: Decided;
  readonly revisions: readonly [Revision<Late>, ...Revision<Late>[]];
}

/** What the log has behind a decision elsewhere than in its own stream, in the order of the log. */
export type LateElsewhere = (event: Decided, recorded: RecordedEvent) => readonly Late[];
export type Late = LateFact & Pick<RecordedEvent, 'position' | 'recordedAt'>;

export const lateFact = ({ id, position, recordedAt, event }: RecordedEvent): Late => ({
  kind: 'customer',
  id,
  position,
  recordedAt,
  event: event as CustomerEvent,
});

/** @param events of one stream, from its beginning */
export function* lateVerdicts(
  events: readonly RecordedEvent[],
  knownTo: KnownTo,
  elsewhere: LateElsewhere = () => [],
): Generator<LateVerdict, void, void> {
  const account = streamParts(events[0]?.stream ?? '')?.account ?? '';
  const reported = events.filter(({ event }) => trueAt(event as CustomerEvent) !== undefined);
  let state = initialCustomer;
  for (const recorded of events) {
    const event = recorded.event as CustomerEvent;
    const before = state;
    state = evolve(state, event);
    if (!isDecided(event)) continue;
    const own = reported.filter(
      (other) => other.revision > recorded.revision && wasTrueAt(other.event as CustomerEvent, event.at),
    );
    const late = [...own.map(lateFact), ...elsewhere(event, recorded)];
    if (late.length === 0) continue;
    const known = knownTo(account, before, event);
    if (known === undefined) continue;
    const inOrder = late.sort((a, b) => a.position - b.position);
    const [first, ...others] = revisionsOf(event, known, inOrder);
    if (first !== undefined) yield { recorded, event, revisions: [first, ...others] };
  }
}

const STREAMS_AT_ONCE = 200;

/**
 * The verdicts that late facts prove wrong (rules §3: the decisions stand, this tells what lateness cost). Few streams
 * have any, and those are read again, whole: so nothing has to be kept of decisions that a fact may still be late for.
 */
export async function* revisedVerdicts(
  store: EventStore,
  streams: readonly string[],
  knownTo: KnownTo,
): AsyncGenerator<RevisedVerdict, void, void> {
  for (let from = 0; from < streams.length; from += STREAMS_AT_ONCE) {
    const group = streams.slice(from, from + STREAMS_AT_ONCE);
    for (const events of await store.readStreams(group.map((stream) => ({ stream, fromRevision: 0 })))) {
      for (const { recorded, event, revisions } of lateVerdicts(events, knownTo)) {
        const said = saidBy(event);
        const { withLateFacts } = revisions.at(-1) ?? revisions[0];
        // What one late fact proved wrong, another may have put right.
        if (said.outcome === withLateFacts.outcome && said.reason === withLateFacts.reason) continue;
        const because = revisions.map((revision) => revision.because.id);
        yield { ...placeOf(event, recorded), said, withLateFacts, because };
      }
    }
  }
}
