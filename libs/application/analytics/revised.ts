import type { RevisedRow } from '../ports/analytics.js';
import type { Noted } from './noted.js';

/** What late facts say of decisions: of each the latest word. */
export const foldRevised = (noted: readonly Noted[]): readonly RevisedRow[] => {
  const rows = new Map<string, RevisedRow>();
  for (const { account, customer, event, position } of noted) {
    if (event.type !== 'VerdictRevised') continue;
    const { intentId, decision, decidedAt, sender, said, withLateFacts, because, fact, trueAt, at: recordedAt } = event;
    rows.set(`${account}/${decision}`, {
      account,
      customer,
      intentId,
      decision,
      decidedAt,
      sender,
      said,
      withLateFacts,
      because,
      fact,
      trueAt,
      recordedAt,
      position,
    });
  }
  return [...rows.values()];
};
