import { setImmediate as sent } from 'node:timers/promises';
import { InfrastructureError } from '#application/errors';
import { GroupCommit } from '#application/group-commit';
import type { Clock } from '#application/ports/clock';
import {
  EventStore,
  MAX_APPEND_BYTES,
  NO_STREAM,
  type AppendOutcome,
  type Category,
  type EventBatch,
  type Position,
  type RecordedEvent,
  type StreamAppend,
  type StreamRead,
  type SubscriptionOptions,
} from '#application/ports/event-store';
import { decodeEvent, encodeEvent, type StoredEvent } from '#contracts/events/codec';
import { instantOf, type Instant } from '#domain/time';
import type { Database } from './database.js';
import { isUnavailable, unavailableAs } from './failures.js';
import { lines, rowsOf } from './lines.js';
import { eventsOf, readPage, type LogPage } from './log-page.js';
import { RecentEvents } from './recent-events.js';
import { pause, pauseMs, Wakeup } from './wakeup.js';

/** Of what is written in one statement: PGlite keeps the process busy meanwhile. */
const MAX_GROUP_BYTES = MAX_APPEND_BYTES;
/** A batch of a subscription that holds so many is handed out, however few events it has. */
const BATCH_BYTES = 8_000_000;
const RECENT_BYTES = 3_000_000;
/** A notice may get lost: subscribers look by themselves so often. */
const POLL_MS = 1_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const CHANNEL = 'tidegate_events';

interface EncodedAppend extends StreamAppend {
  readonly stored: readonly StoredEvent[];
  readonly bytes: number;
}

interface EventRow extends StoredEvent {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  readonly id: string;
  readonly recorded_at: number;
}

const columns = 'e.position, e.stream, e.revision, e.id, e.type, e.data, e.metadata, e.recorded_at';

const recorded = (row: EventRow): RecordedEvent => ({
  id: row.id,
  ...decodeEvent(row),
  stream: row.stream,
  revision: row.revision,
  position: row.position,
  recordedAt: instantOf(row.recorded_at),
});

const categoryOf = (stream: string): string => stream.slice(0, Math.max(0, stream.indexOf('-')));

/** The event log in Postgres or PGlite. */
export class PostgresEventStore extends EventStore {
  readonly #appends = new GroupCommit<EncodedAppend, AppendOutcome>((group) => this.#appendGroup(group), {
    weight: MAX_GROUP_BYTES,
    weigh: ({ bytes }) => bytes,
    keyOf: ({ stream }) => stream,
  });
  readonly #recent: RecentEvents;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    /** How much of what this process has appended is kept for subscribers in it: bytes as stored. */
    recentBytes = RECENT_BYTES,
  ) {
    super();
    this.#recent = new RecentEvents(recentBytes);
  }

  async append(appends: readonly StreamAppend[]): Promise<readonly AppendOutcome[]> {
    return await this.#appends.add(appends.map(encoded));
  }

  async readStreams(reads: readonly StreamRead[]): Promise<readonly (readonly RecordedEvent[])[]> {
    const rows = await unavailableAs(
      'store-unavailable',
      this.database.query<EventRow & { readonly number: number }>(
        `select r.number, ${columns}
         from ${rowsOf(1, 'text', 'bigint', 'bigint')} with ordinality as r(stream, from_revision, at_most, number)
         cross join lateral (
           select * from tidegate_log.events e
           where e.stream = r.stream and e.revision >= r.from_revision order by e.revision limit r.at_most
         ) e
         order by r.number, e.revision`,
        [
          lines(reads.map(({ stream }) => stream)),
          lines(reads.map(({ fromRevision }) => fromRevision)),
          lines(reads.map(({ atMost }) => atMost ?? null)),
        ],
      ),
    );
    const streams: RecordedEvent[][] = reads.map(() => []);
    for (const row of rows) streams[row.number - 1]?.push(recorded(row));
    return streams;
  }

  /** While a page is parsed the next one is read, as long as there is one. */
  async *subscribe({ after, categories, batchSize, signal }: SubscriptionOptions): AsyncGenerator<EventBatch> {
    const wakeup = new Wakeup();
    const unlisten = this.database.listen(CHANNEL, (category) => {
      if (category === undefined || categories.some((wanted) => wanted === category)) wakeup.knock();
    });
    const follower = { categories, position: after ?? 0 };
    const read = async (position: Position): Promise<LogPage | undefined> => {
      // Whoever knocks from here on may speak of what this reading does not see, also of one that goes ahead.
      wakeup.answer();
      return await this.#read(position, categories, batchSize);
    };
    let ahead: Promise<LogPage | undefined> | undefined;
    let toldCaughtUp = false;
    this.#recent.follow(follower);
    try {
      for (let failures = 0; !signal.aborted;) {
        const page = await (ahead ?? read(follower.position));
        ahead = undefined;
        if (page === undefined) {
          await pause(pauseMs(failures, 100, 5_000), signal);
          failures += 1;
          continue;
        }
        failures = 0;
        const last = page.positions.at(-1);
        const caughtUp = page.positions.length < batchSize && page.bytes < BATCH_BYTES;
        // Not where others follow: what is read and not yet parsed, they would read and parse as well.
        if (last !== undefined && !caughtUp && !this.#recent.isShared) {
          ahead = read(last);
          // Observed at the next turn; a failure meanwhile is not unhandled.
          ahead.catch(() => {});
          // It is sent before this page keeps the process busy.
          await sent();
        }
        const events = this.#eventsOf(page);
        if (events === undefined) {
          ahead = undefined;
          continue;
        }
        if (events.length > 0 || (caughtUp && !toldCaughtUp)) {
          follower.position = events.at(-1)?.position ?? follower.position;
          this.#recent.release();
          toldCaughtUp = caughtUp;
          yield { events, caughtUp };
        }
        if (caughtUp) await wakeup.wait(POLL_MS, signal);
      }
    } finally {
      unlisten();
      this.#recent.unfollow(follower);
    }
  }

  async gap(after: Position | undefined, categories: readonly Category[], atMost: number): Promise<number> {
    const rows = await unavailableAs(
      'store-unavailable',
      this.database.query<{ count: number }>(
        `select count(*) as count from (
           select 1 from ${rowsOf(1, 'text')} as c(category)
           cross join lateral (
             select 1 from tidegate_log.events e where e.category = c.category and e.position > $2 limit $3
           ) e limit $3
         ) e`,
        [lines(categories), after ?? 0, atMost],
      ),
    );
    return rows[0]?.count ?? 0;
  }

  async ping(): Promise<void> {
    await unavailableAs('store-unavailable', this.database.query('select 1'));
  }

  /** Waits for running appends; the database is closed by who opened it. */
  async close(): Promise<void> {
    await this.#appends.idle();
  }

  /** Undefined while the database does not answer. */
  async #read(after: Position, categories: readonly Category[], limit: number): Promise<LogPage | undefined> {
    const known = this.#recent.after(after);
    try {
      return await readPage(this.database, { after, categories, limit, maxBytes: BATCH_BYTES, known });
    } catch (error) {
      if (isUnavailable(error)) return undefined;
      throw error;
    }
  }

  /** Undefined where the log is not the one that was appended to, as after a backup was put back: read it again. */
  #eventsOf(page: LogPage): readonly RecordedEvent[] | undefined {
    const read = eventsOf(page);
    if (read === undefined) {
      this.#recent.forget();
      return undefined;
    }
    const { events, parsed } = read;
    if (parsed.length > 0) this.#recent.rememberRead(parsed, (page.bytes * parsed.length) / events.length, categoryOf);
    return events;
  }

  async #appendGroup(group: readonly EncodedAppend[]): Promise<readonly AppendOutcome[]> {
    const events = group.flatMap(({ stream, expectedRevision, events, stored }) =>
      // Field by field, here and below: a spread that adds to what it copies takes V8 far longer.
      stored.map(({ type, data, metadata }, index) => ({
        stream,
        revision: expectedRevision + 1 + index,
        expected: expectedRevision,
        id: events[index]?.id ?? '',
        type,
        data,
        metadata,
      })),
    );
    const recordedAt = this.clock.now();
    try {
      const rows = await this.database.query<{ stands: boolean; actual: number; last_position: number | null }>(
        `select * from tidegate_log.append_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
        [
          lines(events.map(({ stream }) => stream)),
          lines(events.map(({ revision }) => revision)),
          lines(events.map(({ expected }) => expected)),
          lines(events.map(({ stream }) => categoryOf(stream))),
          lines(events.map(({ id }) => id)),
          lines(events.map(({ type }) => type)),
          lines(events.map(({ data }) => data)),
          lines(events.map(({ metadata }) => metadata)),
          recordedAt,
          events.length,
          lines(group.map(({ stream }) => stream)),
          lines(group.map(({ events }) => events.length)),
        ],
      );
      const last = rows[0]?.last_position ?? null;
      if (last !== null) this.#remember(group, last - events.length + 1, recordedAt);
      for (const category of new Set(group.map(({ stream }) => categoryOf(stream))))
        this.database.notify(CHANNEL, category);
      return group.map(({ expectedRevision, events }, index) => {
        const row = rows[index];
        return last !== null || row?.stands === true
          ? { kind: 'appended', revision: expectedRevision + events.length }
          : { kind: 'conflict', actualRevision: row?.actual ?? NO_STREAM };
      });
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      return group.map(() => ({ kind: 'unknown', cause: error }));
    }
  }

  #remember(group: readonly EncodedAppend[], first: Position, recordedAt: Instant): void {
    let position = first;
    const events = group.flatMap(({ stream, expectedRevision, events: own }) =>
      own.map(({ id, event, metadata }, index) => ({
        // As Postgres writes it.
        id: id.toLowerCase(),
        event,
        metadata,
        stream,
        revision: expectedRevision + 1 + index,
        position: position++,
        recordedAt,
      })),
    );
    this.#recent.remember(
      events,
      group.reduce((sum, { bytes }) => sum + bytes, 0),
      categoryOf,
    );
  }
}

/** Checks all that the database would refuse: appends of others share the statement. */
const encoded = (append: StreamAppend): EncodedAppend => {
  const { stream, expectedRevision, events } = append;
  if (!/^\P{Cc}+$/u.test(stream) || !events.every(({ id }) => UUID.test(id)))
    throw new InfrastructureError('event-unserialisable', `Not a name of a stream or not UUIDs of events: ${stream}.`);
  const stored = events.map(({ event, metadata }) => encodeEvent(event, metadata));
  const bytes = stored.reduce(
    (sum, { type, data, metadata }) => sum + 2 * type.length + Buffer.byteLength(data) + Buffer.byteLength(metadata),
    0,
  );
  if (bytes > MAX_APPEND_BYTES)
    throw new InfrastructureError(
      'event-too-large',
      `The events for ${stream} weigh ${bytes} bytes, and at most ${MAX_APPEND_BYTES} are stored at once.`,
    );
  return { stream, expectedRevision, events, stored, bytes };
};
