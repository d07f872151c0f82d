import type { CustomerEvent, Decided } from '../gate/events.js';
import { fold } from '../gate/evolve.js';
import type { Instant } from '../time.js';
import { decideAgain, saidBy, situationOf, type Known, type Said } from './rederive.js';

/** What the outside reports with a time of its own, and so can report too late to be decided on. */
export const isReported = (event: CustomerEvent): boolean =>
  event.type === 'CustomerMessageReceived' ||
  event.type === 'CustomerCallReceived' ||
  event.type === 'CustomerOptedIn' ||
  event.type === 'CustomerOptedOut';

/** Whether the fact was true when the decision was taken, to judge by its own time. */
export const wasTrueAt = (event: CustomerEvent, at: Instant): boolean => isReported(event) && event.at <= at;

/** What the verdict would have been, had the facts been known that were true but came too late. */
export interface Revision {
  readonly said: Said;
  readonly withLateFacts: Said;
}

/**
 * Judges a decision by event time: with the facts that were recorded after it although they had happened before it.
 * Undefined when they change nothing. Decisions stand (rules §3); this tells what lateness cost.
 * @param late facts recorded later in the same stream, each `wasTrueAt` the decision
 */
export const revisedBy = (recorded: Decided, known: Known, late: readonly CustomerEvent[]): Revision | undefined => {
  if (late.length === 0) return undefined;
  const customer = fold(late, known.customer);
  const said = saidBy(recorded);
  const withLateFacts = saidBy(decideAgain(recorded, situationOf(recorded, { ...known, customer })));
  return said.outcome === withLateFacts.outcome && said.reason === withLateFacts.reason
    ? undefined
    : { said, withLateFacts };
};
