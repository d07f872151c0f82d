import { allowanceAt, type AccountState } from '../account.js';
import type { Situation } from '../gate/context.js';
import { cancel, decide } from '../gate/decide.js';
import type { Decided, Said } from '../gate/events.js';
import { redecided } from '../gate/permit.js';
import { outcomes, type Cancelled, type Verdict } from '../gate/verdict.js';
import { openIntent, type CustomerState } from '../gate/state.js';
import type { TemplateState } from '../template.js';
import { differences, type Difference } from './compare.js';

export const saidBy = (verdict: Verdict): Said => {
  const outcome = outcomes[verdict.type];
  return verdict.type === 'SendRefused' || verdict.type === 'SendHeld'
    ? { outcome, reason: verdict.reason }
    : { outcome };
};

/** `refused: window-closed`. */
export const spokenVerdict = ({ outcome, reason }: Said): string =>
  reason === undefined ? outcome : `${outcome}: ${reason}`;

/** What was known to the gate when it decided, as the log tells it. */
export interface Known {
  /** The fold of the customer's stream up to the event before the decision. */
  readonly customer: CustomerState;
  /** At the revision that the decision names. */
  readonly account: AccountState;
  /** At the revision that the decision names. */
  readonly template: (name: string, language: string) => TemplateState | undefined;
  /** Active users counted up to the position that the decision names. */
  readonly users: number;
}

/** The situation that a recorded decision was taken in. */
export const situationOf = (recorded: Decided, { customer, account, template, users }: Known): Situation => ({
  now: recorded.at,
  customer,
  customerRevision: recorded.evidence.customerRevision,
  account,
  template,
  activeUsers: { users, position: recorded.evidence.mauPosition },
});

/** Decides a recorded intent again. The gate refuses for good after its second revocation: then so does this (rules §7). */
export const decideAgain = (recorded: Decided, situation: Situation): Decided => {
  const { intent, personal } = recorded;
  const open = openIntent(situation.customer, intent.intentId);
  return open !== undefined && open.revocations > 1
    ? redecided(open, true, situation)
    : decide(intent, personal, situation);
};

/**
 * In what a recorded verdict differs from the one that the rules give again: `a` as recorded, `b` as derived.
 * The rules are pure, so any difference means that the record or the rules were changed since.
 */
export const discrepancies = (recorded: Verdict, known: Known): readonly Difference[] =>
  recorded.type === 'SendCancelled'
    ? cancellationDiscrepancies(recorded, known)
    : differences(recorded, decideAgain(recorded, situationOf(recorded, known)));

const cancellationDiscrepancies = (recorded: Cancelled, { customer }: Known): readonly Difference[] => {
  const again = cancel(recorded.intentId, recorded.reason, undefined, { now: recorded.at, customer });
  return again.kind === 'cancelled'
    ? differences(recorded, again.events[0])
    : [{ field: 'type', a: recorded.type, b: again.kind }];
};

/** Whether the decision stood on all that the customer's stream held before it (rules §6, "exact"). */
export const isExact = (recorded: Decided, revision: number): boolean =>
  recorded.evidence.customerRevision === revision - 1;

/** A count of active users that has the cost effect which the decision states, for where counting the log costs too much. */
export const usersAsRecorded = (recorded: Decided, account: AccountState): number =>
  recorded.cost === 'over-allowance' ? (allowanceAt(account, recorded.at) ?? 0) : 0;
