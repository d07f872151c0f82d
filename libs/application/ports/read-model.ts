import type { AccountState } from '#domain/account';
import type { CustomerState, OpenIntent } from '#domain/gate/state';
import type { TemplateState } from '#domain/template';
import type { Instant } from '#domain/time';
import type { Position } from './event-store.js';

export interface CustomerKey {
  readonly account: string;
  readonly customer: string;
}

export interface IntentKey extends CustomerKey {
  readonly intentId: string;
}

export interface CustomerRow extends CustomerKey {
  /** The fold of the customer's stream up to and including this revision. */
  readonly revision: number;
  readonly state: CustomerState;
}

/** The standing decision on an intent and what became of it. */
export interface DecisionRow extends IntentKey {
  readonly fingerprint: string;
  /** The latest decision: `authorised`, `refused`, `held`, `expired`, `cancelled`. */
  readonly outcome: DecisionOutcome;
  readonly reason: string | null;
  /** What happened after an authorisation. */
  readonly delivery: DeliveryState | null;
  readonly commandId: string | null;
  readonly providerMessageId: string | null;
  readonly sender: string;
  readonly decidedAt: Instant;
  /** Revision in the customer's stream, and position in the log, of the latest decision's event. */
  readonly revision: number;
  readonly position: Position;
  /** Where the decision's event is, with its reasons: whose stream, which keeps it after a takeover too, and its revision there. */
  readonly decidedIn: string;
  readonly decidedAs: number;
}

export const decisionOutcomes = ['authorised', 'refused', 'held', 'expired', 'cancelled'] as const;
export type DecisionOutcome = (typeof decisionOutcomes)[number];
export const deliveryStates = [
  'pending',
  'started',
  'accepted',
  'outcome-unknown',
  'failed',
  'revoked',
  'delivered',
  'read',
] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** An intent of a customer that can still change. */
export interface OpenIntentRow extends IntentKey {
  readonly open: OpenIntent;
  /** When to look at it; an instant in the past means at once, null that only an event changes it. */
  readonly wakeAt: Instant | null;
}

/** An intent that needs attention: a hold to release, a permit to use or to let lapse, an attempt to give up on. */
export interface WakeRow extends IntentKey {
  readonly status: Exclude<OpenIntent['status'], 'outcome-unknown'>;
  readonly wakeAt: Instant;
}

/** A counted user of a month, with the first fact that counted (rules §9). */
export interface MauRow extends CustomerKey {
  readonly month: string;
  readonly firstAt: Instant;
  readonly firstEventId: string;
}

/** A customer whose rows are another's from now on (rules §11). */
export interface Takeover {
  readonly account: string;
  readonly from: string;
  readonly to: string;
  /** Revision of the takeover in the survivor's stream. */
  readonly revision: number;
  /** Intents that go on as they stood with `from`, also where `to` has decided on them. */
  readonly intentIds: readonly string[];
}

/** A fact that may prove a decision wrong (ADR 0025): of a customer who was decided on by then, or of a template. */
export interface LateFactRow {
  readonly position: Position;
  readonly stream: string;
}

export interface AccountRow {
  readonly state: AccountState;
}
export interface TemplateRow {
  readonly account: string;
  readonly state: TemplateState;
}

/** What comes with customers. */
export interface CustomerRows {
  /** The open intents in their states are stored as rows of their own: those that changed are among `openIntents`. */
  readonly customers: readonly CustomerRow[];
  /** The latest row per intent. */
  readonly decisions: readonly DecisionRow[];
  /** Those that changed, and those that may wake otherwise than before. */
  readonly openIntents: readonly OpenIntentRow[];
  /** Ids of recorded facts, so that a repeat is recognised for ever. */
  readonly facts: readonly string[];
  readonly activeUsers: readonly MauRow[];
}

/** All that one batch of events changed, as the projector hands it over; no row is named twice. */
export interface ProjectionChanges extends CustomerRows {
  /** Rows of whose keys none can be stored yet, which cost half as much; one that is stored all the same is replaced. */
  readonly begun: CustomerRows;
  /** Intents that are open no more. */
  readonly closed: readonly IntentKey[];
  /**
   * After all the other rows: decisions and active months of one become the other's, where that has none of its own.
   * Nobody counts twice (case 23). No customer is named twice.
   */
  readonly takeovers: readonly Takeover[];
  readonly lateFacts: readonly LateFactRow[];
  readonly accounts: readonly AccountRow[];
  readonly templates: readonly TemplateRow[];
}

/** The projector's side: one transaction per batch. */
export abstract class ProjectionStore {
  /** Position of the last applied event; undefined before the first. */
  abstract checkpoint(projection: string): Promise<Position | undefined>;
  abstract customers(keys: readonly CustomerKey[]): Promise<readonly CustomerRow[]>;
  abstract decisions(keys: readonly IntentKey[]): Promise<readonly DecisionRow[]>;
  abstract accounts(): Promise<readonly AccountRow[]>;
  abstract templates(): Promise<readonly TemplateRow[]>;
  /**
   * Stores the changes and moves the checkpoint `from` → `to` by compare and swap, in one transaction.
   * Rows are guarded by revision: an older one never replaces a newer one.
   * @throws InfrastructureError `checkpoint-taken` when another process moved the checkpoint
   */
  abstract apply(
    projection: string,
    from: Position | undefined,
    to: Position,
    changes: ProjectionChanges,
  ): Promise<void>;
  /** Moves a checkpoint that has no rows of its own, by compare and swap. @throws InfrastructureError `checkpoint-taken` */
  abstract moveCheckpoint(name: string, from: Position | undefined, to: Position): Promise<void>;
}

/** The deciders' and the API's side: rows as of the projection's checkpoint. */
export abstract class ReadModel {
  abstract customers(keys: readonly CustomerKey[]): Promise<readonly CustomerRow[]>;
  abstract decisions(keys: readonly IntentKey[]): Promise<readonly DecisionRow[]>;
  /** Which of these event ids are recorded facts. */
  abstract knownFacts(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Intents whose message the provider knows by these ids. */
  abstract intentsByProviderMessage(
    account: string,
    providerMessageIds: readonly string[],
  ): Promise<ReadonlyMap<string, IntentKey>>;
  /** All decisions on one intent id, of any customer of the account; at most `limit`. */
  abstract decisionsByIntentId(account: string, intentId: string, limit: number): Promise<readonly DecisionRow[]>;
  abstract accounts(): Promise<readonly AccountRow[]>;
  abstract templates(account?: string): Promise<readonly TemplateRow[]>;
  /** Active users counted so far in a month, and the position up to which the log was counted. */
  abstract activeUsers(months: readonly { readonly account: string; readonly month: string }[]): Promise<{
    readonly position: Position | undefined;
    readonly users: readonly number[];
  }>;
  /**
   * Intents to look at now: those with `wakeAt ≤ now`, and, for `held`, those held for a template that is approved by now.
   * Ordered by `wakeAt`; at most `limit`.
   */
  abstract awake(statuses: readonly WakeRow['status'][], now: Instant, limit: number): Promise<readonly WakeRow[]>;
  /** Late facts behind the position, in the order of the log; at most `limit`. */
  abstract lateFacts(after: Position | undefined, limit: number): Promise<readonly LateFactRow[]>;
  abstract ping(): Promise<void>;
}
