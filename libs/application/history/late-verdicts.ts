import type { CustomerEvent, Decided } from '#domain/gate/events';
import { evolve } from '#domain/gate/evolve';
import { initialCustomer, type CustomerState } from '#domain/gate/state';
import { revisedBy, wasTrueAt } from '#domain/history/late';
import { type Known } from '#domain/history/rederive';
import { isDecided } from '#domain/gate/verdict';
import type { EventStore, RecordedEvent } from '../ports/event-store.js';
import { streamParts } from '../streams.js';
import { placeOf, type RevisedVerdict } from './replay-report.js';

/** What was known to a decision; undefined for one that is not to be judged. */
export type KnownTo = (account: string, customer: CustomerState, event: Decided) => Known | undefined;

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
    for (const events of await store.readStreams(group.map((stream) => ({ stream, fromRevision: 0 }))))
      yield* revisedIn(events, knownTo);
  }
}

function* revisedIn(events: readonly RecordedEvent[], knownTo: KnownTo): Generator<RevisedVerdict, void, void> {
  const account = streamParts(events[0]?.stream ?? '')?.account ?? '';
  let state = initialCustomer;
  for (const [index, recorded] of events.entries()) {
    const event = recorded.event as CustomerEvent;
    const known = isDecided(event) ? knownTo(account, state, event) : undefined;
    state = evolve(state, event);
    if (!isDecided(event) || known === undefined) continue;
    const late = events.slice(index + 1).filter(({ event: other }) => wasTrueAt(other as CustomerEvent, event.at));
    const revision = revisedBy(
      event,
      known,
      late.map(({ event: other }) => other as CustomerEvent),
    );
    if (revision !== undefined) yield { ...placeOf(event, recorded), ...revision, because: late.map(({ id }) => id) };
  }
}
