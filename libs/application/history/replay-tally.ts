import type { Position } from '../ports/event-store.js';
import type { ChangedVerdict, Finding } from './replay-report.js';

export type Counts = { [key: string]: number };
export const countUp = (counts: Counts, key: string): void => {
  counts[key] = (counts[key] ?? 0) + 1;
};

/** All that a replay has found so far; plain data, so that a checkpoint can hold it. */
export interface Tally {
  position: Position | undefined;
  events: number;
  /** Those that were not linked to another. */
  customers: number;
  decisions: number;
  notAsked: number;
  findings: { count: number; first: Finding[] };
  changed: { count: number; by: Counts; first: ChangedVerdict[] };
  recorded: { verdicts: Counts; cost: Counts; charges: Counts };
  whatIf: { verdicts: Counts; cost: Counts; charges: Counts; activeUsers: Counts };
}

export const initialTally = (): Tally => ({
  position: undefined,
  events: 0,
  customers: 0,
  decisions: 0,
  notAsked: 0,
  findings: { count: 0, first: [] },
  changed: { count: 0, by: {}, first: [] },
  recorded: { verdicts: {}, cost: {}, charges: {} },
  whatIf: { verdicts: {}, cost: {}, charges: {}, activeUsers: {} },
});
