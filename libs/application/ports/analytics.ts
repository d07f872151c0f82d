import type { AccountState } from '#domain/account';
import type { ActiveUser, UsersByDay } from '#domain/analytics/active-user';
import type { Session } from '#domain/analytics/session';
import type { Month, Zone } from '#domain/calendar';
import type { CostEffect, Said } from '#domain/gate/events';
import type { Policy } from '#domain/policy';
import type { Instant } from '#domain/time';
import type { Position } from './event-store.js';
import type { CustomerKey, DecisionOutcome, IntentKey } from './read-model.js';

export interface SessionKey extends CustomerKey {
  readonly sender: string;
}

/** `position`: of the last event that changed the row; its version. */
export interface SessionRow extends SessionKey, Session {
  readonly position: Position;
}

export interface MonthKey {
  readonly account: string;
  readonly month: Month;
}

export interface ActiveUserRow extends MonthKey, CustomerKey, ActiveUser {
  readonly position: Position;
}

/** The count of a month when it closed, of the event `MonthClosed` (rules §9). */
export interface ClosedMonth {
  readonly at: Instant;
  readonly users: number;
  /** Facts up to and including this place in the log were counted. */
  readonly position: Position;
}

export interface MonthRow extends MonthKey {
  readonly zone: Zone;
  readonly rule: Policy['mauRule'];
  /** As counted by now. For a closed month this is `closed.users` and the adjustments, those still to come included. */
  readonly users: number;
  readonly days: UsersByDay;
  readonly closed?: ClosedMonth | undefined;
  /** The sum of the adjustments since. */
  readonly adjusted: number;
  readonly position: Position;
}

/** One user more or less in a month that is over or nearly so: it may have to become a `MauAdjusted`. */
export interface MonthChange extends MonthKey {
  readonly customer: string;
  readonly change: 1 | -1;
  /** The event that made the change. */
  readonly because: string;
  readonly position: Position;
}

/** One decision, and what became of the message. */
export interface DecidedRow extends IntentKey {
  /** Of the decision's event: with it the row has a key. */
  readonly position: Position;
  readonly at: Instant;
  readonly outcome: DecisionOutcome;
  readonly reason: string | null;
  /** The number of the rule that decided; null for a cancellation. */
  readonly rule: string | null;
  readonly policy: string | null;
  readonly cost: CostEffect | null;
  readonly sender: string;
  /** Null where the intent was cancelled before it came. */
  readonly kind: 'session' | 'template' | null;
  readonly template: { readonly name: string; readonly language: string } | null;
  /** When the provider took the message, or reported it delivered without having said so. */
  readonly sentAt: Instant | null;
  readonly deliveredAt: Instant | null;
  /** The provider's code, where the message failed. */
  readonly failure: string | null;
}

export interface HourKey {
  readonly account: string;
  /** The start of an hour, UTC. */
  readonly hour: Instant;
  readonly outcome: DecisionOutcome;
  readonly reason: string | null;
}

export interface HourRow extends HourKey {
  readonly decisions: number;
}

/** What late facts say by now of a decision that stands (ADR 0025). */
export interface RevisedRow extends IntentKey {
  /** The id of the decision's event. */
  readonly decision: string;
  readonly decidedAt: Instant;
  readonly sender: string;
  readonly said: Said;
  readonly withLateFacts: Said;
  /** The id of the late fact's event, its type, when it was true, and when it was recorded. */
  readonly because: string;
  readonly fact: string;
  readonly trueAt: Instant;
  readonly recordedAt: Instant;
  readonly position: Position;
}

/** How many decisions of a span are proven wrong. */
export interface RevisedCount {
  readonly said: Said;
  readonly withLateFacts: Said;
  readonly decisions: number;
}

/** A session row to take away: it was joined with another one. */
export type RemovedSession = Pick<SessionRow, 'account' | 'customer' | 'sender' | 'id' | 'openedAt' | 'position'>;

/** All that one batch of events changed. */
export interface AnalyticsChanges {
  /** Whose first event is among these: none of their rows can be stored yet, which makes writing them cheaper. */
  readonly begun: readonly CustomerKey[];
  readonly sessions: readonly SessionRow[];
  /** Taken away first: a row whose `openedAt` moved is in both. `isGone`: its id is in use no more. */
  readonly removedSessions: readonly (RemovedSession & { readonly isGone: boolean })[];
  readonly users: readonly ActiveUserRow[];
  readonly removedUsers: readonly (MonthKey & CustomerKey)[];
  readonly months: readonly MonthRow[];
  readonly monthChanges: readonly MonthChange[];
  /** Changes for which a `MauAdjusted` is in the log. */
  readonly settled: readonly Pick<MonthChange, 'account' | 'month' | 'customer' | 'because'>[];
  readonly decided: readonly DecidedRow[];
  readonly revised: readonly RevisedRow[];
  /** To be added to what is there. */
  readonly hours: readonly HourRow[];
  readonly accounts: readonly AccountState[];
}

export interface AnalyticsCheckpoint {
  readonly position: Position;
  /** When the event there was recorded. */
  readonly recordedAt: Instant;
}

/** Sessions that may change: those that begin before `until` and end after `from`. */
export interface SessionSpan extends CustomerKey {
  /** Undefined: of all senders. No two spans of a batch have sessions in common. */
  readonly sender: string | undefined;
  readonly from: Instant;
  readonly until: Instant;
}

/** The projector's side of analytics: one transaction per batch. */
export abstract class AnalyticsStore {
  /** @throws InfrastructureError `checkpoint-taken` when the tables belong to another version of the projection */
  abstract checkpoint(): Promise<AnalyticsCheckpoint | undefined>;
  abstract accounts(): Promise<readonly AccountState[]>;
  abstract sessions(spans: readonly SessionSpan[]): Promise<readonly SessionRow[]>;
  abstract users(keys: readonly (MonthKey & CustomerKey)[]): Promise<readonly ActiveUserRow[]>;
  /** All months of these customers. */
  abstract usersOf(customers: readonly CustomerKey[]): Promise<readonly ActiveUserRow[]>;
  abstract months(keys: readonly MonthKey[]): Promise<readonly MonthRow[]>;
  /** The latest authorisation of each intent. */
  abstract authorised(keys: readonly IntentKey[]): Promise<readonly DecidedRow[]>;
  /**
   * Stores the changes and moves the checkpoint by compare and swap, in one transaction. Rows are guarded by position:
   * an older one never replaces a newer one.
   * @throws InfrastructureError `checkpoint-taken` when another process moved the checkpoint
   */
  abstract apply(from: Position | undefined, to: AnalyticsCheckpoint, changes: AnalyticsChanges): Promise<void>;
}

/** Which sessions are wanted; `from` inclusive and `until` exclusive, by when they began. */
export interface SessionFilter {
  readonly from?: Instant | undefined;
  readonly until?: Instant | undefined;
  readonly sender?: string | undefined;
  readonly customer?: string | undefined;
}

/** Which decisions are wanted; `from` inclusive and `until` exclusive, by when they were taken. */
export interface DecidedFilter {
  readonly from?: Instant | undefined;
  readonly until?: Instant | undefined;
  readonly outcome?: DecisionOutcome | undefined;
  readonly reason?: string | undefined;
  readonly sender?: string | undefined;
  readonly customer?: string | undefined;
}

/** What was counted of a month, and up to where in the log. */
export interface MonthCount {
  readonly users: number;
  readonly position: Position;
}

/** What is to be told of a change: the row as it is by now, or that it is gone. */
export interface AnalyticsNews {
  readonly sessions: readonly SessionRow[];
  readonly removed: readonly Pick<RemovedSession, 'account' | 'id' | 'position'>[];
  readonly months: readonly MonthRow[];
  /** All that changed up to here is among them. */
  readonly upTo: Position;
}

/** The side of those who ask: rows as of the projection's checkpoint. Lists go on behind the row that was last. */
export abstract class Analytics {
  abstract checkpoint(): Promise<AnalyticsCheckpoint | undefined>;
  abstract accounts(): Promise<readonly AccountState[]>;
  abstract account(account: string): Promise<AccountState | undefined>;
  /** The latest first. */
  abstract sessions(
    account: string,
    filter: SessionFilter,
    after: Pick<SessionRow, 'openedAt' | 'id'> | undefined,
    limit: number,
  ): Promise<readonly SessionRow[]>;
  /** By customer. */
  abstract users(
    account: string,
    month: Month,
    after: Pick<ActiveUserRow, 'customer'> | undefined,
    limit: number,
  ): Promise<readonly ActiveUserRow[]>;
  /** All months of an account with a user or a close, in their order. */
  abstract months(account: string): Promise<readonly MonthRow[]>;
  /** The latest first. */
  abstract decided(
    account: string,
    filter: DecidedFilter,
    after: Pick<DecidedRow, 'at' | 'position'> | undefined,
    limit: number,
  ): Promise<readonly DecidedRow[]>;
  /** How many decisions each hour that has some, from the first of these instants on and before the second. */
  abstract hours(account: string, from: Instant, until: Instant): Promise<readonly HourRow[]>;
  /** Decisions that late facts prove wrong, the latest decision first; not those that other late facts put right. */
  abstract revised(
    account: string,
    filter: Pick<DecidedFilter, 'from' | 'until' | 'customer'>,
    after: Pick<RevisedRow, 'decidedAt' | 'decision'> | undefined,
    limit: number,
  ): Promise<readonly RevisedRow[]>;
  /** The same, counted, of those taken from the first of these instants on and before the second; the most first. */
  abstract revisedCounts(account: string, from: Instant, until: Instant): Promise<readonly RevisedCount[]>;
  /** A month's count and the checkpoint, as of one moment. */
  abstract countUpTo(key: MonthKey): Promise<MonthCount | undefined>;
  /** Changes of closed months, behind the position that they were closed at, that the log has no adjustment of. */
  abstract unsettled(limit: number): Promise<readonly MonthChange[]>;
  /** What changed behind the position: about so many rows, in the order of their changes. Undefined before the first event. */
  abstract news(after: Position | undefined, limit: number): Promise<AnalyticsNews | undefined>;
}
