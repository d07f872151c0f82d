import type { CustomerEvent, Decided, Said } from '../gate/events.js';
import { evolve } from '../gate/evolve.js';
import type { CustomerState } from '../gate/state.js';
import { evolveTemplate, initialTemplate, type TemplateEvent, type TemplateState } from '../template.js';
import type { Instant } from '../time.js';
import { decideAgain, saidBy, situationOf, type Known } from './rederive.js';

// Verdicts by event time (ADR 0025): what the rules would have said, had the facts been known that were true already.

/**
 * When it was true, of what the outside reports with a time of its own, and so can report too late to be decided on.
 * Undefined for what the gate itself did, and for links: those join histories, and say nothing of an instant.
 */
export const trueAt = (event: CustomerEvent): Instant | undefined => {
  switch (event.type) {
    case 'CustomerMessageReceived':
    case 'CustomerCallReceived':
    case 'CustomerOptedIn':
    case 'CustomerOptedOut':
    case 'RecipientCooledDown':
    case 'SendFailed':
    case 'MessageDelivered':
    case 'MessageRead':
      return event.at;
    case 'WindowCorrected':
      // When the provider saw it closed, not when it said so.
      return event.startedAt;
    default:
      return undefined;
  }
};

/** Whether the fact was true when the decision was taken, to judge by its own time. */
export const wasTrueAt = (event: CustomerEvent, at: Instant): boolean => {
  const since = trueAt(event);
  return since !== undefined && since <= at;
};

/** Whether the customer had a decision that the event was already true at: only then can it prove one wrong. */
export const isLate = ({ decidedAt }: CustomerState, event: CustomerEvent): boolean =>
  decidedAt !== undefined && wasTrueAt(event, decidedAt);

/** Something that was true when a decision was taken, and that the log has only after it. */
export type LateFact =
  | { readonly kind: 'customer'; readonly id: string; readonly event: CustomerEvent }
  | {
      readonly kind: 'template';
      readonly id: string;
      readonly event: TemplateEvent;
      readonly name: string;
      readonly language: string;
    };

/** One fact changes what the rules say of a decision. */
export interface Revision<Fact extends LateFact = LateFact> {
  readonly because: Fact;
  /** Before the fact was known. */
  readonly was: Said;
  readonly withLateFacts: Said;
}

const isSame = (a: Said, b: Said): boolean => a.outcome === b.outcome && a.reason === b.reason;

/** What becomes of the intent's own message is no reason for or against it: where it is one, the gate decides again itself. */
const isOfItself = ({ intent: { intentId } }: Decided, { event }: LateFact): boolean =>
  'intentId' in event && event.intentId === intentId;

/**
 * Judges a decision by event time, fact by fact: those that were recorded after it although they were true before it.
 * One entry for each fact that changes what the rules say. Decisions stand (rules §3); this tells what lateness cost.
 * @param late in the order of the log, each true when the decision was taken
 */
export const revisionsOf = <Fact extends LateFact>(
  recorded: Decided,
  known: Known,
  late: readonly Fact[],
): readonly Revision<Fact>[] => {
  let { customer } = known;
  let was = saidBy(recorded);
  const templates = new Map<string, TemplateState>();
  const template = (name: string, language: string): TemplateState | undefined =>
    templates.get(`${name}/${language}`) ?? known.template(name, language);
  const revisions: Revision<Fact>[] = [];
  for (const because of late) {
    if (isOfItself(recorded, because)) continue;
    if (because.kind === 'customer') {
      customer = evolve(customer, because.event);
    } else {
      const { name, language, event } = because;
      const before = template(name, language) ?? initialTemplate(name, language);
      templates.set(`${name}/${language}`, evolveTemplate(before, event));
    }
    const situation = situationOf(recorded, { ...known, customer, template });
    const withLateFacts = saidBy(decideAgain(recorded, situation));
    if (isSame(was, withLateFacts)) continue;
    revisions.push({ because, was, withLateFacts });
    was = withLateFacts;
  }
  return revisions;
};
