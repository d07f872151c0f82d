import type { Charge } from '#domain/history/charge';
import type { Difference } from '#domain/history/compare';
import type { Said } from '#domain/gate/events';
import { isDecided, type Verdict } from '#domain/gate/verdict';
import type { Instant } from '#domain/time';
import type { RecordedEvent } from '../ports/event-store.js';

/** Where a decision stands in the log. */
export interface DecisionPlace {
  readonly stream: string;
  readonly revision: number;
  readonly id: string;
  readonly intentId: string;
  readonly at: Instant;
}

/** A decision that the log does not lead to: the record, or the rules, were changed since. */
export interface Finding extends DecisionPlace {
  readonly differences: readonly Difference[];
}

/** A decision that would have been another one, had a fact not come late. */
export interface RevisedVerdict extends DecisionPlace {
  readonly said: Said;
  readonly withLateFacts: Said;
  /** Event ids of the late facts. */
  readonly because: readonly string[];
}

/** A decision that another policy changes. */
export interface ChangedVerdict extends DecisionPlace {
  readonly said: Said;
  readonly underPolicy: Said;
}

export interface Side {
  /** Decisions by `outcome: reason`. */
  readonly verdicts: { readonly [said: string]: number };
  /** Decisions by their predicted effect on the bill (rules §6). */
  readonly cost: { readonly [effect: string]: number };
  /** What the authorised messages would be billed as, if they are delivered. */
  readonly charges: { readonly [charge in Charge]?: number };
  /** Active users by account and month. */
  readonly activeUsers: { readonly [accountAndMonth: string]: number };
}

/** The lists hold the first of each kind; the counts count all. */
export interface ReplayReport {
  readonly from?: Instant | undefined;
  readonly to?: Instant | undefined;
  readonly account?: string | undefined;
  /** `name@version` of the policy of a what-if. */
  readonly policy?: string | undefined;
  readonly events: number;
  readonly customers: number;
  readonly decisions: number;
  readonly findings: { readonly count: number; readonly first: readonly Finding[] };
  readonly revised: { readonly count: number; readonly first: readonly RevisedVerdict[] };
  readonly recorded: Side;
  readonly whatIf?: WhatIf | undefined;
}

export interface WhatIf extends Side {
  /** Recorded decisions that would not have been asked for, as the intent was over by then. */
  readonly notAsked: number;
  readonly changed: {
    readonly count: number;
    /** By `was → would be`. */
    readonly by: { readonly [change: string]: number };
    readonly first: readonly ChangedVerdict[];
  };
}

/** How many entries of each kind a report lists. */
export const LISTED = 1_000;

export const placeOf = (event: Verdict, { stream, revision, id }: RecordedEvent): DecisionPlace => ({
  stream,
  revision,
  id,
  intentId: isDecided(event) ? event.intent.intentId : event.intentId,
  at: event.at,
});
