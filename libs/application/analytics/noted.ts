import type { MauEvent } from '#domain/account';
import type { ActiveUser } from '#domain/analytics/active-user';
import type { CustomerEvent } from '#domain/gate/events';
import type { Instant } from '#domain/time';
import type { MonthKey } from '../ports/analytics.js';
import type { Position } from '../ports/event-store.js';
import type { CustomerKey } from '../ports/read-model.js';

/** An event of a customer as analytics reads it. */
export interface Noted extends CustomerKey {
  readonly id: string;
  readonly revision: number;
  readonly position: Position;
  readonly recordedAt: Instant;
  readonly event: CustomerEvent;
  /** Where the event makes its customer active: the month, by the account as of then. */
  readonly counted?: (ActiveUser & { readonly month: string }) | undefined;
}

export interface NotedMonth extends MonthKey {
  readonly position: Position;
  readonly event: MauEvent;
}
