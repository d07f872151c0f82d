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
import type {
  AnalyticsChanges,
  AnalyticsCheckpoint,
  AnalyticsStore,
  MonthKey,
  SessionSpan,
} from '../ports/analytics.js';
import type { EventStore, RecordedEvent } from '../ports/event-store.js';
import type { CustomerKey, IntentKey } from '../ports/read-model.js';
import { readAhead } from '../read-ahead.js';
import { streamParts } from '../streams.js';
import { countedUsers, foldUsers, mergedCustomers, touchedMonths } from './active-users.js';
import { earlierIntents, foldDecided } from './decided.js';
import type { Noted, NotedMonth } from './noted.js';
import { foldRevised } from './revised.js';
import { RememberedRows } from './remembered.js';
import { foldSessions, sessionSpans } from './sessions.js';

/** The projection that analysts read, with the version of its fold: another version fills tables of its own. */
export const ANALYTICS = 'analytics@2';
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
  readonly #rows: RememberedRows;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: EventStore,
    private readonly analytics: AnalyticsStore,
    private readonly applied: (to: AnalyticsCheckpoint, events: number) => void = () => undefined,
    /** How many rows it remembers, so as not to read them back: about half a kilobyte each. */
    room = 0,
  ) {
    // What is being written is read only once it stands.
    const read =
      <Asked, Row>(ask: (keys: readonly Asked[]) => Promise<readonly Row[]>) =>
      async (keys: readonly Asked[]): Promise<readonly Row[]> => {
        if (keys.length === 0) return [];
        await this.#writing;
        return await ask(keys);
      };
    this.#rows = new RememberedRows(
      {
        sessions: read((spans: readonly SessionSpan[]) => analytics.sessions(spans)),
        users: read((keys: readonly (MonthKey & CustomerKey)[]) => analytics.users(keys)),
        usersOf: read((customers: readonly CustomerKey[]) => analytics.usersOf(customers)),
        months: read((keys: readonly MonthKey[]) => analytics.months(keys)),
        authorised: read((keys: readonly IntentKey[]) => analytics.authorised(keys)),
      },
      room,
    );
  }

  /** Follows the log from the stored checkpoint until aborted. @throws InfrastructureError `checkpoint-taken` */
  async follow(signal: AbortSignal, { batchSize, rest }: Pace = { batchSize: 500 }): Promise<void> {
    let from = await this.begin();
    const options = { name: ANALYTICS, after: from, categories: analyticsCategories, batchSize, signal };
    try {
      for await (const { events, caughtUp } of readAhead(this.store.subscribe(options))) {
        const last = events.at(-1);
        if (last === undefined) continue;
        const startedAt = performance.now();
        const to = { position: last.position, recordedAt: last.recordedAt };
        const changes = await this.changes(events);
        await this.#writing;
        this.#rows.take(changes);
        this.#writing = this.analytics.apply(from, to, changes).then(() => this.applied(to, events.length));
        // Observed before the next one is written; a failure meanwhile is not unhandled.
        this.#writing.catch(() => {});
        from = to.position;
        // While it is written, the next batch is folded: where nobody is to go first, and there is one.
        if (caughtUp || rest !== undefined) await this.#writing;
        await rest?.({ tookMs: performance.now() - startedAt, isFull: events.length === batchSize }, signal);
      }
    } finally {
      await this.#writing;
    }
  }

  /** Takes up what is stored. Returns the position to go on from. */
  async begin(): Promise<number | undefined> {
    this.#writing = Promise.resolve();
    this.#rows.clear();
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
    const rows = this.#rows;
    rows.meet(noted);
    const { decided, hours, sent } = foldDecided(noted, await rows.authorised(earlierIntents(noted)));
    const spans = sessionSpans(noted, sent);
    const counted = countedUsers(noted);
    const merged = mergedCustomers(noted);
    const [sessions, users, ofMerged] = await Promise.all([
      rows.sessions(spans),
      rows.users(counted),
      rows.usersOf(merged),
    ]);
    const known = [...users, ...ofMerged];
    const months = await rows.months(touchedMonths(counted, ofMerged, closings));
    return {
      begun: noted.filter(({ revision }) => revision === 0),
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

  #noted(account: string, customer: string, { id, event, revision, position, recordedAt }: RecordedEvent): Noted {
    const state = this.#accounts.get(account) ?? initialAccount(account);
    const own = event as CustomerEvent;
    const rule = policyAt(state, recordedAt).mauRule;
    const counted = countsIn(own, state, rule);
    return {
      account,
      customer,
      id,
      revision,
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
