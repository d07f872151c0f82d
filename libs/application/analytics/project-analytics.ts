import {
  billingMonth,
  evolveAccount,
  initialAccount,
  policyAt,
  zoneAt,
  type AccountEvent,
  type AccountState,
  type MauEvent,
} from '#domain/account';
import type { CustomerEvent } from '#domain/gate/events';
import { countsIn } from '#domain/mau';
import type { AnalyticsChanges, AnalyticsCheckpoint, AnalyticsStore } from '../ports/analytics.js';
import type { EventStore, RecordedEvent } from '../ports/event-store.js';
import { streamParts } from '../streams.js';
import { countedUsers, foldUsers, mergedCustomers, touchedMonths } from './active-users.js';
import { earlierIntents, foldDecided } from './decided.js';
import type { Noted, NotedMonth } from './noted.js';
import { foldRevised } from './revised.js';
import { foldSessions, sessionSpans } from './sessions.js';

/** The projection that analysts read, with the version of its fold: another version fills tables of its own. */
export const ANALYTICS = 'analytics@1';
/** What it folds. */
export const analyticsCategories = ['customer', 'account', 'mau'] as const;

/** How the projection goes about its work. */
export interface Pace {
  /** Events per transaction at most. */
  readonly batchSize: number;
  /** Called after each batch, and waited for: lets others go first. */
  readonly rest?:
    | ((batch: { readonly tookMs: number; readonly isFull: boolean }, signal: AbortSignal) => Promise<void>)
    | undefined;
}

/**
 * Folds the log into sessions, the ledger of active users and decisions by reason and hour: a follower of its own, so
 * that the gate never waits for it.
 */
export class ProjectAnalytics {
  readonly #accounts = new Map<string, AccountState>();

  constructor(
    private readonly store: EventStore,
    private readonly analytics: AnalyticsStore,
    private readonly applied: (to: AnalyticsCheckpoint, events: number) => void = () => undefined,
  ) {}

  /** Follows the log from the stored checkpoint until aborted. @throws InfrastructureError `checkpoint-taken` */
  async follow(signal: AbortSignal, { batchSize, rest }: Pace = { batchSize: 500 }): Promise<void> {
    let from = await this.begin();
    const options = { name: ANALYTICS, after: from, categories: analyticsCategories, batchSize, signal };
    for await (const { events } of this.store.subscribe(options)) {
      const last = events.at(-1);
      if (last === undefined) continue;
      const startedAt = performance.now();
      const to = { position: last.position, recordedAt: last.recordedAt };
      await this.analytics.apply(from, to, await this.changes(events));
      from = to.position;
      this.applied(to, events.length);
      await rest?.({ tookMs: performance.now() - startedAt, isFull: events.length === batchSize }, signal);
    }
  }

  /** Takes up what is stored. Returns the position to go on from. */
  async begin(): Promise<number | undefined> {
    const checkpoint = await this.analytics.checkpoint();
    for (const state of await this.analytics.accounts()) this.#accounts.set(state.account, state);
    return checkpoint?.position;
  }

  /** What these consecutive events of the log change. */
  async changes(events: readonly RecordedEvent[]): Promise<AnalyticsChanges> {
    const accounts = new Map<string, AccountState>();
    const noted: Noted[] = [];
    const closings: NotedMonth[] = [];
    for (const recorded of events) {
      const parts = streamParts(recorded.stream);
      if (parts === undefined) continue;
      const { account, category, rest } = parts;
      if (category === 'account') this.#takeAccount(account, recorded, accounts);
      else if (category === 'customer') noted.push(this.#noted(account, rest[0] ?? '', recorded));
      else if (category === 'mau') {
        const event = recorded.event as MauEvent;
        closings.push({ account, month: rest[0] ?? '', position: recorded.position, event });
      }
    }
    const { analytics } = this;
    const { decided, hours, sent } = foldDecided(noted, await analytics.authorised(earlierIntents(noted)));
    const spans = sessionSpans(noted, sent);
    const counted = countedUsers(noted);
    const merged = mergedCustomers(noted);
    const [sessions, users, ofMerged] = await Promise.all([
      analytics.sessions(spans),
      analytics.users(counted),
      analytics.usersOf(merged),
    ]);
    const known = [...users, ...ofMerged];
    const months = await analytics.months(touchedMonths(counted, ofMerged, closings));
    return {
      ...foldSessions(noted, sent, sessions),
      ...foldUsers(noted, closings, known, months),
      decided,
      revised: foldRevised(noted),
      hours,
      accounts: [...accounts.values()],
    };
  }

  #takeAccount(account: string, { event, revision }: RecordedEvent, changed: Map<string, AccountState>): void {
    const state = this.#accounts.get(account) ?? initialAccount(account);
    if (revision <= state.revision) return;
    const next = { ...evolveAccount(state, event as AccountEvent), revision };
    this.#accounts.set(account, next);
    changed.set(account, next);
  }

  #noted(account: string, customer: string, { id, event, position, recordedAt }: RecordedEvent): Noted {
    const state = this.#accounts.get(account) ?? initialAccount(account);
    const own = event as CustomerEvent;
    const rule = policyAt(state, recordedAt).mauRule;
    const counted = countsIn(own, state, rule);
    return {
      account,
      customer,
      id,
      position,
      recordedAt,
      event: own,
      counted: counted && {
        month: counted.month,
        firstAt: counted.at,
        firstEventId: id,
        rule,
        zone: zoneAt(state, billingMonth(state, counted.at).from),
      },
    };
  }
}
